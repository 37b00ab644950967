"""What makes the documentation site: docstrings, links, notebooks, and the last look."""

import base64
import doctest
import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
site_check, site_markup, site_pages, site_reference = (
    importlib.import_module(f"site_{name}") for name in ("check", "markup", "pages", "reference")
)
PIXEL = base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize("module", [site_markup, site_pages, site_reference])
def test_their_examples_hold(module):
    ran = doctest.testmod(module)
    assert ran.attempted and not ran.failed


def test_formulas_over_several_lines_are_one():
    text = "A loss.\n\n.. math:: a\n          + b\n\nNext."
    assert site_markup.docstring_markdown(text).split() == [
        "A",
        "loss.",
        "$$a",
        "+",
        "b$$",
        "Next.",
    ]


def test_doctests_become_blocks_and_end_at_the_empty_line():
    text = "Before.\n\n>>> 1 + 1\n2\n\nAfter."
    assert "```pycon\n>>> 1 + 1\n2\n```\n" in site_markup.docstring_markdown(text)
    assert site_markup.docstring_markdown(">>> 1\n1").endswith("1\n```")


def test_inputs_and_outputs_are_sections_and_what_follows_is_not():
    text = "Inputs:\n    - **u**: code.\n\nRaises\n------\nValueError"
    lines = site_markup.docstring_markdown(text).splitlines()
    assert lines == ["Inputs", "------", "- **u**: code.", "", "Raises", "------", "ValueError"]


def test_links_in_code_stay_and_pictures_inside_links_move():
    gone = {"a.md": "b.md", "p.png": "q.png"}.get
    text = "`[x](a.md)`\n```\n[x](a.md)\n```\n[![p](p.png)](a.md) [self](#here)"
    expected = "`[x](a.md)`\n```\n[x](a.md)\n```\n[![p](q.png)](b.md) [self](#here)"
    assert site_markup.relink(text, gone) == expected


def test_notebooks_show_what_they_printed_and_drew():
    cells = [
        {"cell_type": "markdown", "source": ["# T\n", "text"]},
        {
            "cell_type": "code",
            "source": ["print(1)"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"image/png": PIXEL}},
            ],
        },
    ]
    text = site_markup.notebook_markdown({"cells": cells}, "page")
    assert text.startswith("# T\ntext\n\n```python\nprint(1)\n```\n")
    assert "\n1\n```" in text and "](page_1_1.png)" in text
    assert site_markup.notebook_pictures({"cells": cells}, "page") == {"page_1_1.png": b"\x89PNG"}


@pytest.fixture
def site(tmp_path):
    """A site of one good page, and a function that adds another."""
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="a.html#top">up</a>')

    def add(text, name="b.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return site_check.problems(tmp_path)

    return add


@pytest.mark.parametrize(
    "text, said",
    [
        ('<a href="c.html">', "b.html: c.html is not there"),
        ('<img src="c.png">', "b.html: c.png is not there"),
        ('<a href="a.html#down">', "b.html: a.html#down: that page has no such anchor"),
        ('<a href="../outside.html">', "b.html: ../outside.html is not there"),
        ('<script src="https://cdn.example/x.js">', "b.html: loads https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/f">', "b.html: loads //fonts.example/f"),
    ],
)
def test_the_last_look_finds(site, text, said):
    assert site(text) == [said]


def test_the_last_look_finds_fonts_that_styles_load(site):
    style = "@font-face { src: url(https://fonts.example/a.woff2) }"
    (said,) = site(style, "s.css")
    assert said.startswith("s.css: loads") and "fonts.example" in said


@pytest.mark.parametrize(
    "text",
    [
        '<a href="a.html#top">',
        '<a href="https://example.org">',
        '<img src="data:image/png;base64,AA==">',
        '<link rel="canonical" href="https://example.org/b.html">',
    ],
)
def test_the_last_look_lets_be(site, text):
    assert site(text) == []


def test_links_of_the_page_for_wrong_addresses_count_from_the_top(site):
    assert site('<a href="/a.html">', "404.html") == []
    assert site('<a href="/x.html">', "404.html") == ["404.html: /x.html is not there"]


def test_every_public_name_has_its_entry_in_one_place():
    pages = {room: site_reference.reference_page(room) for room in site_reference.rooms()}
    assert {"gluon_hash", "gluon_hash.losses", "gluon_hash.retrieval.index"} <= set(pages)
    described = [line[4:] for page in pages.values() for line in page.split("\n\n")]
    described = [line for line in described if line.startswith("gluon_hash") and "\n" not in line]
    assert len(described) == len(set(described)) > 200
    for room, page in pages.items():
        for name in site_reference.public_names(room):
            assert f"#{room}.{name} " in page or f'id="{room}.{name}"' in page


@pytest.mark.mxnet
def test_names_read_from_sources_are_those_that_are_imported():
    for room in site_reference.rooms():
        module = importlib.import_module(room)
        assert list(site_reference.public_names(room)) == list(module.__all__)
        for name in module.__all__:
            found = getattr(module, name)
            origin, _, own = site_reference.home(room, name).rpartition(".")
            assert getattr(importlib.import_module(origin), own) is found


def test_a_page_is_missed_where_a_name_has_none(tmp_path):
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "x.html").write_text('<a id="gluon_hash.train"></a>')
    missing = site_check.missing_names(tmp_path)
    assert "gluon_hash.train" not in missing and "gluon_hash.losses.HPDHLoss" in missing


def test_pages_are_those_of_docs_and_of_what_lies_beside_it(tmp_path):
    site_pages.write_pages(tmp_path / "pages")
    made = {path.relative_to(tmp_path / "pages").as_posix() for path in tmp_path.rglob("*.md")}
    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert docs < made
    assert {"index.md", "contributing.md", "notebooks/your_features.md", "api/losses.md"} <= made
    index = (tmp_path / "pages" / "index.md").read_text(encoding="utf-8")
    assert "](start.md)" in index and "shields.io" not in index and "](docs/" not in index
    notebook = json.loads((ROOT / "notebooks" / "your_features.ipynb").read_text(encoding="utf-8"))
    pictures = site_markup.notebook_pictures(notebook, "your_features")
    assert pictures
    for name in pictures:
        assert (tmp_path / "pages" / "notebooks" / name).read_bytes().startswith(b"\x89PNG")

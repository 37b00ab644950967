"""README, docs/ and the files beside them: links, commands, configurations, badges, citation."""

import re
from pathlib import Path

import pytest
import yaml

import gluon_hash

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")


def without_code(text):
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """Of a page's headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8")))
    wrong = []
    for target in targets:
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", path):
            continue
        goal = page.parent / path if path else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            wrong.append(target)
    assert not wrong


def test_the_readme_is_a_screen_and_a_half():
    assert len(README.splitlines()) <= 80
    assert README.count("![") - README.count("[![") == 1  # one picture beside the badges


def test_commands_of_the_readme_and_of_the_page_exist():
    from gluon_hash.cli.app import COMMANDS

    def used(text):
        return set(re.findall(r"gluon-hash ([a-z][a-z-]+)", text))

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert used(README) <= set(COMMANDS) == used(page)


def test_every_page_of_docs_is_in_the_navigation_and_no_other():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r": ([\w-]+\.md)$", text, re.MULTILINE))
    docs = {path.name for path in (ROOT / "docs").glob("*.md")}
    beside = set(
        re.findall(r'"([\w-]+\.md)",$', (ROOT / "tools" / "site_pages.py").read_text(), re.M)
    )
    assert len(beside) == 6 and named == docs | beside


def test_every_configuration_is_said_to_be_for_something():
    page = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    for path in (ROOT / "configs").glob("*.yaml"):
        assert f"`{path.stem}`" in page


def test_every_extra_has_its_row():
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    block = SETUP.split("extras_require={")[1].split("},")[0]
    extras = set(re.findall(r'^        "(\w+)":', block, re.MULTILINE)) - {"test", "dev"}
    assert {"mxnet", "serve"} <= extras
    assert extras == set(re.findall(r"^\| `\[(\w+)\]` \|", page, re.MULTILINE))


def test_the_results_of_the_readme_are_those_of_the_page():
    """Every number of its table is in docs/results.md or in docs/retrieval.md (ITQ)."""
    table = README.split("## Results")[1].split("##")[0]
    measured = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8")
        for name in ("results.md", "retrieval.md")
    )
    rows = re.findall(r"^\| .*?\| (\.\d+) \| (\.\d+) \| (\.\d+) \|$", table, re.MULTILINE)
    assert len(rows) >= 5
    for row in rows:
        spread = r" ?(?:± \.\d+)? ?[/|] ?"
        assert re.search(spread.join(re.escape(value) for value in row), measured), row


def test_badges_are_true():
    oldest, newest = re.findall(r"range\((\d+), (\d+)\)", SETUP)[0]
    (python,) = re.findall(r"badge/python-3\.(\d+)%20to%203\.(\d+)-", README)
    assert python == (oldest, str(int(newest) - 1)) and f">=3.{oldest}" in SETUP
    (mxnet,) = re.findall(r"badge/MXNet-([\d.]+)-", README)
    assert f'"mxnet=={mxnet};' in SETUP
    assert "licence-Apache--2.0-" in README and 'license="Apache-2.0"' in SETUP
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "types-mypy" in README and "disallow_untyped_defs = true" in (
        ROOT / "pyproject.toml"
    ).read_text(encoding="utf-8")
    assert README.count("img.shields.io") == 4


def test_the_citation_has_what_its_format_asks_for():
    """Keys that Citation File Format 1.2.0 requires, and the version of the package."""
    read = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(read)
    assert read["cff-version"] == "1.2.0" and read["type"] == "software"
    assert str(read["version"]) == gluon_hash.__version__ and read["license"] == "Apache-2.0"
    (paper,) = read["references"]
    assert {"type", "title", "authors"} <= set(paper) and "1901.11259" in paper["url"]
    assert all("name" in person or "family-names" in person for person in paper["authors"])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_issue_forms_are_well_formed(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(form)
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids)) and all(part["attributes"]["label"] for part in form["body"])
    assert {part["type"] for part in form["body"]} <= {"textarea", "checkboxes"}


def test_the_tools_of_the_site_are_pinned():
    lines = (ROOT / "constraints-docs.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    names = {line.split("==")[0].lower() for line in pins}
    assert {"mkdocs-material", "mkdocstrings-python", "latex2mathml"} <= names

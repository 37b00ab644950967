"""`gluon-hash report`, as a user runs it: what is on the page, what is escaped, what is refused."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up import write_images

from gluon_hash.experiment.cards.run_files import find_run

PLACES = ("src", "href", "srcset", "action", "data", "poster")


class Page(HTMLParser):
    """Addresses that a page names, its ids, its texts, its elements."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.ids, self.texts, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        for name, value in attributes:
            if name.rpartition(":")[2] in PLACES:
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def report(run, tmp_path):
    """Runs the command; the page's text."""

    def write(source, *options):
        out = tmp_path / "report.html"
        code, printed, err = run("report", source, "--out", out, *options)
        assert code == 0, err
        assert printed.strip() == str(out)
        return out.read_text(encoding="utf-8")

    return write


def test_a_run_is_told_on_one_page_that_loads_nothing(told):
    text = told[0].read_text(encoding="utf-8")
    page = Page(text)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"url\((?!#|\" \+)", text)
    assert len(page.ids) == len(set(page.ids))
    policy = next(v["content"] for t, v in page.tags if t == "meta" and "http-equiv" in v)
    assert policy.startswith("default-src 'none'") and "sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    words = " ".join(" ".join(page.texts).split())
    for said in (
        "HPDH, 16 bits",
        "cubic weight 10",
        "epoch 2 of 3 kept, by mAP, chosen on held-out images",
        "ITQ mAP 0.125",
        "9.8.7",
        "30 queries against 120 images",
        "loss, cubic",
        "mAP, same species",
    ):
        assert said in words, said


def test_names_are_escaped_wherever_they_are(told):
    text = told[0].read_text(encoding="utf-8")
    assert "<b>poodle" not in text and "&lt;b&gt;poodle" in text
    assert text.count("</script>") == 2  # the data's and the script's own
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["levels"][0]["classes"][5] == "</script>"


def test_the_map_has_every_query_once_and_equal_codes_together(told):
    text, query = told[0].read_text(encoding="utf-8"), told[1]
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["points"]) == len(np.unique(query.codes, axis=0))
    assert sum(point[3] for point in data["points"]) == len(query) == data["total"]
    assert max(point[3] for point in data["points"]) >= 2
    by_class = np.zeros(6, int)
    for point in data["points"]:
        assert sum(count for _, count in point[4]) == point[3]
        for label, count in point[4]:
            by_class[label] += count
    assert by_class.tolist() == [5] * 6
    assert data["levels"][2]["of"] == [0, 0, 0, 1, 1, 1]


def test_images_are_found_by_their_ids(told):
    page = Page(told[0].read_text(encoding="utf-8"))
    pictures = [values for tag, values in page.tags if tag == "img"]
    assert len(pictures) == 9 * 11  # three of each kind, and ten results
    assert all(values["alt"] and values["src"].startswith("data:image/") for values in pictures)
    frames = [
        values["class"] for tag, values in page.tags if values.get("class", "").startswith("level")
    ]
    assert any("same" in words for words in frames) and any("none" in words for words in frames)


def test_images_of_other_codes_are_refused(make_run, run, tmp_path):
    query, database = make_run(tmp_path / "run")
    write_images(tmp_path / "a.rec", database)
    out = ("--out", tmp_path / "r.html")
    records = ("--query-records", tmp_path / "a.rec", "--database-records", tmp_path / "a.rec")
    code, _, err = run("report", tmp_path / "run", *out, *records)
    assert code == 2 and "a.rec: these are not the images of the codes" in err
    assert not (tmp_path / "r.html").exists()


def test_a_comparison_shows_all_lines_and_one_closely(comparison, report):
    text = report(comparison, "--detail", "dcwh")
    words = " ".join(" ".join(Page(text).texts).split())
    assert "The rest of this page is about one run: DCWH" in words
    assert "Δ +0.250 [+0.125, +0.500]" in words and "the difference to HPDH’s" in words
    assert "uses the hierarchy" in words and "rank correlation with the tree" in words


def test_the_best_line_of_a_comparison_is_looked_at(comparison):
    path = comparison / "comparison.json"
    value = json.loads(path.read_text())
    for best, other in ((0, 1), (1, 0)):
        value["rows"][best]["metrics"]["map"]["mean"] = 0.9
        value["rows"][other]["metrics"]["map"]["mean"] = 0.8
        path.write_text(json.dumps(value))
        found, folder = find_run(comparison, None)
        assert found.detailed == value["rows"][best]["name"]
        assert folder.name == value["rows"][best]["runs"][0]
        assert found.hierarchical == {"hpdh"} and set(found.epochs) == set(found.curves)


@pytest.mark.parametrize(
    "change, options, message",
    [
        (
            lambda folder: (folder / "run.yaml").unlink(),
            (),
            "expected a run folder (with run.yaml)",
        ),
        (lambda folder: (folder / "log.jsonl").write_text("{"), (), "log.jsonl:1: not JSON"),
        (lambda folder: (folder / "query.npz").write_text("a"), (), "query.npz"),
        (lambda folder: (folder / "hierarchy.tsv").unlink(), (), "hierarchy.tsv"),
        (lambda folder: None, ("--query", "q.npz"), "give both or none"),
        (lambda folder: None, ("--detail", "x"), "detail is for a comparison"),
        (lambda folder: None, ("--confidence", "100"), "--confidence: expected a percentage"),
    ],
)
def test_what_cannot_be_reported_is_said(make_run, run, tmp_path, change, options, message):
    make_run(tmp_path / "run")
    change(tmp_path / "run")
    code, _, err = run("report", tmp_path / "run", "--out", tmp_path / "r.html", *options)
    assert code == 2 and message in err and "Traceback" not in err
    assert not (tmp_path / "r.html").exists()


def test_the_page_is_named_before_the_work(make_run, run, tmp_path):
    make_run(tmp_path / "run")
    code, _, err = run("report", tmp_path / "run", "--out", tmp_path / "r.pdf")
    assert code == 2 and "expected a name that ends in .html" in err
    (tmp_path / "mine.html").write_text("mine")
    code, _, err = run("report", tmp_path / "run", "--out", tmp_path / "mine.html")
    assert code == 2 and "exists already" in err
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_a_line_that_is_not_there_is_named_with_those_that_are(comparison, run, tmp_path):
    out = ("--out", tmp_path / "r.html")
    code, _, err = run("report", comparison, *out, "--detail", "csq")
    assert code == 2 and "expected one of hpdh, dcwh, got 'csq'" in err


def test_collapsed_codes_are_reported_all_the_same(make_run, report, tmp_path):
    from dataclasses import replace

    tables = make_run(tmp_path / "run")
    for name, table in zip(("query", "database"), tables):
        (tmp_path / "run" / f"{name}.npz").unlink()
        replace(table, codes=np.zeros_like(table.codes)).save(tmp_path / "run" / f"{name}.npz")
    text = report(tmp_path / "run")
    assert "all 30 codes are the same" in text and "not defined" in text
    assert "There are no images: no file nowhere/query.rec here." in text


@pytest.mark.mxnet
def test_codes_that_are_not_there_are_made(trained, prepared, run, tmp_path):
    code, _, err = run("report", trained / "run", "--out", tmp_path / "r.html", "--points", "30")
    assert code == 0, err
    assert "has no query.npz and database.npz: encoding" in err and "will take about" in err
    text = (tmp_path / "r.html").read_text()
    assert "made by the run’s network for this report" in text and "30 of 54 queries" in text
    assert not (trained / "run" / "query.npz").exists()

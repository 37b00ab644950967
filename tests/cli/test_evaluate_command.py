"""`gluon-hash evaluate` as a user sees it: what comes first, what is said of doubtful files."""

import csv
import json

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, codes, measure


@pytest.fixture
def pair(rng, tmp_path):
    """Codes of 8 classes in 4, good ones: the arguments that name them, and the tables."""
    centers = rng.randn(8, 32)

    def clustered(count, first_id):
        fine = np.arange(count) % 8
        labels = np.stack([fine, fine // 2], axis=1).astype(np.int32)
        packed = codes.pack(centers[fine] + 0.8 * rng.randn(count, 32))
        return CodeTable(np.arange(count) + first_id, packed, labels, 32)

    query, database = clustered(24, 0), clustered(540, 1000)
    query.save(tmp_path / "q.npz")
    database.save(tmp_path / "d.npz")
    rows = [[f"fine{c}", f"coarse{c // 2}"] for c in range(8)]
    Hierarchy.from_table(rows, ["fine", "coarse"]).save(tmp_path / "h.tsv")
    return ["--query", tmp_path / "q.npz", "--database", tmp_path / "d.npz"], query, database


def first_metric(out):
    """The name in the first line below the head of a table."""
    lines = [line for line in out.splitlines() if line.startswith("│")]
    return lines[0].strip("│ ").split()[0]


@pytest.mark.parametrize(
    "protocol, name",
    [("standard", "map_tie_averaged"), ("released", "map"), ("csq", "map@540"), ("dpsh", "map")],
)
def test_what_a_protocol_is_about_is_printed_first(pair, run, protocol, name):
    code, out, err = run("evaluate", *pair[0], "--rules", protocol)
    assert code == 0 and err == "" and first_metric(out) == name


@pytest.mark.parametrize(
    "protocol, name",
    [("barz", "mahp_barz@250"), ("happier", "hap"), ("dyml", "map_mean_of_levels")],
)
def test_of_one_table_too(pair, run, protocol, name):
    both = ["--query", pair[0][3], "--database", pair[0][3], "--rules", protocol]
    code, out, err = run("evaluate", *both)
    assert code == 0 and err == "" and first_metric(out) == name
    assert "a query is searched among the other images" in " ".join(out.split())


def test_the_cut_that_was_reached_is_printed(pair, run):
    _, out, _ = run("evaluate", *pair[0])
    said = " ".join(out.split())
    assert "mahp@540" in said and "mAHP over the first 540;" in said and "@2500" not in said


def test_results_per_class_are_means_over_the_queries_of_a_class(pair, run, tmp_path):
    arguments, query, database = pair
    out = tmp_path / "classes.csv"
    code, _, err = run(
        "evaluate", *arguments, "--per-class", out, "--hierarchy", tmp_path / "h.tsv"
    )
    assert code == 0, err
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(row["level"], row["class_name"]) for row in rows] == [
        *(("0", f"fine{c}") for c in range(8)),
        *(("1", f"coarse{c}") for c in range(4)),
    ]
    values = measure(query, database).column("map_level_1")
    for row in rows:
        level, label = int(row["level"]), int(row["label"])
        of_class = query.level_labels[:, level] == label
        assert row["level_name"] == ("fine", "coarse")[level]
        assert int(row["num_queries"]) == of_class.sum()
        assert int(row["num_database"]) == (database.level_labels[:, level] == label).sum()
        assert float(row["map_level_1"]) == pytest.approx(values[of_class].mean())
    code, _, err = run("evaluate", *arguments, "--per-class", out)
    assert code == 2 and "exists already" in err


def test_a_class_without_relevant_images_has_an_empty_cell(rng, run, tmp_path):
    query, database = table(rng, 6, 16, 2), table(rng, 30, 16, 2, first_id=100)
    query.level_labels[:] = [77, 0]
    query.save(tmp_path / "q.npz")
    database.save(tmp_path / "d.npz")
    out = tmp_path / "classes.csv"
    pair = ("--query", tmp_path / "q.npz", "--database", tmp_path / "d.npz")
    code, _, err = run("evaluate", *pair, "--per-class", out)
    assert code == 0 and "of a class that no database image is of" in err
    (row,) = [row for row in csv.DictReader(out.read_text().splitlines()) if row["level"] == "0"]
    assert row["map"] == "" and row["num_database"] == "0" and row["class_name"] == ""
    assert float(row["map_level_1"]) > 0


def test_what_looks_like_a_mistake_is_said_on_stderr_alone(pair, run):
    arguments = pair[0]
    swapped = ["--query", arguments[3], "--database", arguments[1]]
    code, out, err = run("evaluate", *swapped, "--json")
    assert code == 0 and json.loads(out)["num_queries"] == 540
    assert err.startswith("warning: there are more queries (540) than database images (24)")


def test_a_distance_of_features_is_refused_for_codes(pair, run):
    code, _, err = run("evaluate", *pair[0], "--distance", "l2")
    assert code == 2 and "distance 'l2' ranks features, and these are codes" in err


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("train.rec", b"\x0a\x23\xd7\xce" + bytes(60), "train.rec: expected an .npz file"),
        ("missing.npz", None, "missing.npz: no such file"),
    ],
)
def test_files_that_are_no_codes_are_named(pair, run, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, _, err = run("evaluate", "--query", tmp_path / name, "--database", pair[0][3])
    assert code == 2 and message in err and "Errno" not in err and "pickle" not in err


def test_a_hierarchy_that_is_binary_is_named(pair, run, tmp_path):
    (tmp_path / "h.bin").write_bytes(b"\xd7\x00\xff" * 20)
    code, _, err = run("evaluate", *pair[0], "--hierarchy", tmp_path / "h.bin")
    assert code == 2 and "h.bin" in err and "binary file" in err and "codec" not in err

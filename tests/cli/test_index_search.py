"""`index search`: filters, groups, zoom, re-ranking, and options that do nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_hash.cli.app import main
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, codes

TREE = Hierarchy.from_table(
    [["finch", "bird"], ["owl", "bird"], ["trout", "fish"]], ["fine", "coarse"]
)
LEVELS = np.array([[0, 0], [1, 0], [2, 1]], np.int32)
# distance from the query 0, and fine class: at 2 bits or less 7 finches and 3 owls, then a trout
NEAR = [(0, 0)] * 3 + [(1, 0)] * 2 + [(1, 1)] * 3 + [(2, 0)] * 2 + [(5, 2)]


@pytest.fixture
def birds(tmp_path, monkeypatch):
    """An index of eleven codes whose answers are known, and the files around it."""
    monkeypatch.chdir(tmp_path)
    bits = np.array([[1] * near + [0] * (8 - near) for near, _ in NEAR])
    fine = np.array([label for _, label in NEAR])
    names = np.array([f"{place}.jpg" for place in range(len(NEAR))])
    packed = codes.pack(bits * 2 - 1)
    table = CodeTable(np.arange(11) + 100, packed, LEVELS[fine], 8, names)
    table.save("d.npz")
    TREE.save("h.tsv")
    query = CodeTable(np.array([7]), codes.pack(-np.ones((1, 8))), LEVELS[:1], 8)
    query.save("q.npz")
    # features: the later in the index, the nearer
    FeatureTable(table.ids, np.arange(11.0)[::-1, None].copy(), table.level_labels, {}).save(
        "f.npz"
    )
    FeatureTable(query.ids, np.zeros((1, 1)), query.level_labels, {}).save("qf.npz")
    with pytest.raises(SystemExit) as stop:
        main("index d.npz --hierarchy h.tsv --out index".split())
    assert not stop.value.code
    return tmp_path


def found(run, arguments):
    code, out, err = run("index", "search", "index", "--codes", "q.npz", *arguments.split())
    assert code == 0, err
    return out


def found_json(run, arguments):
    return json.loads(found(run, f"{arguments} --json"))


def test_zoom_says_the_finest_branch_and_the_wider_one(birds, run):
    assert "  finch: 7 of 10 within 2 bits; if not, bird: 10 of 10\n" in found(run, "--zoom")
    zoomed = found_json(run, "--zoom --radius 2")["zoom"]
    assert zoomed == {
        "answers": 10,
        "radius": 2,
        "branches": [
            {"level": "fine", "class": "finch", "votes": 7, "confidence": 0.7},
            {"level": "coarse", "class": "bird", "votes": 10, "confidence": 1.0},
        ],
    }
    assert "bird: 10 of 10 within 2 bits\n" in found(run, "--zoom --agree 8")
    assert "no branch: at no level do 11 of 11 within 5 bits agree" in found(
        run, "-k 11 --zoom --agree 11"
    )
    # four nearest: three finches at 0 bits, and of the five at 1 bit whichever came first; all
    # eight vote
    assert "finch: 5 of 8 within 1 bit; if not, bird: 8 of 8" in found(run, "-k 4 --zoom")


def test_results_are_grouped_by_branch(birds, run):
    lines = [line.strip() for line in found(run, "-k 11 --group-by coarse").splitlines()]
    assert lines.index("bird: 10 of 11") < lines.index("fish: 1 of 11")
    groups = found_json(run, "-k 11 --group-by 0")["groups"]
    assert groups == [
        {"class": "finch", "places": [0, 1, 2, 3, 4, 8, 9]},
        {"class": "owl", "places": [5, 6, 7]},
        {"class": "trout", "places": [10]},
    ]


def test_a_search_stays_within_a_branch(birds, run):
    row = found_json(run, "--within fine=owl")
    assert row["ids"] == [105, 106, 107] and row["sharing"] == [3, 3, 3]
    assert found_json(run, "--within coarse=fish --radius 5")["ids"] == [110]
    code, out, err = run(*"index search index --codes q.npz --within fine=owl -k 5 --json".split())
    assert code == 0 and len(json.loads(out)["ids"]) == 3
    assert "3 codes are in this branch, fewer than 5" in err


def test_reranking_by_features_and_its_report(birds, run):
    plain = found_json(run, "-k 3")
    assert plain["ids"] == [100, 101, 102] and "scores" not in plain
    row = found_json(run, "-k 3 --rerank f.npz --query-features qf.npz --distance l2")
    # all eleven are candidates (10 times k); the later in the index the nearer by features
    assert row["ids"] == [110, 109, 108] and row["scores"] == [0.0, 1.0, 4.0]
    assert row["distances"] == [5, 2, 2] and row["sharing"] == [1, 2, 2]
    four = "-k 3 --rerank f.npz --query-features qf.npz --distance l2 --candidates 4"
    assert found_json(run, four)["ids"] == [103, 102, 101]
    code, out, err = run(
        *"index check index --codes q.npz -k 3 --rerank f.npz --query-features qf.npz".split(),
        *"--distance l2 --candidates 9".split(),
    )
    assert code == 0, err
    measured = dict(line.split("\t") for line in out.splitlines())
    # exact: 110, 109, 108; the nearest nine are 100 to 108, of which re-ranking keeps 108
    assert float(measured["feature_recall@3"]) == 0.0
    assert float(measured["reranked_recall@3"]) == pytest.approx(1 / 3)
    assert {"search_seconds", "rerank_seconds", "exact_seconds", "recall@3"} <= set(measured)


def test_features_of_other_images_are_named(birds, run):
    rerank = "-k 3 --rerank f.npz --query-features qf.npz".split()
    search = ["index", "search", "index", "--codes", "q.npz", *rerank]
    assert "warning" not in run(*search)[2]
    features = FeatureTable.load("f.npz")
    labels = features.level_labels.copy()
    assert labels.shape[1] == CodeTable.load("d.npz").level_labels.shape[1]
    labels[:, 0] = (labels[:, 0] + 1) % 3
    replace(features, level_labels=labels).save("other.npz")
    search[search.index("f.npz")] = "other.npz"
    code, _, said = run(*search)
    assert code == 0 and "another class in the features than in the index" in said


def test_reranking_by_the_output_before_the_sign(birds, run):
    """The query is surest of bit 0: codes that have it set are far, whatever else they have."""
    relaxed = np.array([[-5.0, -1, -1, -1, -1, -1, -1, -1]])
    FeatureTable(np.array([7]), relaxed, LEVELS[:1], {}).save("relaxed.npz")
    row = found_json(run, "-k 11 --rerank asymmetric --query-features relaxed.npz")
    near = {0: 0.0, 1: 5.0, 2: 6.0, 5: 9.0}  # bits set from bit 0 on
    assert row["scores"] == [near[bits] for bits in row["distances"]]


def test_an_index_without_class_names_takes_them_from_a_file(birds, run):
    assert run(*"index d.npz --out plain".split())[0] == 0
    arguments = "index search plain --codes q.npz -k 1 --json".split()
    assert json.loads(run(*arguments)[1])["classes"] == {"level_0": ["0"], "level_1": ["0"]}
    named = json.loads(run(*arguments, "--hierarchy", "h.tsv")[1])
    assert named["classes"] == {"fine": ["finch"], "coarse": ["bird"]}


def test_an_approximate_index_says_that_it_found_fewer(birds, run):
    table = CodeTable.load("d.npz")
    half = CodeTable(
        table.ids,
        np.where(np.arange(11)[:, None] < 3, 0, 255).astype(np.uint8),
        table.level_labels,
        8,
    )
    half.save("half.npz")
    build = "index half.npz --out lists --kind ivf --lists 2 --set num_probes=1"
    assert run(*build.split())[0] == 0
    code, out, err = run(*"index search lists --codes q.npz -k 5 --json".split())
    row = json.loads(out)
    assert code == 0 and row["ids"] == [100, 101, 102] and row["sharing"] == [3, 3, 3]
    assert "1 of 1 queries have fewer than 5 results" in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("-k 3 --radius 2", "k and radius: give one of the two"),
        ("--distance l2", "--distance does nothing without --rerank features.npz"),
        ("--candidates 5", "--candidates does nothing without --rerank"),
        ("--query-features qf.npz", "--query-features does nothing without --rerank"),
        ("--agree 2", "--agree does nothing without --zoom"),
        ("--images x", "--images does nothing without --grid"),
        ("--database-records x.rec", "--database-records does nothing without --grid"),
        ("--collection x", "--collection does nothing without --url"),
        ("--model m", "--model encodes images; --codes are codes already"),
        ("--scan", "--scan does nothing for this search of a flat index"),
        ("--rerank f.npz", "--rerank of --codes needs --query-features"),
        ("--rerank asymmetric --distance l2", "--distance is for features"),
        ("--rerank f.npz --radius 2", "--rerank orders the nearest --candidates; it goes with -k"),
        ("-k 5 --rerank f.npz --candidates 4", "--candidates: expected 5 or more"),
        ("--rerank q.npz --query-features qf.npz", "q.npz: expected the arrays features"),
        ("--rerank f.npz --query-features f.npz", "1 of 1 queries have none, the first is id 7"),
        ("--rerank asymmetric --query-features qf.npz", "relaxed codes: expected (1, 8), got (1,"),
        ("--within fine=sparrow", "level fine has no class 'sparrow'"),
        ("--within sparrow", "expected LEVEL=CLASS, got 'sparrow'"),
        ("--group-by family", "level: expected one of fine, coarse, got 'family'"),
        ("--hierarchy other.tsv", "labels of 2 levels, the hierarchy has 1"),
        ("--grid x.gif", "x.gif: expected a name that ends in .html, .png, .svg or .pdf"),
    ],
)
def test_options_that_do_nothing_or_do_not_fit_are_errors(birds, run, arguments, message):
    TREE.keep_levels(1).save("other.tsv")
    before = sorted(birds.iterdir())
    code, out, err = run("index", "search", "index", "--codes", "q.npz", *arguments.split())
    assert code == 2 and message in err and not out and err.count("\n") == 1, err
    assert sorted(birds.iterdir()) == before


def test_a_level_of_a_branch_without_codes_is_said(birds, run):
    table = CodeTable.load("d.npz")
    index = HammingIndex(8, None, TREE)
    index.add(table.codes[:3], table.ids[:3], None, table.level_labels[:3])
    index.save("finches")
    code, _, err = run(*"index search finches --codes q.npz --within coarse=fish".split())
    assert code == 2 and "within coarse=fish: no code of the index is in this branch" in err


def test_an_hnsw_scans_for_a_radius_only(birds, run):
    assert run(*"index d.npz --out graph --kind hnsw".split())[0] == 0
    code, _, err = run(*"index search graph --codes q.npz --scan".split())
    assert code == 2 and "--scan does nothing for this search of a hnsw index" in err
    code, _, err = run(*"index search graph --codes q.npz --radius 1".split())
    assert code == 2 and "ask for a scan" in err
    code, out, _ = run(*"index search graph --codes q.npz --radius 1 --scan --json".split())
    assert code == 0 and json.loads(out)["ids"] == [100, 101, 102, 103, 104, 105, 106, 107]


def test_class_names_that_do_nothing_or_are_others_are_errors(birds, run):
    table = CodeTable.load("d.npz")
    CodeTable(table.ids, table.codes, np.empty((11, 0), np.int32), 8).save("plain.npz")
    assert run(*"index plain.npz --out plain".split())[0] == 0
    code, _, err = run(*"index search plain --codes q.npz --hierarchy h.tsv".split())
    assert code == 2 and "--hierarchy does nothing: the index has no labels" in err
    Hierarchy.from_table(
        [["a", "bird"], ["b", "bird"], ["trout", "fish"]], ["fine", "coarse"]
    ).save("other.tsv")
    CodeTable(table.ids + 50, table.codes, table.level_labels, 8).save("more.npz")
    code, _, err = run(*"index add index more.npz --hierarchy other.tsv --out out".split())
    assert code == 2 and "the index has classes of its own, which are others" in err
    assert run(*"index add index more.npz --hierarchy h.tsv --out out".split())[0] == 0

"""`evaluate` and `plot`, walked as a user would: promised keys, protocols, every figure."""

import json

import numpy as np
import pytest
from PIL import Image


def test_evaluate_prints_the_promised_keys(trained, prepared, run):
    code, out, _ = run(
        "evaluate",
        "--query",
        trained / "query.npz",
        "--database",
        trained / "database.npz",
        "--hierarchy",
        prepared / "hierarchy.tsv",
        "--ahp-at",
        "50",
        "--json",
    )
    result = json.loads(out)
    assert code == 0 and {
        "map",
        "map_level_1",
        "map_level_2",
        "mahp@50",
        "ndcg@100",
        "mean_ndcg_released@100",
        "map_tie_averaged",
        "precision_radius_2",
        "precision@100",
        "recall@100",
        "num_queries",
        "num_database",
        "seconds",
    } <= set(result)
    assert result["num_queries"] == 54 and result["num_database"] == 162


def test_evaluate_knows_protocols_intervals_and_curves(trained, run, tmp_path):
    pair = ["evaluate", "--query", trained / "query.npz", "--database", trained / "database.npz"]
    code, out, _ = run(
        *pair, "--rules", "csq", "--confidence", 95, "--curves", tmp_path / "ours.json", "--json"
    )
    result = json.loads(out)
    assert (
        code == 0 and result["protocol"]["divisor"] == "hits" and "map@162" in result["confidence"]
    )
    code, _, err = run("plot", "curves", tmp_path / "ours.json", "--out", tmp_path / "curves.png")
    assert code == 0, err
    code, out, _ = run(*pair, "--protocol", "hashnet")
    said = " ".join(out.split())
    assert (
        code == 0
        and "rules: hashnet (HashNet" in said
        and "map over the first 162 items, divided by" in said  # of 162; the protocol: 5000
    )
    code, _, err = run(*pair, "--rules", "mine")
    assert code == 2 and "expected one of standard, released" in err


def test_every_plot_is_drawn(trained, prepared, run, tmp_path):
    hierarchy = ("--hierarchy", prepared / "hierarchy.tsv")
    for arguments in (
        ["tsne", trained / "query.npz", *hierarchy],
        ["curves", trained / "run"],
        ["hierarchy", prepared / "hierarchy.tsv"],
        [
            "grid",
            "--query",
            trained / "query.npz",
            "--database",
            trained / "database.npz",
            "--query-records",
            prepared / "query.rec",
            "--database-records",
            prepared / "train.rec",
            *hierarchy,
            "-k",
            4,
            "--queries",
            2,
        ],
    ):
        out = tmp_path / f"{arguments[0]}.png"
        code, _, err = run("plot", *arguments, "--out", out)
        assert code == 0, err
        assert np.asarray(Image.open(out).convert("L")).std() > 5  # something is drawn


def test_collapsed_codes_are_named_before_t_sne_fails_on_them():
    from gluon_hash import plots

    with pytest.raises(ValueError, match="all 9 codes are the same"):
        plots.tsne(np.ones((9, 4), np.int8), np.zeros(9, int), ["a"], 0)

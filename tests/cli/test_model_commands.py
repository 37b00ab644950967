"""`export`, `encode` and `fit`, walked as a user would: models and the codes that they give."""

import json
import shutil

import numpy as np
import pytest

from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, FeatureTable


def test_the_exported_network_gives_the_codes_of_the_run(trained, prepared, run, tmp_path):
    manifest = trained / "export" / "net.manifest.json"
    code, _, _ = run(
        "encode", manifest, "--records", prepared / "query.rec", "--out", tmp_path / "q.npz"
    )
    assert code == 0
    ours, theirs = CodeTable.load(trained / "query.npz"), CodeTable.load(tmp_path / "q.npz")
    np.testing.assert_array_equal(ours.codes, theirs.codes)
    described = json.loads(manifest.read_text())
    assert described["num_bits"] == 48 and described["level_names"] == ["figure", "form", "family"]
    assert len(described["class_names"][0]) == 27 and described["largest_difference"] < 1e-4


def test_predictor_refuses_changed_files(trained, run, tmp_path, prepared):
    shutil.copytree(trained / "export", tmp_path / "export")
    with open(tmp_path / "export" / "net-0000.params", "ab") as stream:
        stream.write(b"x")
    code, _, err = run(
        "encode",
        tmp_path / "export" / "net.manifest.json",
        "--records",
        prepared / "query.rec",
        "--out",
        tmp_path / "q.npz",
    )
    assert code == 2 and "changed or damaged" in err


@pytest.mark.parametrize(
    "model, flag, takes",
    [
        ("export/net", "--relaxed", "a run folder"),
        ("export/net.manifest.json", "--relaxed", "a run folder"),
        ("itq.npz", "--relaxed", "a run folder"),
        ("itq.npz", "--features", "a configuration"),
    ],
)
def test_what_a_model_cannot_give_is_refused(trained, prepared, run, tmp_path, model, flag, takes):
    words = ["--records", prepared / "query.rec", "--out", tmp_path / "u.npz", flag]
    code, _, err = run("encode", trained / model, *words)
    assert code == 2 and f"{flag} takes {takes}" in err
    assert not (tmp_path / "u.npz").exists()


def test_a_baseline_is_fitted_and_encodes(prepared, run, tmp_path):
    rng, labels = np.random.RandomState(0), RecordFile(prepared / "train.rec").level_labels
    features = (rng.randn(27, 40)[labels[:, 0]] + 2 * rng.randn(len(labels), 40)).astype(np.float16)
    FeatureTable(np.arange(len(labels)), features, labels, {}).save(tmp_path / "features.npz")
    fit = ["--features", tmp_path / "features.npz", "--bits", 16, "--out"]
    assert run("fit", "itq", *fit, tmp_path / "itq.npz")[0] == 0
    code, _, err = run(
        "encode",
        tmp_path / "itq.npz",
        "--records",
        tmp_path / "features.npz",
        "--out",
        tmp_path / "codes.npz",
    )
    assert code == 0, err
    scores = []
    for table in ("codes.npz", "features.npz"):
        code, out, _ = run(
            "evaluate", "--query", tmp_path / table, "--database", tmp_path / table, "--json"
        )
        scores.append(json.loads(out)["map"])
    assert 3 / 27 < scores[0] < scores[1]  # above a random ranking, below the real-valued one
    code, _, err = run("fit", "forest", *fit, tmp_path / "forest.npz")
    assert code == 2 and "expected one of lsh, pca" in err

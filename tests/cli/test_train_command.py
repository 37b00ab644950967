"""`train`, walked as a user would: a whole run folder, resuming, mistakes, cached features."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.retrieval import CodeTable, FeatureTable, codes

pytestmark = pytest.mark.mxnet
CONFIG = Path(__file__).parents[2] / "configs" / "synthetic.yaml"


def test_training_writes_a_whole_run_folder(trained):
    names = {path.name for path in (trained / "run").iterdir()}
    assert {
        "run.yaml",
        "hierarchy.tsv",
        "log.jsonl",
        "last.ckpt",
        "best.ckpt",
        "versions.json",
    } <= names
    assert len((trained / "run" / "log.jsonl").read_text().splitlines()) == 6


def asked(data, *changes):
    """The words that train what `trained` is, on ``data``, with further changes."""
    settings = [f"data.root={data}", "training.batch_size=16", "loss.center_refresh=running"]
    words = [word for change in [*settings, *changes] for word in ("--set", change)]
    return ["train", CONFIG, *words]


def test_resume_goes_on(trained, prepared, run, tmp_path):
    shutil.copytree(trained / "run", tmp_path / "run")
    words = asked(prepared, "optimizer.lr=0.003", "training.epochs=7")
    code, out, err = run(*words, "--out", tmp_path / "run", "--resume")
    assert code == 0, err
    assert "resumed after epoch 6" in err and out == f"{tmp_path / 'run'}\n"
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert lines[:6] == (trained / "run" / "log.jsonl").read_text().splitlines()
    assert len(lines) == 7


def test_nothing_is_overwritten_and_only_the_same_is_resumed(trained, prepared, run, tmp_path):
    code, _, err = run(*asked(prepared, "training.epochs=6"), "--out", trained / "run")
    assert code == 2 and "exists already; go on with it (resume)" in err
    words = asked(prepared, "optimizer.lr=0.5", "training.epochs=6")
    code, _, err = run(*words, "--out", trained / "run", "--resume")
    assert code == 2 and "optimizer.lr" in err
    code, _, err = run(*asked(prepared), "--out", tmp_path / "none", "--resume")
    assert code == 2 and "nothing to resume" in err
    encode = ["encode", trained / "run", "--records", prepared / "query.rec"]
    code, _, err = run(*encode, "--out", trained / "query.npz")
    assert code == 2 and "exists already" in err


def test_a_run_of_other_images_is_not_resumed(trained, prepared, run, tmp_path):
    shutil.copytree(prepared, tmp_path / "data")
    shutil.copytree(trained / "run", tmp_path / "run")
    (tmp_path / "run" / "run.yaml").write_text(
        (trained / "run" / "run.yaml").read_text().replace(str(prepared), str(tmp_path / "data"))
    )
    with open(tmp_path / "data" / "split.json", "a", encoding="utf-8") as stream:
        stream.write("\n")  # as if prepared again
    words = asked(tmp_path / "data", "training.epochs=7", "optimizer.lr=0.003")
    code, _, err = run(*words, "--out", tmp_path / "run", "--resume")
    assert code == 2 and "was trained on other training images" in err


@pytest.mark.parametrize(
    "changes, message",
    [
        (["optimizer.lrr=1"], "did you mean 'lr'"),
        (["loss.inv_variances=[1, 0.5]"], "has 3 levels (figure, form, family), got 2 values"),
        (["training.batch_size=9999"], "lower training.batch_size"),
        (["net.backbone=resnet20"], "no backbone 'resnet20'"),
        (["net.weights=missing.params"], "no such file; `gluon-hash import-weights` makes it"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(prepared, run, tmp_path, changes, message):
    words = [word for change in [f"data.root={prepared}", *changes] for word in ("--set", change)]
    code, _, err = run("train", CONFIG, "--out", tmp_path / "run", *words)
    assert code == 2 and message in err and "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_cached_features_train_a_complete_model(features, prepared, run, tmp_path):
    cached = features.parent / "f.npz"
    for arguments in (
        ["train", features, "--out", tmp_path / "run"],
        ["encode", tmp_path / "run", "--records", cached, "--out", tmp_path / "head.npz"],
        [
            "encode",
            tmp_path / "run",
            "--records",
            prepared / "train.rec",
            "--out",
            tmp_path / "net.npz",
        ],
        ["encode", tmp_path / "run", "--relaxed", "--records", cached, "--out", tmp_path / "u.npz"],
        ["export", tmp_path / "run", "--out", tmp_path / "e" / "net"],
    ):
        code, _, err = run(*arguments)
        assert code == 0, err
    head, net = (CodeTable.load(tmp_path / name) for name in ("head.npz", "net.npz"))
    differing = np.unpackbits(head.codes ^ net.codes).mean()
    assert differing < 0.01  # float16 features: a bit at the border may fall to the other side
    relaxed = FeatureTable.load(tmp_path / "u.npz")
    np.testing.assert_array_equal(codes.pack(relaxed.features.astype(np.float32)), head.codes)
    code, _, err = run(
        "train", features, "--out", tmp_path / "other", "--set", "transform.mean=[0, 0, 0]"
    )
    assert code == 2 and "made with transform_sha256" in err
    code, _, err = run(
        "encode",
        tmp_path / "run",
        "--relaxed",
        "--features",
        "--records",
        cached,
        "--out",
        tmp_path / "v.npz",
    )
    assert code == 2 and "give one of the two" in err

"""`train`, walked as a user would: a whole run folder, resuming, mistakes, cached features."""

import json
import math
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gluon_hash import leftovers
from gluon_hash.files import claimed, sha256
from gluon_hash.records.reader import read_index
from gluon_hash.retrieval import CodeTable, FeatureTable, codes

pytestmark = pytest.mark.mxnet
CONFIG = Path(__file__).parents[2] / "configs" / "synthetic.yaml"
FIT = "gluon_hash.experiment.runs.run_training._fit"


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


def owned(folder):
    """Holds a run folder as a training does; imported late, as it needs MXNet."""
    from gluon_hash.experiment.runs.run_folder import owned

    return owned(folder)


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
    words = asked(prepared, "optimizer.lr=0.003", "optimizer.momentum=0.5", "training.epochs=6")
    code, _, err = run(*words, "--out", trained / "run", "--resume")
    assert code == 2 and "the run has optimizer.momentum = 0.9, the configuration 0.5" in err
    code, _, err = run(*asked(prepared), "--out", tmp_path / "none", "--resume")
    assert code == 2 and "nothing to resume" in err
    encode = ["encode", trained / "run", "--records", prepared / "query.rec"]
    code, _, err = run(*encode, "--out", trained / "query.npz")
    assert code == 2 and "exists already" in err


@pytest.fixture
def copied(trained, prepared, tmp_path):
    """Copies of the data and of the run, as if it had been trained on them; what resumes it."""
    shutil.copytree(prepared, tmp_path / "data")
    shutil.copytree(trained / "run", tmp_path / "run")
    text = (tmp_path / "run" / "run.yaml").read_text()
    (tmp_path / "run" / "run.yaml").write_text(text.replace(str(prepared), str(tmp_path / "data")))
    words = asked(tmp_path / "data", "training.epochs=7", "optimizer.lr=0.003")
    return [*words, "--out", tmp_path / "run", "--resume"]


def swap_labels(records):
    """Give two images each other's labels, and the file its size and time back."""
    before = records.stat()
    offsets = read_index(records.with_suffix(".idx"))[:, 1]
    data = bytearray(records.read_bytes())
    one, other = (slice(start + 32, start + 32 + 3 * 4) for start in (offsets[0], offsets[-1]))
    assert data[one] != data[other]
    data[one], data[other] = data[other], data[one]
    records.write_bytes(data)
    os.utime(records, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_run_of_other_labels_is_not_resumed(copied, run, tmp_path):
    swap_labels(tmp_path / "data" / "train.rec")
    code, _, err = run(*copied)
    assert code == 2 and "was trained on other training images" in err


def test_a_run_of_copied_data_is_resumed_and_they_are_hashed_once(copied, run, tmp_path):
    code, _, err = run(*copied)
    assert code == 0, err
    seen = json.loads((tmp_path / "run" / "inputs.json").read_text())["files"]["training images"]
    assert seen["inode"] == (tmp_path / "data" / "train.rec").stat().st_ino


def test_a_run_that_recorded_the_manifest_is_resumed_once_with_a_word(copied, run, tmp_path):
    inputs = tmp_path / "run" / "inputs.json"
    older = json.loads(inputs.read_text())["files"]
    older = {name: seen["sha256"] for name, seen in older.items() if "index" not in name}
    older["training images"] = sha256(tmp_path / "data" / "split.json")
    inputs.write_text(json.dumps({"version": 1, "sha256": older}))
    assert "an older version made it, which did not look into" in run(*copied)[2]
    assert "an older version" not in run(*copied)[2]
    swap_labels(tmp_path / "data" / "train.rec")
    code, _, err = run(*copied)
    assert code == 2 and "was trained on other training images" in err


def test_a_resumed_run_may_learn_at_another_rate_and_says_so(copied, run, tmp_path):
    changes = ["lr=0.001", "clip_gradient_norm=5", "warmup_epochs=0.5"]
    words = [word for change in changes for word in ("--set", f"optimizer.{change}")]
    code, _, err = run(*copied, *words)
    assert code == 0, err
    assert "changed from here on: optimizer.lr 0.003 -> 0.001, " in err
    (line,) = (tmp_path / "run" / "resumed.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "epochs_done": 6,
        "changed": {
            "optimizer.lr": [0.003, 0.001],
            "optimizer.clip_gradient_norm": [None, 5.0],
            "optimizer.warmup_epochs": [1.0, 0.5],
            "training.epochs": [6, 7],
        },
    }
    last = (tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1]
    batches = int(re.search(r"epochs of (\d+) batches", err)[1])
    done = (7 - 1 / batches) / 7  # of the cosine, at the last batch
    assert json.loads(last)["lr"] == pytest.approx(0.001 * (1 + math.cos(math.pi * done)) / 2)


def test_a_second_training_of_one_run_hears_who_is_at_work(copied, prepared, run, tmp_path):
    with owned(tmp_path / "run"):
        code, _, err = run(*copied)
    assert code == 2 and f"{tmp_path / 'run'}: a training is at work here (process " in err
    assert err.count("\n") == 1
    with claimed(tmp_path / "new", doing="a training"):
        code, _, err = run(*asked(prepared), "--out", tmp_path / "new")
    assert code == 2 and f"{tmp_path / 'new'}: a training is at work here" in err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["run", "data"])
@pytest.mark.parametrize(
    "text", ["[" * 1000, '{"source": 1}', '{"source": {"background": ["white"]}}']
)
def test_a_damaged_manifest_is_found_before_the_training(
    copied, run, tmp_path, monkeypatch, place, text
):
    monkeypatch.setattr(FIT, lambda *given: pytest.fail("it has begun"))
    manifest = tmp_path / place / "split.json"
    manifest.write_text(text)
    words = [*asked(tmp_path / "data"), "--out", tmp_path / "new"] if place == "data" else copied
    code, _, err = run(*words)
    assert (code, err.count("\n")) == (2, 1) and f"{manifest}: " in err
    assert not (tmp_path / "new").exists()


def test_nothing_is_beside_a_run_folder_while_it_is_trained(prepared, run, tmp_path, monkeypatch):
    def killed(*given):
        seen.extend(path.name for path in tmp_path.iterdir())
        raise ValueError("killed")

    seen = []
    monkeypatch.setattr(FIT, killed)
    assert run(*asked(prepared), "--out", tmp_path / "new")[0] == 2
    assert seen == ["new"]


def test_what_killed_trainings_left_is_swept_by_the_next(copied, run, tmp_path):
    for name in (
        ".last.ckpt.gluon_hash-host-99999999-01234567",
        ".best.ckpt.abcd_123",
    ):  # new and older
        (tmp_path / "run" / name.replace("-host-", f"-{leftovers._host()}-", 1)).mkdir()
    (tmp_path / "run" / ".mine").mkdir()
    (tmp_path / "run" / "best.ckpt").rename(tmp_path / "run" / "best.ckpt.old")
    code, _, err = run(*copied)
    assert code == 0, err
    hidden = {path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")}
    assert hidden == {".mine"} and (tmp_path / "run" / "best.ckpt").exists()


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

"""`compare` called again on one folder: what was made of other data or settings is not used, what
is damaged is made again, what diverged is left out, and only one works there at a time."""

import json
import shutil

import numpy as np
import pytest

from gluon_hash.files import sha256
from gluon_hash.locks import locked
from gluon_hash.retrieval import CodeTable, FeatureTable

EPOCHS = ("--set", "training.epochs=1")


@pytest.fixture
def mine(features, tmp_path):
    """The configuration on copies of its files, which a test may change."""
    root = features.parent
    data = tmp_path / "data"
    prepared = features.read_text().split("root: ")[1].split(",")[0]
    shutil.copytree(prepared, data)
    for name in ("f.npz", "q.npz", "b.params"):
        shutil.copyfile(root / name, tmp_path / name)
    config = tmp_path / "mine.yaml"
    config.write_text(
        features.read_text().replace(str(root), str(tmp_path)).replace(prepared, str(data))
    )
    return config


@pytest.fixture
def compared(mine, run):
    """(configuration, the folder of a comparison of one network, asks again with more
    arguments)."""
    out = mine.parent / "c"

    def again(*arguments):
        return run("compare", mine, "--out", out, *EPOCHS, "--vary", "loss.name=[dcwh]", *arguments)

    code, _, err = again()
    assert code == 0, err
    return mine, out, again


@pytest.mark.parametrize(
    "file, message",
    [
        ("data/hierarchy.tsv", "other hierarchy"),
        ("data/validation.lst", "other held-out images"),
        ("b.params", "other weights"),
        ("f.npz", "other features"),
    ],
)
def test_a_run_of_other_data_is_not_reused(compared, file, message, monkeypatch):
    config, out, again = compared
    path = config.parent / file
    monkeypatch.setattr(
        "gluon_hash.experiment.data.fingerprints.sha256",  # as if its content were another
        lambda name: "0" * 64 if str(name) == str(path) else sha256(name),
    )
    path.touch()
    monkeypatch.setattr(
        "gluon_hash.experiment.data.features._check_provenance", lambda *ignored: None
    )
    code, _, err = again()
    assert code == 2 and f"was trained on {message}" in err and "name=dcwh,seed=24" in err


def test_other_queries_are_measured_again(compared):
    config, out, again = compared
    table = FeatureTable.load(config.parent / "q.npz")
    before = (out / "comparison.json").read_text()
    (config.parent / "q.npz").unlink()
    FeatureTable(
        table.ids[:-3], table.features[:-3], table.level_labels[:-3], table.provenance
    ).save(config.parent / "q.npz")
    code, _, err = again()
    assert code == 0, err
    run_folder = out / "runs" / "mine,name=dcwh,seed=24"
    assert np.array_equal(CodeTable.load(run_folder / "query.npz").ids, table.ids[:-3])
    assert (out / "comparison.json").read_text() != before


def test_other_settings_are_refused_before_anything_is_trained(compared):
    _, out, again = compared
    for setting, value in (("training.epochs", "2"), ("optimizer.lr", "0.5")):
        code, _, err = again("--set", f"{setting}={value}")
        assert (
            code == 2
            and f"the run has {setting} =" in err
            and "name another folder for the comparison" in err
        )
    assert again("--set", "data.decode_threads=1")[0] == 0  # a result does not depend on it
    assert (
        again("--set", "training.epochs=2", "--vary", "net.num_bits=[12,16]")[0] == 0
    )  # other folders


@pytest.mark.parametrize(
    "name", ["query.npz", "database.npz", "measured_hamming.npz", "measured.json"]
)
@pytest.mark.parametrize("how", ["gone", "cut short"])
def test_what_is_kept_and_damaged_is_made_again(compared, name, how):
    _, out, again = compared
    before = {
        file: (out / file).read_bytes()
        for file in ("comparison.md", "comparison.csv", "curves.png")
    }
    path = out / "runs" / "mine,name=dcwh,seed=24" / name
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:20])
    code, _, err = again()
    assert code == 0, err
    assert (
        path.stat().st_size > 20 and {file: (out / file).read_bytes() for file in before} == before
    )


def test_a_damaged_run_is_named(compared):
    _, out, again = compared
    folder = out / "runs" / "mine,name=dcwh,seed=24"
    (folder / "last.ckpt" / "state.json").write_text("{")
    code, _, err = again()
    assert (
        code == 2
        and "last.ckpt/state.json: not JSON" in err
        and "move the run's folder away" in err
    )
    (folder / "run.yaml").unlink()
    code, _, err = again()
    assert (
        code == 2
        and "name=dcwh,seed=24: not a run folder of this version: it lacks run.yaml" in err
    )


def test_what_diverged_is_left_out_and_said(mine, run):
    out = mine.parent / "c"
    asked = (
        "compare",
        mine,
        "--out",
        out,
        *EPOCHS,
        "--vary",
        "optimizer.lr=[0.01,1.0e+30]",
        "--vary",
        "loss.name=[dcwh,csq]",
    )
    code, printed, err = run(*asked)  # HPDH's loss overflows; CSQ's does not, but its codes do
    assert code == 0, err
    result = json.loads((out / "comparison.json").read_text())
    assert [row["name"] for row in result["rows"]] == ["lr=0.01 dcwh", "lr=0.01 csq"]
    assert (
        result["diverged"] == ["lr=1e+30 dcwh, 12 bits", "lr=1e+30 csq, 12 bits"]
        and "lr=1e+30 csq" in printed
    )
    code, again, err = run(*asked)  # and is not tried again
    assert code == 0 and again == printed and "with 0 epochs to train" in err
    code, _, err = run(
        "compare",
        mine,
        "--out",
        mine.parent / "d",
        *EPOCHS,
        "--choose",
        "optimizer.lr=[1.e+30,2.e+30]",
    )
    assert code == 2 and "diverged: mine, 12 bits; without 'mine' there is nothing" in err


def test_lines_with_other_queries_are_refused(mine, run):
    code, _, err = run(
        "compare",
        mine,
        "--out",
        mine.parent / "c",
        "--vary",
        f"data.query_features=[{mine.parent}/q.npz,{mine.parent}/f.npz]",
    )
    assert code == 2 and "f.npz is the database" in err
    table = FeatureTable.load(mine.parent / "q.npz")
    other = FeatureTable(
        table.ids[1:], table.features[1:], table.level_labels[1:], table.provenance
    )
    other.save(mine.parent / "o.npz")
    code, _, err = run(
        "compare",
        mine,
        "--out",
        mine.parent / "c",
        "--vary",
        f"data.query_features=[{mine.parent}/q.npz,{mine.parent}/o.npz]",
    )
    assert (
        code == 2
        and "have different queries or databases" in err
        and not (mine.parent / "c").exists()
    )


def test_seeds_are_those_of_the_configuration_unless_named(mine, run):
    out = mine.parent / "c"
    assert run("compare", mine, "--out", out, *EPOCHS, "--set", "training.seed=7")[0] == 0
    assert [path.name for path in (out / "runs").glob("mine*")] == ["mine,seed=7"]
    assert json.loads((out / "comparison.json").read_text())["seeds"] == [7]


def test_only_one_comparison_works_in_a_folder(compared):
    _, out, again = compared
    with locked(out / "runs", "a comparison"):
        code, _, err = again()
    assert code == 2 and "a comparison is at work here" in err
    assert again()[0] == 0

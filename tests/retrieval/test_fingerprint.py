"""Codes and indexes know which model made them, and codes of another are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_hash import retrieval
from gluon_hash.retrieval import CodeTable, HammingIndex
from gluon_hash.retrieval.codes.fingerprint import check_same_model, fingerprint

OURS, THEIRS = "a" * 64, "b" * 64


def table(rng, model=None, count=60):
    labels = (np.arange(count) % 3).astype(np.int32)[:, None]
    codes = rng.randint(0, 256, (count, 2)).astype(np.uint8)
    return CodeTable(np.arange(count), codes, labels, 16, model=model)


def test_a_fingerprint_is_of_the_values_alone(rng):
    one, other = rng.randn(3, 4).astype(np.float32), rng.randn(4).astype(np.float32)
    expected = fingerprint([one, other])
    assert len(expected) == 64 and fingerprint(iter([other.copy(), one.copy()])) == expected
    changed = one.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], np.float32(9))
    for others in ([changed, other], [one.T, other], [one], [one.astype(np.float64), other]):
        assert fingerprint(others) != expected


def test_codes_keep_their_model(rng, tmp_path):
    table(rng, OURS).save(tmp_path / "c.npz")
    assert CodeTable.load(tmp_path / "c.npz").model == OURS
    table(rng).save(tmp_path / "old.npz")
    assert CodeTable.load(tmp_path / "old.npz").model is None


def test_an_index_keeps_its_model(rng, tmp_path):
    codes = table(rng, OURS)
    index = HammingIndex(16, model=codes.model)
    index.add(codes.codes, codes.ids)
    index.delete(codes.ids[:2])
    index.save(tmp_path / "index")
    assert json.loads((tmp_path / "index" / "index.json").read_text())["model"] == OURS
    loaded = HammingIndex.load(tmp_path / "index")
    assert loaded.items.model == OURS
    loaded.add(codes.codes[:2], codes.ids[:2])
    assert loaded.items.model == loaded.look_up(codes.ids[:1]).model == OURS


def test_another_model_is_refused_and_an_unknown_one_said(capsys):
    check_same_model("the index", OURS, "q.npz", OURS)
    check_same_model("the index", None, "q.npz", None)
    assert capsys.readouterr().err == ""
    with pytest.raises(ValueError, match=r"^q\.npz: of another model \(bbbbbbbbbbbb\) than the in"):
        check_same_model("the index", OURS, "q.npz", THEIRS)
    check_same_model("the index", None, "q.npz", OURS)
    check_same_model("the index", OURS, "q.npz", None)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("the index: does not say which model made it")
    assert second.startswith("q.npz: does not say which model made it")


def test_an_evaluation_of_codes_of_two_models_is_warned_of(rng, capsys):
    ours = table(rng, OURS)
    retrieval.evaluate(ours, replace(ours, model=THEIRS))
    assert "were made by two models" in capsys.readouterr().err
    retrieval.evaluate(ours, ours)
    assert "two models" not in capsys.readouterr().err


def test_the_commands_refuse_codes_of_another_model(rng, run, tmp_path):
    codes = table(rng, OURS)
    codes.save(tmp_path / "c.npz")
    replace(codes, ids=codes.ids + 100, model=THEIRS).save(tmp_path / "q.npz")
    assert run("index", "build", tmp_path / "c.npz", "--out", tmp_path / "index")[0] == 0
    assert run("index", "search", tmp_path / "index", "--codes", tmp_path / "c.npz")[0] == 0
    for command in (
        ["search", tmp_path / "index", "--codes", tmp_path / "q.npz"],
        ["check", tmp_path / "index", "--codes", tmp_path / "q.npz"],
        ["add", tmp_path / "index", tmp_path / "q.npz", "--out", tmp_path / "more"],
    ):
        code, _, err = run("index", *command)
        assert code == 2 and "q.npz: of another model" in err and err.count("\n") == 1


@pytest.mark.mxnet
def test_a_run_its_export_and_their_codes_agree(trained, run, tmp_path):
    from gluon_hash.deploy.encode import fingerprint_of
    from gluon_hash.engine import mx
    from gluon_hash.experiment import load_model

    ours, exported = load_model(trained / "run"), load_model(trained / "export" / "net")
    assert ours.fingerprint == exported.fingerprint
    # of its parameters too, as of a network that was exported before manifests said it
    ours.run.net.hybridize()
    ours.run.net(mx.nd.zeros((1, 3, 32, 32)))
    ours.run.net.export(str(tmp_path / "old"))
    files = (tmp_path / "old-symbol.json", tmp_path / "old-0000.params")
    block = mx.gluon.SymbolBlock.imports(str(files[0]), ["data"], str(files[1]))
    assert fingerprint_of(block) == ours.fingerprint
    assert CodeTable.load(trained / "database.npz").model == ours.fingerprint
    image = tmp_path / "x.png"
    from PIL import Image

    Image.new("RGB", (32, 32)).save(image)
    for model in (trained / "run", trained / "export" / "net"):
        code, _, err = run("index", "search", trained / "index", image, "--model", model)
        assert code == 0 and err == ""
    codes = CodeTable.load(trained / "database.npz")
    replace(codes, model=THEIRS).save(tmp_path / "c.npz")
    run("index", "build", tmp_path / "c.npz", "--out", tmp_path / "index")
    code, _, err = run("index", "search", tmp_path / "index", image, "--model", trained / "run")
    assert code == 2 and "of another model" in err
    replace(codes, model=None).save(tmp_path / "old.npz")
    run("index", "build", tmp_path / "old.npz", "--out", tmp_path / "old")
    code, _, err = run("index", "search", tmp_path / "old", image, "--model", trained / "run")
    assert code == 0 and err.count("does not say which model made it") == 1


def test_a_baseline_has_a_fingerprint(rng, tmp_path):
    from gluon_hash.experiment import load_model
    from gluon_hash.retrieval import FeatureTable
    from gluon_hash.retrieval.baselines import fit

    features = rng.randn(50, 8).astype(np.float32)
    labels = np.zeros((50, 1), np.int32)
    FeatureTable(np.arange(50), features, labels, {}).save(tmp_path / "f.npz")
    for seed in (0, 1):
        fit("lsh", features, None, 16, seed=seed).save(tmp_path / f"{seed}.npz")
    models = [load_model(tmp_path / f"{seed}.npz") for seed in (0, 1)]
    assert models[0].fingerprint != models[1].fingerprint
    assert models[0].fingerprint == load_model(tmp_path / "0.npz").fingerprint
    assert models[0].encode_file(tmp_path / "f.npz").model == models[0].fingerprint

"""A run learns new classes: what it knew stays, old and new codes go together."""

import json

import numpy as np
import pytest

import gluon_hash as gh
from gluon_hash.engine import contexts
from gluon_hash.errors import DataError
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.experiment.recipe import recommended
from gluon_hash.experiment.runs.extending import extend
from gluon_hash.experiment.runs.run_training import train
from gluon_hash.methods import METHODS
from gluon_hash.nets import read_params

NAMES = [(f"class {c}", f"group {c // 3}") for c in range(9)]
NEW = ("class 2", "class 5")
FINE = np.arange(360) % 9


def features_of(fine):
    rng = np.random.RandomState(0)
    centers = rng.randn(3, 16)[np.arange(9) // 3] + rng.randn(9, 16)
    return (centers[fine] + 0.4 * rng.randn(len(fine), 16)).astype(np.float32)


def write(folder, keep, method="expected_codeword"):
    """Prepared features of some of the classes, and the recommended configuration for them."""
    tree = gh.Hierarchy.from_table([NAMES[c] for c in keep], ("fine", "coarse"))
    rows = np.isin(FINE, keep)
    fine = np.searchsorted(keep, FINE[rows])
    made = gh.datasets.features(features_of(FINE)[rows], labels=fine, hierarchy=tree)
    made.write(folder, seed=0)
    config = recommended(folder, METHODS[method](), num_bits=24, epochs=6)
    return config.model_copy(update={"data": config.data.model_copy(update={"root": str(folder)})})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """``run``: seven of nine classes; ``all``: prepared features of the nine."""
    folder = tmp_path_factory.mktemp("extending")
    config = write(folder / "seven", [0, 1, 3, 4, 6, 7, 8])
    net = config.net.model_copy(update={"head": "mlp", "hidden_units": 32})
    optimizer = config.optimizer.model_copy(update={"name": "adam", "lr": 0.01})
    config = config.model_copy(update={"net": net, "optimizer": optimizer})
    train(config, folder / "run", contexts("cpu"))
    write(folder / "all", list(range(9)))
    extend(folder / "run", folder / "all" / "train.npz", folder / "grown")
    return folder


def test_old_parameters_and_codewords_stay(place):
    before, after = (gh.load_model(place / name).run.net for name in ("run", "grown"))
    old, new = (net._collect_params_with_prefix() for net in (before, after))
    assert set(old) == set(new)
    for name in old:
        was, now = old[name].data().asnumpy(), new[name].data().asnumpy()
        assert (now[: len(was)] == was).all(), name
        assert now.shape[1:] == was.shape[1:]
    grown = {name for name in old if old[name].shape != new[name].shape}
    assert len(grown) == 3  # weight, bias and codewords
    codewords = read_params(place / "grown" / "codewords.params")["codewords"].asnumpy()
    assert codewords.shape == (9, 24) and len(np.unique(codewords, axis=0)) == 9


def test_the_hierarchy_has_the_new_classes_last_and_the_run_says_where_it_is_from(place):
    model = gh.load_model(place / "grown")
    assert model.hierarchy.class_names[0][7:] == NEW
    assert (
        model.hierarchy.class_names[0][:7] == gh.load_model(place / "run").hierarchy.class_names[0]
    )
    said = json.loads((place / "grown" / "extended.json").read_text())
    counts = gh.retrieval.FeatureTable.load(place / "all" / "train.npz").level_labels[:, 0]
    assert said["images"] == {"class 2": (counts == 2).sum(), "class 5": (counts == 5).sum()}
    assert said["run"] == "run"


def test_new_images_get_codes_of_their_class_and_old_ones_stay_where_they_were(place):
    """Old codes of the old run, new images by the new one, in one search."""
    before, after = gh.load_model(place / "run"), gh.load_model(place / "grown")
    assert after.fingerprint == before.fingerprint  # what codes and indexes are held against
    features, fine = features_of(FINE), FINE
    is_new = np.isin(fine, (2, 5))
    codes = np.where(is_new[:, None], after.encode(features), before.encode(features))
    unpacked = np.unpackbits(codes, axis=1, bitorder="little")[:, :24]
    queries = np.unpackbits(after.encode(features), axis=1, bitorder="little")[:, :24]
    apart = (queries[:, None] != unpacked[None]).sum(axis=2).astype(float)
    np.fill_diagonal(apart, np.inf)
    right = fine[apart.argmin(axis=1)] == fine
    assert right[is_new].mean() > 0.8 and right[~is_new].mean() > 0.8
    alone = np.unpackbits(before.encode(features), axis=1, bitorder="little")[:, :24]
    apart = (alone[:, None] != alone[None]).sum(axis=2).astype(float)
    np.fill_diagonal(apart, np.inf)
    assert right[is_new].mean() > (fine[apart.argmin(axis=1)] == fine)[is_new].mean()


def test_it_is_the_same_again_from_fewer_images_and_it_is_exported(place, tmp_path):
    records = place / "all" / "train.npz"
    made = [
        extend(place / "run", records, tmp_path / name, images_per_class=4) for name in ("a", "b")
    ]
    assert made[0].images == {"class 2": 4, "class 5": 4}
    first, second = (gh.load_model(tmp_path / name) for name in ("a", "b"))
    features = features_of(FINE)[:20]
    assert (first.relaxed(features) == second.relaxed(features)).all()
    exported = gh.load_model(export_model(tmp_path / "a", tmp_path / "net"))
    assert (exported.encode(features) == first.encode(features)).mean() > 0.99
    assert exported.fingerprint == first.fingerprint and len(exported.hierarchy.class_names[0]) == 9


def test_it_is_extended_again_but_not_trained_on(place, tmp_path):
    write(tmp_path / "one", [0, 1, 2])
    extend(place / "run", tmp_path / "one" / "train.npz", tmp_path / "first")
    made = extend(tmp_path / "first", place / "all" / "train.npz", tmp_path / "second")
    assert made.hierarchy.class_names[0][7:] == NEW and made.images.keys() == {"class 5"}
    run = gh.load_model(tmp_path / "second").run
    with pytest.raises(ValueError, match="an extended run does not train on"):
        train(run.config, tmp_path / "second", contexts("cpu"), resume=True)
    from gluon_hash.experiment.cards.run_list import summarize_run

    assert summarize_run(tmp_path / "second").state == "extended"


def test_what_cannot_be_is_refused(place, tmp_path):
    records = place / "all" / "train.npz"
    with pytest.raises(ValueError, match="exists"):
        extend(place / "run", records, place / "grown")
    with pytest.raises(DataError, match="no finest class that is not known already"):
        extend(place / "run", place / "seven" / "train.npz", tmp_path / "x")
    write(tmp_path / "new", [2, 5])
    with pytest.raises(DataError, match="no image of a class that the run knows"):
        extend(place / "run", tmp_path / "new" / "train.npz", tmp_path / "x")
    with pytest.raises(DataError, match="no image of the new class 'class 2'"):
        tree = place / "all" / "hierarchy.tsv"
        extend(place / "run", _without(records, 2, tmp_path), tmp_path / "x", tree)
    write(tmp_path / "ssdh", [0, 1, 2], "ssdh")
    config = recommended(tmp_path / "ssdh", METHODS["ssdh"](), num_bits=24, epochs=1)
    train(config, tmp_path / "other", contexts("cpu"))
    with pytest.raises(ValueError, match="a run of ssdh has no classifier"):
        extend(tmp_path / "other", records, tmp_path / "x")
    method = METHODS["semantic_indexing"]()
    config = recommended(tmp_path / "ssdh", method, num_bits=24, epochs=1)
    train(config, tmp_path / "floats", contexts("cpu"))
    with pytest.raises(ValueError, match="expected codewords of -1 and \\+1.*semantic_indexing"):
        extend(tmp_path / "floats", records, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_soft_trees_cannot_learn_a_class(place, tmp_path):
    config = write(tmp_path / "few", [0, 1, 3])
    net = config.net.model_copy(update={"head": "soft_trees"})
    training = config.training.model_copy(update={"epochs": 1})
    changed = config.model_copy(update={"net": net, "training": training})
    train(changed, tmp_path / "trees", contexts("cpu"))
    with pytest.raises(ValueError, match="net.head linear or mlp"):
        extend(tmp_path / "trees", place / "all" / "train.npz", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def _without(records, label, folder):
    table = gh.retrieval.FeatureTable.load(records)
    rows = table.level_labels[:, 0] != label
    path = folder / "less.npz"
    gh.retrieval.FeatureTable(
        table.ids[rows], table.features[rows], table.level_labels[rows], table.provenance
    ).save(path)
    return path


def test_the_command_says_what_was_learned(place, tmp_path, capsys):
    from gluon_hash.cli.app import main

    paths = [str(place / "run"), "--records", str(place / "all" / "train.npz")]
    with pytest.raises(SystemExit) as left:
        main(["extend", *paths, "--out", str(tmp_path / "grown"), "--limit", "3"])
    out = capsys.readouterr().out
    assert left.value.code == 0 and (tmp_path / "grown" / "extended.json").exists()
    assert "9 classes; new (from so many images): class 2 (3), class 5 (3)" in out
    with pytest.raises(SystemExit) as left:
        main(["extend", *paths, "--out", str(tmp_path / "grown")])
    assert left.value.code == 2 and "exists" in capsys.readouterr().err

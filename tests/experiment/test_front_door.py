"""The front door in Python: train, encode, load, on features and images, with any method."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gluon_hash as gh
from gluon_hash.experiment import load_config, recommended
from gluon_hash.retrieval import codes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def drawn():
    """Features of 8 classes in 4 groups that a head can tell apart: features, table of labels."""
    rng = np.random.RandomState(0)
    fine = np.arange(320) % 8
    means = 2.0 * rng.randn(4, 24)[np.arange(8) // 2] + rng.randn(8, 24)
    return means[fine] + 0.5 * rng.randn(320, 24), np.stack([fine, fine // 2], axis=1)


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_door_opens_without_mxnet_and_names_all_it_offers():
    loaded = python(
        "import sys, gluon_hash; gluon_hash.Hierarchy; gluon_hash.CodeTable; gluon_hash.evaluate; "
        "print('mxnet' in sys.modules)"
    )
    assert loaded == "False"
    assert python("import sys, gluon_hash; print('numpy' in sys.modules)") == "False"
    for name in gh.__all__:
        assert getattr(gh, name) is not None and name in dir(gh)
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        gh.trane  # noqa: B018


def test_features_of_any_network_train_a_head_and_keep_nothing(drawn, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    features, labels = drawn
    data = gh.datasets.features(features, labels=labels)
    model = gh.train(data, gh.methods.CSQ(), num_bits=16, epochs=6)
    packed = model.encode(features)
    assert packed.shape == (320, 2) and packed.dtype == np.uint8
    table = gh.CodeTable(np.arange(320), packed, labels.astype(np.int32), num_bits=16)
    assert gh.evaluate(table, table)["map"] > 0.8
    assert not list(tmp_path.iterdir())


def test_a_run_is_kept_read_again_and_trained_the_same_twice(drawn, tmp_path):
    data = gh.datasets.features(drawn[0], labels=drawn[1])
    first, second = (
        gh.train(data, num_bits=16, epochs=2, out=tmp_path / name) for name in ("a", "b")
    )
    again = gh.load_model(tmp_path / "a")
    for model in (second, again):
        assert (model.relaxed(drawn[0]) == first.relaxed(drawn[0])).all()
    assert (tmp_path / "a.data" / "train.npz").exists()
    with pytest.raises(ValueError, match="exists already"):
        gh.train(data, num_bits=16, epochs=2, out=tmp_path / "a")


def test_queries_and_database_of_a_data_set_are_encoded_in_one_call(drawn):
    data = gh.datasets.features(drawn[0], labels=drawn[1])
    model = gh.train(data, num_bits=16, epochs=2)
    query, database = model.encode_data(data)
    assert len(query) + len(database) == 320 and not set(query.ids) & set(database.ids)
    assert (query.codes == model.encode(data.query.features)).all()
    assert gh.evaluate(query, database)["num_queries"] == len(query)


def test_images_train_by_the_recommended_recipe(prepared, tmp_path):
    model = gh.train(prepared, num_bits=8, epochs=1, out=tmp_path / "run")
    config = load_config(tmp_path / "run" / "run.yaml")
    assert config == recommended(prepared, num_bits=8, epochs=1)
    table = model.encode_file(prepared / "query.rec")
    images = gh.datasets.synthetic(train_per_class=6, query_per_class=2, side=32, seed=1)
    query, _ = model.encode_data(images)
    assert (query.codes == table.codes).all() and (query.level_labels == table.level_labels).all()
    pixels = np.zeros((40, 40, 3), np.uint8)
    assert (codes.pack(model.relaxed([pixels])) == model.encode([pixels])).all()


def test_an_unknown_method_of_ones_own_is_refused_before_hours_of_work(drawn):
    class Mine(gh.methods.CSQ):
        name: str = "mine"

    with pytest.raises(ValueError, match=r"METHODS\['mine'\] = Mine"):
        gh.train(gh.datasets.features(drawn[0], labels=drawn[1]), Mine())

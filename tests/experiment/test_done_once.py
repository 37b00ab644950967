"""What a comparison does once for many networks on the same features, and when it does it again."""

import os

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy.encode import fingerprint_of  # noqa: E402
from gluon_hash.engine import mx  # noqa: E402
from gluon_hash.experiment import load_config, load_run, train  # noqa: E402
from gluon_hash.experiment.comparison.measure import Encoders  # noqa: E402
from gluon_hash.experiment.data.features import (  # noqa: E402
    load_features,
    source_of,
    statistics,
    statistics_for,
)
from gluon_hash.experiment.runs import reference  # noqa: E402
from gluon_hash.retrieval import FeatureTable  # noqa: E402

CPU = [mx.cpu()]


def test_every_float16_is_read_as_numpy_converts_it(tmp_path):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 32)
    count = len(every)
    table = FeatureTable(np.arange(count), every, np.zeros((count, 1), np.int32), {})
    table.save(tmp_path / "every.npz")
    config = load_config(
        changes_of(tmp_path / "every.npz"), ["net.backbone=features", "net.num_features=32"]
    )
    floats = load_features(config, tmp_path / "every.npz").features
    expected = every.astype(np.float32)
    np.testing.assert_array_equal(floats.view(np.uint32), expected.view(np.uint32))  # NaN alike


def changes_of(features):
    path = features.with_name("one.yaml")
    path.write_text(f"data: {{root: {features.parent}, features: {features}}}\n")
    return path


def test_statistics_are_those_of_the_rows_and_of_the_file_as_it_is(tmp_path):
    rng, path = np.random.RandomState(0), tmp_path / "some.npz"
    config = load_config(
        changes_of(path),
        ["net.backbone=features", "net.num_features=3", "net.standardize=true"],
    )
    for number in range(2):
        values = rng.randn(50, 3).astype(np.float32)
        FeatureTable(np.arange(50), values, np.zeros((50, 1), np.int32), {}).save(path)
        os.utime(path, ns=(number, number))
        for rows in (np.arange(50), np.arange(0, 50, 3), np.arange(50)):
            given = statistics_for(config, source_of(path), rows)
            np.testing.assert_array_equal(given, statistics(values, rows))
            np.testing.assert_allclose(given[0], values[rows].mean(axis=0), atol=1e-6)
        path.unlink()


def test_itq_is_fitted_once_for_a_seed_and_a_number_of_bits(features, tmp_path, monkeypatch):
    fitted, real = [], reference.fit
    monkeypatch.setattr(
        reference, "fit", lambda *given, **named: fitted.append(given[3]) or real(*given, **named)
    )
    monkeypatch.setattr(reference, "_fitted", {})
    lines = []
    for number, (bits, seed, method) in enumerate(
        [(12, 1, "dcwh"), (12, 1, "csq"), (16, 1, "csq"), (12, 2, "csq")]
    ):
        values = {"net.num_bits": bits, "training.seed": seed, "loss.name": method}
        changes = [*(f"{key}={value}" for key, value in values.items()), "training.epochs=1"]
        out = tmp_path / str(number)
        train(load_config(features, changes), out, CPU)
        lines.append((out / reference.REFERENCE).read_text().partition('"itq"')[2])
    assert fitted == [12, 16, 12]
    assert lines[0] == lines[1] and len(set(lines)) == 3


def test_a_backbone_at_hand_is_taken_and_its_file_linked(features, tmp_path):
    config = load_config(features, ["training.epochs=1", "loss.name=csq"])
    first = train(config, tmp_path / "first", CPU)
    second = train(config, tmp_path / "second", CPU, backbone=tmp_path / "first/backbone.params")
    names = [tmp_path / run / "backbone.params" for run in ("first", "second")]
    assert os.path.samefile(*names)
    # what was read from the files has the same weights as what was at hand
    assert len({fingerprint_of(run.net) for run in (first, second, load_run(second.path))}) == 1
    third = train(config, tmp_path / "third", CPU, backbone=tmp_path / "gone.params")
    assert (third.path / "backbone.params").read_bytes() == names[0].read_bytes()


def test_one_network_is_loaded_a_run_and_again_when_it_has_changed(features, tmp_path):
    config = load_config(features, ["training.epochs=1", "loss.name=csq"])
    first = train(config, tmp_path / "first", CPU)
    linked = first.path / "backbone.params"
    second = train(config, tmp_path / "second", CPU, backbone=linked)
    copied = train(config, tmp_path / "copied", CPU)
    encoders = Encoders(CPU)
    one = encoders.of(first.path)
    assert encoders.of(first.path) is one
    other = encoders.of(second.path)
    assert other.run.net.features is one.run.net.features and other.path == second.path
    assert encoders.of(copied.path).run.net.features is not one.run.net.features
    more = load_config(features, ["training.epochs=3", "loss.name=csq"])
    train(more, copied.path, CPU, resume=True)
    assert encoders.of(copied.path).fingerprint == fingerprint_of(load_run(copied.path).net)

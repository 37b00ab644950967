"""Features that loaders standardize: as the layer does it, bit for bit, and only where asked."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.nets import Standardize, StandardizeRoots  # noqa: E402
from gluon_hash.records.loaders import FeatureEvalLoader, FeatureTrainLoader  # noqa: E402

COUNT, WIDTH = 150, 37


@pytest.fixture
def arrays():
    rng = np.random.RandomState(3)
    features = (rng.randn(COUNT, WIDTH) * 10.0 ** rng.randint(-6, 6, WIDTH)).astype(np.float32)
    features[:, 5] = -0.0  # constant: its deviation is 0
    features[::3, 6:20] = 0
    return features, rng.randint(0, 5, (COUNT, 2)).astype(np.int32), np.arange(COUNT) * 7


@pytest.mark.parametrize("layer", [Standardize, StandardizeRoots])
def test_the_same_bits_as_the_layer(layer, arrays):
    features, labels, ids = arrays
    neck = layer(WIDTH)
    neck.initialize()
    neck.set_statistics(features.mean(axis=0), features.std(axis=0))
    neck.hybridize()
    kept = features.copy()
    raw = FeatureEvalLoader(features, labels, ids, 64)
    for before, after in zip(raw, raw.changed(neck.on_arrays())):
        expected = neck(before.image).asnumpy() + np.float32(0)  # -0 is 0
        given = after.image.asnumpy() + np.float32(0)
        np.testing.assert_array_equal(given.view(np.uint32), expected.view(np.uint32))
        assert np.abs(given).max() > 1
        np.testing.assert_array_equal(before.id, after.id)
    np.testing.assert_array_equal(features, kept)  # shared with all others


def test_batches_parts_and_epochs_are_those_of_the_loader(arrays):
    features, labels, ids = arrays

    def double(block):
        block *= 2

    given = (features, labels[:90], ids[:90])
    positions = np.random.RandomState(0).permutation(COUNT)[:90]
    loader = FeatureTrainLoader(*given, 16, seed=1, positions=positions)
    for one, two in zip(loader.epoch(2), loader.changed(double).epoch(2), strict=True):
        np.testing.assert_array_equal(2 * one.image.asnumpy(), two.image.asnumpy())
        np.testing.assert_array_equal(one.level_labels.asnumpy(), two.level_labels.asnumpy())
        np.testing.assert_array_equal(one.id, two.id)
    every = FeatureEvalLoader(*given, 50, positions=positions).changed(double)
    (part,) = list(every.part(slice(30, 70)))
    np.testing.assert_array_equal(part.image.asnumpy(), 2 * features[positions[30:70]])
    np.testing.assert_array_equal(part.id, ids[30:70])
    np.testing.assert_array_equal(part.level_labels.asnumpy(), labels[30:70])


def test_what_was_changed_can_be_had_as_it_is(arrays):
    loader = FeatureEvalLoader(*arrays, 150)

    def erase(block):
        block[:] = 0

    changed = loader.changed(erase)
    assert not next(iter(changed)).image.asnumpy().any()
    np.testing.assert_array_equal(next(iter(changed.changed(None))).image.asnumpy(), arrays[0])

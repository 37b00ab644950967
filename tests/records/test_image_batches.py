"""Images that go up as bytes: the same numbers on every device, a quarter of the memory."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd

from gluon_hash.deploy.encode import run_net
from gluon_hash.records import EvalLoader, ImageTransform, RecordFile, TrainLoader, write_records
from gluon_hash.records.image_batches import Normalize, on_devices
from gluon_hash.records.pack import encode_png

COUNT, SIDE = 11, 12
TRANSFORM = ImageTransform(16, SIDE, pad=3, flip=True)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    rng, path = np.random.RandomState(0), tmp_path_factory.mktemp("records") / "x.rec"
    images = rng.randint(0, 256, (COUNT, 16, 20, 3)).astype(np.uint8)
    entries = ((i, np.zeros(2), encode_png(image)) for i, image in enumerate(images))
    write_records(path, entries, COUNT)
    return RecordFile(path)


def test_bytes_become_the_numbers_that_float32_has(records):
    plain, bytes_up = (
        TrainLoader(records, TRANSFORM, 4, seed=1, upload=upload) for upload in ("float32", "uint8")
    )
    for expected, batch in zip(plain.epoch(0), bytes_up.epoch(0)):
        assert batch.image.dtype == np.uint8 and batch.image.shape == expected.image.shape
        (got,) = on_devices(batch, [mx.cpu()])
        np.testing.assert_array_equal(got.asnumpy(), expected.image.asnumpy())
        np.testing.assert_array_equal(batch.id, expected.id)
    assert expected.normalize is None


def test_a_pixel_is_scaled_and_shifted():
    pixels = np.random.RandomState(1).randint(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    planes = nd.array(pixels.transpose(0, 3, 1, 2), dtype="uint8")
    expected = (pixels / 255 - np.array(TRANSFORM.mean)) / np.array(TRANSFORM.std)
    got = Normalize(TRANSFORM)(planes).asnumpy()
    np.testing.assert_allclose(got, expected.transpose(0, 3, 1, 2), atol=1e-6)
    np.testing.assert_array_equal(got, TRANSFORM.normalize(pixels))


def test_every_device_normalizes_its_own_images(records):
    loader = EvalLoader(records, TRANSFORM, 5, upload="uint8").part(slice(2, 10))
    contexts = [mx.cpu(0), mx.cpu(1)]
    batch = next(iter(loader))
    parts = on_devices(batch, contexts)
    assert [part.context for part in parts] == contexts
    whole = np.concatenate([part.asnumpy() for part in parts])
    plain = next(iter(EvalLoader(records, TRANSFORM, 5).part(slice(2, 10))))
    np.testing.assert_array_equal(whole, plain.image.asnumpy())
    with mx.cpu(1):  # not the default device
        (own,) = on_devices(batch, [mx.cpu(0)])
    assert own.context == mx.cpu(0)


def test_a_network_gives_the_same_outputs_of_both(records):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(4, 3), gluon.nn.GlobalAvgPool2D(), gluon.nn.Flatten())
    net.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
    loaders = [EvalLoader(records, TRANSFORM, 4, upload=upload) for upload in ("float32", "uint8")]
    for contexts in ([mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]):
        first, second = (run_net(net, loader, contexts)[0] for loader in loaders)
        np.testing.assert_array_equal(first, second)


def test_another_type_is_refused(records):
    with pytest.raises(ValueError, match="upload: expected float32 or uint8, got 'float16'"):
        EvalLoader(records, TRANSFORM, 4, upload="float16")

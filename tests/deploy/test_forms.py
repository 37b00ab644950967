"""Pixels in, packed bytes out: in the graph as in NumPy, whoever runs it."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy.forms import PackBits, Preprocess
from gluon_hash.engine import nd
from gluon_hash.records import ImageTransform
from gluon_hash.retrieval.codes import packing


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 48, 129])
def test_bits_are_packed_as_everywhere(rng, num_bits):
    code = rng.standard_normal((50, num_bits)).astype(np.float32)
    code[::7] = 0.0  # sign(0) = +1
    code[1::7] = -0.0
    block = PackBits(num_bits)
    block.initialize()
    packed = block(nd.array(code)).asnumpy()
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(packed, packing.pack(code))


def test_pixels_become_planes_as_everywhere(rng):
    transform = ImageTransform(5, 5, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    pixels = rng.randint(0, 256, (4, 5, 5, 3))
    block = Preprocess(transform)
    block.initialize()
    expected = transform.normalize(pixels.astype(np.uint8))
    for dtype in ("uint8", "float32"):  # of the C predict API, which has no other
        planes = block(nd.array(pixels, dtype=dtype)).asnumpy()
        np.testing.assert_array_equal(planes, expected)

"""int8: nearly the same bits, whoever runs the two files."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy.folding import fold_batch_norms
from gluon_hash.deploy.graph import Graph
from gluon_hash.deploy.quantize import CALIBRATION_BATCH, quantize
from gluon_hash.deploy.runtimes import MXNET_RUNTIMES
from gluon_hash.engine import mx, nd
from gluon_hash.nets import HashingNet, get_backbone


@pytest.fixture
def net(rng):
    made = HashingNet(get_backbone("cifar_resnet20_v1"), 24)
    made.initialize(mx.init.Xavier())
    images = rng.standard_normal((2 * CALIBRATION_BATCH, 3, 32, 32)).astype(np.float32)
    return images, made(nd.array(images)).asnumpy(), Graph.of(made)


def test_nearly_every_bit_stays_in_every_runtime(net, tmp_path):
    images, expected, graph = net
    symbol, params = tmp_path / "q-symbol.json", tmp_path / "q-0000.params"
    quantize(fold_batch_norms(graph), images).save(symbol, params)
    assert "quantize" in symbol.read_text()
    codes = [opened(symbol, params, "data")(images) for opened in MXNET_RUNTIMES.values()]
    assert 0.9 < ((codes[0] >= 0) == (expected >= 0)).mean()
    assert 0 < np.abs(codes[0] - expected).max() < np.abs(expected).max()  # it is another network
    assert all(np.array_equal(codes[0], other) for other in codes[1:])


def test_too_few_images_are_refused(net):
    images, _, graph = net
    with pytest.raises(ValueError, match="expected 16 inputs or more"):
        quantize(graph, images[: CALIBRATION_BATCH - 1])

"""The traced networks in symbols/ are what today's code traces."""

import json

import mxnet as mx
import numpy as np
import pytest

from gluon_hash.nets import BACKBONES, Backbone, HashingNet, get_backbone
from symbols.hashing_net import STOCK, get_symbol, json_path


@pytest.mark.parametrize("backbone", STOCK)
def test_todays_code_traces_to_the_stored_graph(backbone):
    stored = json.loads(json_path(backbone).read_text())
    traced = json.loads(get_symbol(backbone).tojson())
    assert traced["nodes"] == stored["nodes"]
    assert traced["heads"] == stored["heads"]


def test_the_stored_graph_has_the_promised_input_and_output():
    symbol = mx.sym.load(str(json_path("resnet50_v1b")))
    _, outputs, _ = symbol.infer_shape(data=(2, 3, 224, 224))
    assert symbol.list_arguments()[0] == "data" and outputs == [(2, 48)]


@pytest.mark.parametrize(
    "name, num_features",
    [
        ("resnet18_v1", 512),
        ("resnet50_v1b", 2048),
        ("resnet34_v2", 512),
        ("cifar_resnet20_v1", 64),
        ("cifar_resnet56_v2", 64),
    ],
)
def test_backbones_give_pooled_features_hybridized_or_not(name, num_features, rng):
    net = HashingNet(get_backbone(name), 12)
    net.initialize()
    images = mx.nd.array(rng.randn(2, 3, 32, 32))
    plain = net(images).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    np.testing.assert_allclose(net(images).asnumpy(), plain, rtol=1e-4, atol=1e-5)
    assert plain.shape == (2, 12) and net.features(images).shape == (2, num_features)


def test_an_unknown_backbone_names_the_nearest():
    assert len(set(BACKBONES)) == len(BACKBONES) == 21
    with pytest.raises(ValueError, match="did you mean resnet50_v1"):
        Backbone("resnet50v1")

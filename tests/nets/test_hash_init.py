"""The start of the last layer: Xavier's rule as always, or uniform as the released code has it."""

import mxnet as mx
import numpy as np
import pytest

from gluon_hash.experiment.settings.config import Config
from gluon_hash.nets import FeatureInput, HashingNet


def last(**settings):
    """Weight and bias of the last layer of a network of 400 features and 100 bits."""
    mx.random.seed(3)
    np.random.seed(3)
    net = HashingNet(FeatureInput(400), 100, **settings)
    net.initialize()
    return net.head[-1].weight.data().asnumpy(), net.head[-1].bias.data().asnumpy()


def test_xavier_is_the_default():
    """+-sqrt(3 / ((400 + 100) / 2)) = +-.1095, and a bias of 0."""
    weight, bias = last()
    assert 0.105 < np.abs(weight).max() <= np.sqrt(3 / 250) and (bias == 0).all()
    assert (last(hash_init="xavier")[0] == weight).all()


def test_uniform_draws_weights_and_bias():
    """+-1 / sqrt(400) = +-.05; the deviation of a uniform number is its bound over sqrt(3)."""
    weight, bias = last(hash_init="uniform")
    assert 0.0495 < np.abs(weight).max() <= 0.05 and np.abs(bias).max() <= 0.05
    assert weight.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.02)
    assert bias.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.2)


def test_soft_trees_have_no_such_layer():
    net = {"head": "soft_trees", "hash_init": "uniform"}
    with pytest.raises(ValueError, match="net.hash_init is of net.head: linear and mlp"):
        Config.model_validate({"data": {"root": "x"}, "net": net})

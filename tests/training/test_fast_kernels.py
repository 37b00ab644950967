"""Kernels that train faster: the same outputs, gradients but for rounding, the same parameters."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd

from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.training.kernels import averages_by_loops, first_products, has_fast_kernels
from gluon_hash.training.precision import cast_inside

BITS, SIDE = 16, 32


def network(backbone="cifar_resnet20_v1"):
    np.random.seed(0)
    mx.random.seed(0)
    net = HashingNet(get_backbone(backbone), BITS)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, SIDE, SIDE)))  # shapes are known now, and weights drawn
    return net


def outputs_and_gradients(net, block):
    images = nd.array(np.random.RandomState(1).randn(4, 3, SIDE, SIDE))
    with autograd.record():
        code = block(images)
        loss = nd.square(code - 1).sum()
    loss.backward()
    gradients = [
        value.grad().asnumpy()
        for value in net.collect_params().values()
        if value.grad_req != "null"
    ]
    return code.asnumpy(), gradients


@pytest.mark.parametrize("backbone", ["cifar_resnet20_v1", "cifar_resnet20_v2"])
def test_the_outputs_are_the_same_bits_and_the_gradients_but_for_rounding(backbone):
    plain, changed = network(backbone), network(backbone)
    plain.hybridize(static_alloc=True, static_shape=True)  # as it is trained
    block = cast_inside(changed, "float32", "fast")
    assert block is not changed
    code, gradients = outputs_and_gradients(plain, plain)
    fast_code, fast_gradients = outputs_and_gradients(changed, block)
    np.testing.assert_array_equal(fast_code, code)
    for expected, got in zip(gradients, fast_gradients):
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())
    # the statistics of batch norm are those of the network itself, which is saved
    for own, other in zip(plain.collect_params().values(), changed.collect_params().values()):
        if own.grad_req == "null":
            expected, got = own.data().asnumpy(), other.data().asnumpy()
            np.testing.assert_array_equal(got, expected)


def test_the_gradient_of_the_average_is_a_share_for_each_pixel():
    planes = mx.sym.Variable("data")
    pooled = mx.sym.Pooling(planes, kernel=(1, 1), global_pool=True, pool_type="avg")
    changed = averages_by_loops(pooled)
    assert "AdaptiveAvgPooling2D" in changed.tojson() and "Pooling2D" not in pooled.tojson()
    own = nd.array(np.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4))
    own.attach_grad()
    bound = changed.bind(mx.cpu(), {"data": own}, args_grad={"data": own.grad})
    mean = bound.forward(is_train=True)[0].asnumpy()
    np.testing.assert_array_equal(mean, own.asnumpy().mean(axis=(2, 3), keepdims=True))
    weights = np.arange(1, 7).reshape(2, 3, 1, 1)
    bound.backward(nd.array(weights))
    np.testing.assert_array_equal(own.grad.asnumpy(), np.broadcast_to(weights / 16, own.shape))


def test_other_poolings_and_graphs_without_any_stay():
    planes = mx.sym.Variable("data")
    largest = mx.sym.Pooling(planes, kernel=(1, 1), global_pool=True, pool_type="max")
    windows = mx.sym.Pooling(planes, kernel=(2, 2), stride=(2, 2), pool_type="avg")
    for symbol in (largest, windows):
        assert averages_by_loops(symbol) is symbol
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(2, in_units=3))
    net.initialize()
    assert cast_inside(net, "float32", "fast") is net


def test_in_bfloat16_the_first_convolution_stays_in_float32():
    net = network()
    first = first_products(net(mx.sym.Variable("data")), "data")
    assert len(first) == 1
    compatible, fast = (cast_inside(net, "bfloat16", kernels) for kernels in ("compatible", "fast"))
    images = nd.array(np.random.RandomState(1).randn(4, 3, SIDE, SIDE))
    codes = [block(images).asnumpy() for block in (net, compatible, fast)]
    errors = [float(np.abs(code - codes[0]).max()) for code in codes[1:]]
    assert 0 < errors[1] <= 2**-5 * np.abs(codes[0]).max()
    assert not np.array_equal(codes[1], codes[2])


def test_gpus_keep_their_graphs():
    assert has_fast_kernels([mx.cpu(0), mx.cpu(1)])
    assert not has_fast_kernels([mx.gpu(0)])

"""Products in 16 bits: float32 weights and codes, a loss scale that is saved, refusals."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from gluon_hash.training.optimizer_state import load_optimizer, save_optimizer
from gluon_hash.training.precision import (
    LossScale,
    cast_inside,
    check_precision,
    scale_losses,
    scaled_by,
)


def make(seed=0):
    np.random.seed(seed)
    mx.random.seed(seed)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(8, in_units=6), gluon.nn.BatchNorm(in_channels=8))
    net.add(gluon.nn.Dense(4, in_units=8))
    net.initialize(mx.init.Xavier())
    optimizer = gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9}, kvstore=None
    )
    return net, optimizer


def step(block, optimizer, factor=1.0):
    images = nd.array(np.random.RandomState(1).randn(16, 6))
    scale = scaled_by(optimizer)
    value = 1.0 if scale is None else scale.value
    with autograd.record():
        code = block(images)
        loss = nd.square(code).sum() * factor * value
    loss.backward()
    optimizer.update(16 * value)
    return code


def weights(net):
    return [value.data().asnumpy() for value in net.collect_params().values()]


def test_bfloat16_changes_the_products_alone():
    plain, cast = make(), make()
    block = cast_inside(cast[0], "bfloat16")
    exact, rounded = step(plain[0], plain[1]).asnumpy(), step(block, cast[1]).asnumpy()
    assert rounded.dtype == np.float32 and not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded, exact, atol=2**-6 * np.abs(exact).max())  # 8 bits a number
    for before, after in zip(weights(plain[0]), weights(cast[0])):
        assert after.dtype == np.float32  # the network's own, which a checkpoint keeps
        np.testing.assert_allclose(after, before, atol=0.05)
    assert not np.array_equal(weights(cast[0])[0], weights(make()[0])[0])  # it was trained
    # statistics of batch norm are learned through the cast block too
    assert np.abs(cast[0][1].running_mean.data().asnumpy()).max() > 0


def test_float32_is_the_network_itself():
    net, optimizer = make()
    assert cast_inside(net, "float32") is net
    scale_losses(optimizer, "float32")
    assert scaled_by(optimizer) is None


@pytest.mark.parametrize(
    "precision, context, message",
    [("float16", mx.cpu(), "no float16 .* on the CPU"), ("bfloat16", mx.gpu(), "on the CPU alone")],
)
def test_what_has_no_kernels_is_refused(precision, context, message):
    with pytest.raises(ValueError, match=message):
        check_precision(precision, [context])
    check_precision("float32", [context])


def test_a_scaled_loss_trains_to_the_same_bits():
    """In float32, where nothing overflows or vanishes: a power of 2 rounds nothing."""
    plain, scaled = make(), make()
    scale_losses(scaled[1], "float16")
    for _ in range(3):
        step(*plain), step(*scaled)
    assert scaled_by(scaled[1]).value == LossScale.FIRST and scaled_by(scaled[1]).steps == 3
    assert all(map(np.array_equal, weights(plain[0]), weights(scaled[0])))


def test_a_step_that_overflows_is_left_out_and_the_scale_halved():
    net, optimizer = make()
    scale_losses(optimizer, "float16")
    trained = [value for value in net.collect_params().values() if value.grad_req != "null"]
    before = [value.data().asnumpy() for value in trained]
    step(net, optimizer, factor=1e38)
    assert all(np.array_equal(old, new.data().asnumpy()) for old, new in zip(before, trained))
    assert scaled_by(optimizer).value == LossScale.FIRST / 2 and scaled_by(optimizer).steps == 0
    step(net, optimizer)
    assert not np.array_equal(before[0], trained[0].data().asnumpy())


def test_the_scale_is_doubled_after_many_steps_up_to_the_largest(monkeypatch):
    monkeypatch.setattr(LossScale, "STEPS", 2)
    net, optimizer = make()
    scale_losses(optimizer, "float16")
    scaled_by(optimizer).value = LossScale.LARGEST / 2
    values = []
    for _ in range(5):
        step(net, optimizer)
        values.append(scaled_by(optimizer).value / LossScale.LARGEST)
    assert values == [0.5, 1, 1, 1, 1]


def test_the_scale_is_saved_with_the_optimiser(tmp_path):
    net, optimizer = make()
    scale_losses(optimizer, "float16")
    step(net, optimizer)
    scaled_by(optimizer).value = 512.0
    save_optimizer(optimizer, tmp_path / "o.params")
    net, again = make()
    scale_losses(again, "float16")
    load_optimizer(again, tmp_path / "o.params")
    assert (scaled_by(again).value, scaled_by(again).steps) == (512.0, 1)

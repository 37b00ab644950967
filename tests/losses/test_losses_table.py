"""What holds for every loss: slow twin, finite differences, hybridised or not, one value an image,
extremes."""

import mxnet as mx
import numpy as np
import pytest
import reference_losses as slow
from loss_cases import CASES, CODE
from mxnet import autograd, nd
from mxnet.test_utils import check_numeric_gradient

from gluon_hash import losses

REMEMBERED = [name for name, case in CASES.items() if "memory" in case.inputs]
every_loss = pytest.mark.parametrize("name", CASES)


def arrays(case, dtype="float64", **changed):
    return [nd.array(value, dtype=dtype) for value in {**case.inputs, **changed}.values()]


def gradients(case, inputs):
    """Of the summed loss, in the inputs that are learned."""
    learned = [value for name, value in zip(case.inputs, inputs) if name in case.learned]
    for value in learned:
        value.attach_grad()
    with autograd.record():
        total = case.loss()(*inputs).sum()
    total.backward()
    return [value.grad.asnumpy() for value in learned]


def test_no_loss_is_forgotten():
    assert {name.split()[0] for name in CASES} == set(losses.__all__)


def test_every_pair_loss_is_tried_with_graded_similarity():
    from gluon_hash.losses.pairs import PairwiseLoss

    pairwise = {name for name in losses.__all__ if issubclass(getattr(losses, name), PairwiseLoss)}
    graded = {name.split()[0] for name in CASES if name.endswith(" graded")}
    assert graded == pairwise - {"SHDHLoss"}  # which is graded by itself


@every_loss
@pytest.mark.parametrize("hybridize", [False, True])
def test_matches_slow_twin(name, hybridize):
    case = CASES[name]
    loss = case.loss()
    if hybridize:
        loss.hybridize()
    found = loss(*arrays(case)).asnumpy()
    assert found.shape == (len(CODE),) and found.dtype == np.float64
    np.testing.assert_allclose(found, case.twin(*case.inputs.values()), rtol=1e-9, atol=1e-9)


@every_loss
def test_gradient_matches_finite_differences(name):
    case = CASES[name]
    if name in REMEMBERED:
        pytest.skip("no gradient through the other image of a pair: see below")
    symbol = case.loss()(*(mx.sym.Variable(input_name) for input_name in case.inputs))
    check_numeric_gradient(
        symbol,
        dict(case.inputs),
        grad_nodes=list(case.learned),
        numeric_eps=1e-5,
        rtol=1e-5,
        atol=1e-7,
        dtype=np.float64,
    )


@pytest.mark.parametrize("name", REMEMBERED)
def test_gradient_with_a_memory_is_that_with_the_other_images_held(name):
    case = CASES[name]
    rest = list(case.inputs.values())[1:]
    (found,) = gradients(case, arrays(case))
    expected = np.zeros_like(CODE)
    for place in np.ndindex(*CODE.shape):
        step = np.zeros_like(CODE)
        step[place] = 1e-5
        expected[place] = (
            sum(sign * case.twin(CODE + sign * step, *rest, own=CODE).sum() for sign in (1, -1))
            / 2e-5
        )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@every_loss
@pytest.mark.parametrize("scale", [0.0, 1e-4, 1e4])
def test_extreme_inputs_give_finite_losses_and_gradients(name, scale):
    """In float32: codes, logits, centers of length 0, nearly 0, and far out; equal ones too: all
    are 0 in the first."""
    case = CASES[name]
    scaled = {"code", "fine", "coarse", "memory", *case.learned} & set(case.inputs)
    inputs = arrays(case, "float32", **{one: case.inputs[one] * scale for one in scaled})
    assert np.isfinite(case.loss()(*inputs).asnumpy()).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients(case, inputs))


@every_loss
def test_one_image_is_a_batch(name):
    case = CASES[name]
    with_an_image_a_row = [len(value) == len(CODE) for value in case.inputs.values()]
    inputs = [
        nd.array(value[:1] if own else value, dtype="float64")
        for value, own in zip(case.inputs.values(), with_an_image_a_row)
    ]
    found = case.loss()(*inputs).asnumpy()
    assert found.shape == (1,) and np.isfinite(found).all()


def test_pairs_of_one_kind_weigh_1_each():
    alike = losses.HashNetLoss(alpha=1.0)(
        nd.zeros((3, 4)), nd.zeros((3, 1)), nd.ones((1, 1))
    ).asnumpy()
    np.testing.assert_allclose(alike, np.log(2), rtol=1e-6)  # theta = 0: log 2 a pair


def test_slow_likelihood_is_the_formula():
    theta, s = 0.7, 0.3
    assert slow.likelihood(theta, s) == pytest.approx(np.log(1 + np.exp(theta)) - s * theta)

"""HPDH's loss: golden case, slow twin, gradients, identities, extremes, bad input."""

import mxnet as mx
import numpy as np
import pytest
import reference
from mxnet import autograd, nd
from mxnet.test_utils import check_numeric_gradient

from gluon_hash.losses import (
    ClassWiseLoss,
    CubicConstraint,
    HierarchicalClassWiseLoss,
    HPDHLoss,
    ReleasedClassWiseLoss,
    VertexConstraint,
)

# the golden case: u_ij = 1.5 sin(i + 2j + 0.5), m_kj = cos(3k + j), parents {0, 1}, {2, 3}
CODE = np.fromfunction(lambda i, j: 1.5 * np.sin(i + 2 * j + 0.5), (3, 4))
FINE = np.fromfunction(lambda k, j: np.cos(3 * k + j), (4, 4))
COARSE = np.stack([FINE[:2].mean(axis=0), FINE[2:].mean(axis=0)])
LABELS = np.array([[0, 0], [2, 1], [3, 1]])


def array(values):
    return nd.array(values, dtype="float64")


@pytest.mark.parametrize("hybridize", [False, True])
def test_golden_case(hybridize):
    blocks = [
        ReleasedClassWiseLoss(1.0),
        ReleasedClassWiseLoss(0.5),
        CubicConstraint(),
        VertexConstraint(),
    ]
    total = HPDHLoss(4, [1.0, 0.5])
    for block in [*blocks, total] if hybridize else []:
        block.hybridize()
    labels = array(LABELS)
    values = [
        blocks[0](array(CODE), labels[:, 0], array(FINE)),
        blocks[1](array(CODE), labels[:, 1], array(COARSE)),
        blocks[2](array(CODE)),
        blocks[3](array(CODE)),
        total(array(CODE), labels, array(FINE), array(COARSE)),
    ]
    np.testing.assert_allclose(
        [value.mean().asscalar() for value in values],
        [0.97395490, 0.69768201, 0.51118782, 0.71037036, 2.96736573],
        atol=5e-8,
    )


@pytest.mark.parametrize("inv_variance", [0.25, 1.0, 2.0])
def test_class_wise_matches_slow_twin(rng, inv_variance):
    code, center, label = rng.randn(5, 7), rng.randn(4, 7), rng.randint(0, 4, 5)
    found = ClassWiseLoss(inv_variance)(array(code), array(label), array(center)).asnumpy()
    np.testing.assert_allclose(
        found, reference.class_wise(code, label, center, inv_variance), rtol=1e-10
    )


def test_far_centers_saturate_the_released_form_only():
    # u = 0, centers +1 and -1 at 64 bits: both at squared distance 64, so the posterior is 1/2. The
    # released form has n = exp(-32), far below epsilon: -log(n / (2n + 1e-8) + 1e-8) = 13.571456.
    center, code = array(np.stack([np.ones(64), -np.ones(64)])), array(np.zeros((1, 64)))
    assert ClassWiseLoss(1.0)(code, array([0]), center).asscalar() == pytest.approx(
        np.log(2), abs=1e-9
    )
    assert ReleasedClassWiseLoss(1.0)(code, array([0]), center).asscalar() == pytest.approx(
        13.571456, abs=1e-6
    )


def test_released_gradient_vanishes_with_random_centers_at_128_bits():
    rng = np.random.RandomState(0)
    center, labels = array(rng.randn(100, 128)), array(rng.randint(0, 100, 32))
    norms = []
    for loss in (ClassWiseLoss(1.0), ReleasedClassWiseLoss(1.0)):
        code = array(rng.randn(32, 128))
        code.attach_grad()
        with autograd.record():
            value = loss(code, labels, center).mean()
        value.backward()
        norms.append(nd.norm(code.grad).asscalar())
    assert norms[0] > 1.0
    assert norms[1] < 1e-4


@pytest.mark.parametrize(
    "loss, inputs",
    [
        (ClassWiseLoss(0.5), ("code", "label", "center")),
        (CubicConstraint(), ("code",)),
        (VertexConstraint(), ("code",)),
    ],
)
def test_gradient_matches_finite_differences(loss, inputs):
    values = {"code": CODE, "label": LABELS[:, 0], "center": FINE}
    symbol = loss(*(mx.sym.Variable(name) for name in inputs))
    check_numeric_gradient(
        symbol,
        {name: values[name] for name in inputs},
        grad_nodes=["code"],
        numeric_eps=1e-5,
        rtol=1e-5,
        atol=1e-7,
        dtype=np.float64,
    )


def test_no_gradient_reaches_the_centers():
    center = array(FINE)
    center.attach_grad()
    with autograd.record():
        value = ClassWiseLoss(1.0)(array(CODE), array(LABELS[:, 0]), center).sum()
    value.backward()
    assert nd.norm(center.grad).asscalar() == 0


def test_one_level_is_dcwh_bit_for_bit():
    one = HPDHLoss(4, [1.0])(array(CODE), array(LABELS), array(FINE))
    parts = (
        ClassWiseLoss(1.0)(array(CODE), array(LABELS[:, 0]), array(FINE))
        + 10.0 / 4 * CubicConstraint()(array(CODE))
        + 0.1 / 4 * VertexConstraint()(array(CODE))
    )
    assert (one.asnumpy() == parts.asnumpy()).all()


def test_level_weight_zero_takes_a_level_out():
    labels, centers = array(LABELS), (array(FINE), array(COARSE))
    weighted = HierarchicalClassWiseLoss([1.0, 0.5], [1.0, 0.0])(array(CODE), labels, *centers)
    fine = ClassWiseLoss(1.0)(array(CODE), labels[:, 0], centers[0])
    np.testing.assert_array_equal(weighted.asnumpy(), fine.asnumpy())


def test_constraints_are_zero_on_vertices_and_cubic_inside_its_margin():
    vertex = array([[1, -1, 1, 1]])
    assert VertexConstraint()(vertex).asscalar() == 0
    assert CubicConstraint()(vertex * 1.1).asscalar() == pytest.approx(0, abs=1e-12)
    assert CubicConstraint()(vertex * 2).asscalar() == pytest.approx(4 * 0.9)
    assert VertexConstraint()(array(np.zeros((1, 3)))).asscalar() == 3  # sign(0) = +1


def test_extreme_codes_stay_finite():
    loss = HPDHLoss(4, [1.0, 0.5])(array(CODE * 1e4), array(LABELS), array(FINE), array(COARSE))
    assert np.isfinite(loss.asnumpy()).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ClassWiseLoss(0), "pass 1/sigma"),
        (lambda: HierarchicalClassWiseLoss([]), "empty"),
        (lambda: HierarchicalClassWiseLoss([1.0, 0.5], [1.0]), "expected 2 level_weights"),
        (lambda: HPDHLoss(0, [1.0]), "num_bits"),
        (
            lambda: HPDHLoss(4, [1.0, 0.5])(array(CODE), array(LABELS), array(FINE)),
            "centers of 2 levels, got 1",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

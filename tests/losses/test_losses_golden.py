"""Losses of a few images and bits, worked out by hand; what a constructor refuses."""

import numpy as np
import pytest
from mxnet import nd

from gluon_hash import losses

LOG2, LOG3 = np.log(2), np.log(3)


def softplus(x):
    return np.log(1 + np.exp(x))


def of(loss, *inputs):
    return loss(*(nd.array(value, dtype="float64") for value in inputs)).asnumpy()


def check(found, expected, **tolerance):
    np.testing.assert_allclose(found, expected, **{"rtol": 1e-9, "atol": 1e-12, **tolerance})


APART = [[1, 1], [1, -1]]  # two vertices: u.u = 2, u.v = 0, cosine 0, squared distance 4
OTHERS, SAME, ONE = (
    [[0, 0], [1, 0]],
    [[0, 0], [0, 0]],
    [[0, 0]],
)  # labels: relatives; one class; one image


def test_dhn():
    # theta is 1 with itself, S = 1: log(1 + e) - 1; and 0 with the other, S = 0: log 2. No
    # quantisation on vertices.
    check(of(losses.DHNLoss(), APART, OTHERS), [(softplus(1) - 1 + LOG2) / 2] * 2)
    # relatives under weights (1, 1) have S = 1/2, but theta = 0 does not see it
    check(of(losses.DHNLoss([1, 1]), APART, OTHERS), [(softplus(1) - 1 + LOG2) / 2] * 2)
    # u = (2, 1): theta = 5/2; log cosh(1) at one of two bits
    check(of(losses.DHNLoss(), [[2, 1]], ONE), softplus(-2.5) + 0.1 * np.log(np.cosh(1)) / 2)


def test_dpsh():
    # u = (2, 1), theta 5/2 with itself; v = (1, -1) of another class: theta = 1/2; the second row
    # holds no code
    memory = ([[1, -1], [9, 9]], [[1, 0], [0, 0]], [[1, 0]])
    check(
        of(losses.DPSHLoss(), [[2, 1]], ONE, *memory),
        (softplus(-2.5) + softplus(0.5)) / 2 + 0.1 * (2 - 1) ** 2 / 2,
    )


def test_hashnet():
    # tanh(beta u) = +-1/2 per bit, beta = 2; alpha = 1: theta = 1/2 with itself, -1/2 with the
    # other. Half of the pairs are similar, so every weight is 2.
    u = np.arctanh(0.5) / 2
    check(
        of(losses.HashNetLoss(alpha=1.0), [[u, u], [-u, -u]], OTHERS, [[2]]),
        [2 * softplus(-0.5)] * 2,
    )
    # a third image of the second class: S has 5 ones and 4 zeros of 9, so the weights are 9/5 and
    # 9/4
    found = of(losses.HashNetLoss(alpha=1.0), [[0, 0]] * 3, [[0, 0], [1, 0], [1, 0]], [[1]])
    check(found, LOG2 / 3 * np.array([9 / 5 + 2 * 9 / 4, 2 * 9 / 5 + 9 / 4, 2 * 9 / 5 + 9 / 4]))


def test_dsdh():
    # u = (2, 1): theta = 5/2 with itself. b = (1, -1): (1 + 4) / 2; no b: sign u = (1, 1): 1 / 2
    check(of(losses.DSDHLoss(), [[2, 1]], ONE, [[1, -1]], [[1]]), softplus(-2.5) + 0.1 * 5 / 2)
    check(of(losses.DSDHLoss(), [[2, 1]], ONE, [[0, 0]], [[0]]), softplus(-2.5) + 0.1 * 1 / 2)


def test_dsh():
    # squared distance 1, margin 2 L = 4: 1/2 of (0 + 3) / 2 apart, of (0 + 1) / 2 together; ||0| -
    # 1| costs 2 * 0.01
    code = [[1, 1], [1, 0]]
    check(of(losses.DSHLoss(2), code, OTHERS), [0.75, 0.77])
    check(of(losses.DSHLoss(2), code, SAME), [0.25, 0.27])


# three images: 0 and 1 of one class, 2 a relative; u0.u1 = 1, u0.u2 = 0, u1.u2 = 1
TRIPLET, TRIPLET_LABELS = [[1, 1], [1, 0], [1, -1]], [[0, 0], [0, 0], [1, 0]]


def test_dtsh():
    # m = 1: x = 1 - 0 - 1 = 0 from 0; x = 1 - 1 - 1 = -1 from 1; image 2 has no positive. Bit 0
    # costs 0.1 / 2.
    check(
        of(losses.DTSHLoss(2, margin_per_bit=0.5), TRIPLET, TRIPLET_LABELS),
        [LOG2, softplus(1) + 0.05, 0],
    )


def test_dsrh_yao():
    """x = 1/2 from image 0, 0 from 1; rho = 1: hinges 1/2 and 1. Image 2 has no triplet. Logits 0:
    log 2 each, halved; bit 0 of image 1 costs 0.1 / 2."""
    loss = losses.DSRHYaoLoss(2, margin=1.0, softmax_weight=0.5)
    found = of(loss, TRIPLET, TRIPLET_LABELS, [[0, 0]] * 3)
    check(found, [0.5 + LOG2 / 2, 1 + LOG2 / 2 + 0.05, LOG2 / 2])


def test_dsrh():
    # r(0, 1) = 2 levels, r(0, 2) = 1: omega = 4 - 2. x = 1/2 from 0, 0 from 1; rho = 1: hinges 1/2
    # and 1. From 2 the others are alike. One triplet an anchor: the weights cancel.
    check(of(losses.DSRHLoss(2, 2, margin=1.0), TRIPLET, TRIPLET_LABELS), [0.5, 1 + 0.05, 0])
    # a stranger at a third place: omega(p=1, n=3) = 4 - 1 and (p=2, n=3) = 2 - 1, u0.u3 = -2: x =
    # 3/2 and 1: no hinge
    found = of(losses.DSRHLoss(2, 2, margin=1.0), [*TRIPLET, [-1, -1]], [*TRIPLET_LABELS, [2, 1]])
    check(found[0], 2 * 0.5 / (2 + 3 + 1))


def test_dch():
    # d = L/2 (1 - 0) = 1, gamma = 1: log(1 + 1) apart; nothing with itself; half of the pairs are
    # similar: weights 2
    check(of(losses.DCHLoss(2, gamma=1.0), APART, OTHERS), [LOG2] * 2, atol=1e-5)
    # u = (1, 0): cos(|u|, 1) = 1 / sqrt 2
    check(
        of(losses.DCHLoss(2, gamma=1.0), [[1, 0]], ONE),
        0.1 * np.log(1 + 1 - np.sqrt(0.5)),
        atol=1e-5,
    )


def test_dqn():
    # cosine 1 with itself, as wanted; 0 with the other, -1 wanted: 1 / 2; u - t = (0, 1) where a
    # target is known
    found = of(losses.DQNLoss(), APART, OTHERS, [[1, 0], [9, 9]], [[1], [0]])
    check(found, [0.5 + 0.1 * 1 / 2, 0.5], atol=1e-9)


def test_shdh():
    # a bit a level: theta = +-1/2. Fine: 1/2 similar and 1/2 dissimilar; coarse: 1/2 and -1/2, both
    # similar
    both = (softplus(-0.5) + softplus(0.5)) / 2
    check(of(losses.SHDHLoss(2, 2), APART, OTHERS), [both] * 2)


def test_csq():
    # u = 0: h = 1/2, log 2; log cosh(0 - 1). tanh u = 1/2: h = 3/4 where 1 is wanted
    check(
        of(losses.CSQLoss(quantization_weight=1.0), [[0, 0]], ONE, [[1, -1]]),
        LOG2 + np.log(np.cosh(1)),
    )
    check(
        of(losses.CSQLoss(quantization_weight=0.0), [[LOG3 / 2] * 2], ONE, [[1, 1]]), np.log(4 / 3)
    )


def test_dpn():
    check(of(losses.DPNLoss(), [[2, -0.5]], ONE, [[1, 1]]), (0 + 1.5) / 2)


def test_orthohash():
    # cosines 1 and 0, s = sqrt 2, m = 0.2: logits 0.8 sqrt 2 and 0
    check(of(losses.OrthoHashLoss(2), [[3, 3]], ONE, APART), softplus(-0.8 * np.sqrt(2)), rtol=1e-8)
    check(of(losses.OrthoHashLoss(2, scale=3), [[3, 3]], ONE, APART), softplus(-0.8 * 3), rtol=1e-8)


def test_greedyhash():
    check(of(losses.GreedyHashLoss(), [[3, 1]], ONE, [[0, 0]]), LOG2 + 0.1 * 2**3 / 2)


def test_ssdh():
    # h = 3/4 at both bits: spread and balance 1/16 each
    found = of(
        losses.SSDHLoss(binarization_weight=2.0, balance_weight=3.0), [[LOG3, LOG3]], ONE, [[0, 0]]
    )
    check(found, LOG2 - 2 / 16 + 3 / 16)


def test_softmax_with_missing_labels():
    labels = [[0, 2], [-1, 2], [0, -1], [-1, -1]]
    found = of(
        losses.LevelSoftmaxLoss([1.0, 0.5]),
        np.ones((4, 2)),
        labels,
        np.zeros((4, 2)),
        np.zeros((4, 3)),
    )
    check(found, [LOG2 + LOG3 / 2, LOG3 / 2, LOG2, 0])


def test_embeddings():
    # cosine of (2, 0) and (0.6, 0.8) is 0.6
    check(of(losses.EmbeddingLoss(), [[2, 0]], ONE, [[0.6, 0.8]]), 0.4, rtol=1e-8)
    check(
        of(losses.EmbeddingSoftmaxLoss(), [[2, 0]], ONE, [[0.6, 0.8]], [[0, 0]]),
        0.4 + 0.1 * LOG2,
        rtol=1e-8,
    )


def test_idcwh():
    # squared distances 2 and 18: log(1 + e^-8); 0.9 outside the cube at each bit, 1 from the vertex
    check(
        of(losses.IDCWHLoss(2), [[2, 2]], ONE, [[1, 1], [-1, -1]]),
        softplus(-8) + (10 * 1.8 + 0.1 * 2) / 2,
    )


def test_dcdh():
    # two centers at cosine 0: log 2. Squared distances 0 and 4, s = 1/4: log(1 + e^-1/2)
    check(of(losses.DCDHLoss(2), [[1, 1]], ONE, APART), softplus(-0.5) + 0.1 * LOG2)
    # signs of bit 1: +, - in one class: W = 0, so b is the sign of 0.01 u: 2 apart from u at the
    # second image
    found = of(
        losses.DCDHLoss(2, inv_variance=1e-9, center_weight=0.0), [[1, 1], [1, -3]], SAME, APART
    )
    check(found, [LOG2, LOG2 + 0.01 * 2**2], atol=1e-7)
    # +, -, +: W = 1/3 wins over 0.01 * -20, so b = +1, and loses to 0.01 * -50: b = -1
    for bit, b in ((-20, 1), (-50, -1)):
        found = of(
            losses.DCDHLoss(2, inv_variance=1e-9, center_weight=0.0),
            [[1, 1], [1, bit], [1, 1]],
            [[0, 0]] * 3,
            APART,
        )
        check(found, [LOG2, LOG2 + 0.01 * (bit - b) ** 2, LOG2], rtol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: losses.DHNLoss([]), r"DHNLoss: expected level_weights >= 0, not all 0, got \[\]"),
        (lambda: losses.DPSHLoss([1.0, -1.0]), "DPSHLoss: expected level_weights"),
        (lambda: losses.DSDHLoss([0.0]), "DSDHLoss: expected level_weights"),
        (lambda: losses.DQNLoss([0.0, 0.0]), "DQNLoss: expected level_weights"),
        (lambda: losses.HashNetLoss(alpha=0.0), "alpha must be > 0"),
        (lambda: losses.DSHLoss(0), "num_bits >= 1"),
        (lambda: losses.DSHLoss(4, margin_per_bit=0.0), "margin_per_bit > 0"),
        (lambda: losses.DTSHLoss(0), "num_bits >= 1"),
        (lambda: losses.DSRHYaoLoss(0), "num_bits >= 1 and margin > 0"),
        (lambda: losses.DSRHYaoLoss(4, margin=0.0), "num_bits >= 1 and margin > 0"),
        (lambda: losses.DSRHLoss(4, 2, [1.0]), "2 level_weights, got 4 bits, 1 weights"),
        (lambda: losses.DCHLoss(4, gamma=0.0), "gamma > 0"),
        (lambda: losses.SHDHLoss(4, 2, [1.0]), "expected 2 level_weights, got 1"),
        (lambda: losses.SHDHLoss(1, 2), "1 bits cannot be divided into 2 segments"),
        (lambda: losses.CSQLoss(quantization_weight=-1.0), "quantization_weight must be >= 0"),
        (lambda: losses.DPNLoss(margin=0.0), "margin must be > 0"),
        (lambda: losses.OrthoHashLoss(4, margin=np.nan), "margin >= 0"),
        (lambda: losses.OrthoHashLoss(0), "num_bits >= 1"),
        (lambda: losses.OrthoHashLoss(4, scale=0.0), "a scale > 0"),
        (lambda: losses.OrthoHashLoss(4, margin=-0.1), "margin >= 0"),
        (lambda: losses.LevelSoftmaxLoss([]), "expected level_weights"),
        (lambda: losses.ExpectedCodewordLoss([]), "expected level_weights"),
        (lambda: losses.ExpectedCodewordLoss([1.0, -1.0]), "expected level_weights"),
        (
            lambda: of(losses.LevelSoftmaxLoss([1.0, 1.0]), APART, OTHERS, APART),
            "logits of 2 levels, got 1",
        ),
        (
            lambda: of(losses.GreedyHashLoss(), APART, OTHERS, APART, APART),
            "GreedyHashLoss: expected logits of 1 levels",
        ),
        (
            lambda: of(losses.SSDHLoss(), APART, OTHERS),
            "SSDHLoss: expected logits of 1 levels, got 0",
        ),
        (lambda: losses.EmbeddingSoftmaxLoss(softmax_weight=-1.0), "softmax_weight must be >= 0"),
        (lambda: losses.IDCWHLoss(4, inv_variance=0.0), "inv_variance > 0"),
        (lambda: losses.IDCWHLoss(4, cubic_weight=-1.0), "cubic_weight must be >= 0"),
        (lambda: losses.DCDHLoss(0), "num_bits >= 1"),
        (lambda: losses.CoarseToFineHPDHLoss(4, [1.0], [1.0, 1.0]), "expected 1 level_weights"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
@pytest.mark.parametrize(
    "name, arguments, weight",
    [
        ("DPSHLoss", (), "quantization_weight"),
        ("DHNLoss", (), "quantization_weight"),
        ("DSDHLoss", (), "discrete_weight"),
        ("DSHLoss", (4,), "quantization_weight"),
        ("DTSHLoss", (4,), "quantization_weight"),
        ("DSRHYaoLoss", (4,), "softmax_weight"),
        ("DSRHYaoLoss", (4,), "quantization_weight"),
        ("DSRHLoss", (4, 2), "quantization_weight"),
        ("DCHLoss", (4,), "quantization_weight"),
        ("DQNLoss", (), "quantization_weight"),
        ("SHDHLoss", (4, 2), "quantization_weight"),
        ("CSQLoss", (), "quantization_weight"),
        ("GreedyHashLoss", (), "penalty_weight"),
        ("SSDHLoss", (), "binarization_weight"),
        ("SSDHLoss", (), "balance_weight"),
        ("EmbeddingSoftmaxLoss", (), "softmax_weight"),
        ("IDCWHLoss", (4,), "vertex_weight"),
        ("DCDHLoss", (4,), "center_weight"),
        ("DCDHLoss", (4,), "discrete_weight"),
        ("HPDHLoss", (4, [1.0]), "cubic_weight"),
    ],
)
def test_weights_are_not_negative(name, arguments, weight, value):
    with pytest.raises(ValueError, match=f"{name}: {weight} must be >= 0"):
        getattr(losses, name)(*arguments, **{weight: value})

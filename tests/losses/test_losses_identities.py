"""Losses that are one another in a special case, limits, and the similarity that all of them
share."""

import numpy as np
import pytest
from loss_cases import COARSE, CODE, FINE, LABELS, TARGETS
from mxnet import nd

from gluon_hash import losses
from gluon_hash.hierarchy import Hierarchy, similarity
from gluon_hash.losses.pairs import PairwiseLoss
from gluon_hash.losses.shdh import segments


def of(loss, *inputs):
    return loss(*(nd.array(value, dtype="float64") for value in inputs)).asnumpy()


def same(found, expected, **tolerance):
    np.testing.assert_allclose(found, expected, **{"rtol": 1e-9, **tolerance})


def test_idcwh_is_dcwh_at_the_same_centers():
    same(
        of(losses.IDCWHLoss(4), CODE, LABELS, FINE),
        of(losses.HPDHLoss(4, [1.0]), CODE, LABELS, FINE),
    )


def test_learned_centers_get_the_gradient_that_computed_ones_do_not():
    from mxnet import autograd

    for loss, moves in ((losses.IDCWHLoss(4), True), (losses.HPDHLoss(4, [1.0]), False)):
        center = nd.array(FINE)
        center.attach_grad()
        with autograd.record():
            total = loss(nd.array(CODE), nd.array(LABELS), center).sum()
        total.backward()
        assert (nd.norm(center.grad).asscalar() > 0) == moves


def test_dcdh_without_its_own_terms_is_the_class_wise_loss():
    bare = losses.DCDHLoss(4, inv_variance=0.25, center_weight=0.0, discrete_weight=0.0)
    same(of(bare, CODE, LABELS, FINE), of(losses.ClassWiseLoss(0.25), CODE, LABELS[:, 0], FINE))


def test_coarse_to_fine_with_all_levels_active_is_hpdh():
    inputs = (FINE, COARSE)
    same(
        of(losses.CoarseToFineHPDHLoss(4, [1.0, 0.5]), CODE, LABELS, [[1, 1]], *inputs),
        of(losses.HPDHLoss(4, [1.0, 0.5]), CODE, LABELS, *inputs),
    )
    same(
        of(losses.CoarseToFineHPDHLoss(4, [1.0, 0.5]), CODE, LABELS, [[0, 1]], *inputs),
        of(losses.HPDHLoss(4, [1.0, 0.5], [0.0, 1.0]), CODE, LABELS, *inputs),
    )


def test_shdh_with_one_level_is_dhn():
    same(of(losses.SHDHLoss(4, 1), CODE, LABELS), of(losses.DHNLoss(), CODE, LABELS))


def test_dpsh_with_an_empty_memory_is_dhn_but_for_the_quantisation():
    empty = (np.zeros((1, 4)), np.zeros((1, 2)), np.zeros((1, 1)))
    same(
        of(losses.DPSHLoss(quantization_weight=0.0), CODE, LABELS, *empty),
        of(losses.DHNLoss(quantization_weight=0.0), CODE, LABELS),
    )


def test_dsdh_without_solved_codes_is_dpsh_with_an_empty_memory():
    empty = (np.zeros((1, 4)), np.zeros((1, 2)), np.zeros((1, 1)))
    same(
        of(losses.DSDHLoss(), CODE, LABELS, np.zeros((6, 4)), np.zeros((6, 1))),
        of(losses.DPSHLoss(), CODE, LABELS, *empty),
    )


def test_hashnet_meets_dhn():
    """Small beta: tanh(beta u) ~ beta u, so alpha = 1 / (2 beta^2) gives DHN's theta. Half of the
    pairs similar: every weight is 2. What is left is of the order (beta u)^2."""
    labels, beta = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [1, 0], [1, 0]]), 1e-4
    found = of(losses.HashNetLoss(alpha=0.5 / beta**2), CODE, labels, [[beta]])
    same(found, 2 * of(losses.DHNLoss(quantization_weight=0.0), CODE, labels), rtol=1e-7)


def test_dtsh_is_linear_far_inside_its_margin_and_0_far_beyond():
    # log(1 + e^-x) -> -x = m - (u.u_p - u.u_n) as m grows: a triplet hinge, DSRH's with its weights
    # equal
    linear = of(losses.DTSHLoss(4, margin_per_bit=100.0, quantization_weight=0.0), CODE, LABELS)
    # two levels of similarity 0 and 1 alone: 2^1 - 2^0 = 1 for each triplet; its x is divided by
    # num_bits
    hinge = of(losses.DSRHLoss(4, 1, margin=100.0, quantization_weight=0.0), CODE, LABELS)
    same(linear, 4 * hinge, rtol=1e-12)
    beyond = of(losses.DTSHLoss(4, margin_per_bit=-100.0, quantization_weight=0.0), CODE, LABELS)
    same(beyond, 0, atol=1e-12)


def test_losses_are_least_on_the_targets():
    """A code on its class's target, far out where the loss asks for it, costs nothing; on another's
    it costs."""
    own, other = TARGETS[LABELS[:, 0].astype(int)], TARGETS[(LABELS[:, 0].astype(int) + 1) % 4]
    for loss, scale in (
        (losses.CSQLoss(), 50.0),
        (losses.DPNLoss(), 1.0),
        (losses.EmbeddingLoss(), 3.0),
    ):
        places = TARGETS / 2 if isinstance(loss, losses.EmbeddingLoss) else TARGETS
        same(of(loss, scale * own, LABELS, places), 0, atol=1e-9)
        assert (of(loss, scale * other, LABELS, places) >= 0.5).all()


def test_orthohash_without_margin_is_the_cross_entropy_of_cosines():
    cosine = CODE @ TARGETS.T / 2 / np.linalg.norm(CODE, axis=1, keepdims=True)
    same(
        of(losses.OrthoHashLoss(4, margin=0.0), CODE, LABELS, TARGETS),
        of(losses.LevelSoftmaxLoss([1.0]), CODE, LABELS, 2.0 * cosine),
        rtol=1e-8,
    )


def test_greedyhash_and_ssdh_without_penalties_are_the_softmax():
    softmax = of(losses.LevelSoftmaxLoss([1.0]), CODE, LABELS, FINE[[0, 1, 2, 3, 0, 1]])
    for bare in (
        losses.GreedyHashLoss(penalty_weight=0.0),
        losses.SSDHLoss(binarization_weight=0.0, balance_weight=0.0),
    ):
        same(of(bare, CODE, LABELS, FINE[[0, 1, 2, 3, 0, 1]]), softmax)


def test_embedding_softmax_without_its_softmax_is_the_embedding_loss():
    same(
        of(
            losses.EmbeddingSoftmaxLoss(softmax_weight=0.0),
            CODE,
            LABELS,
            FINE / 2,
            FINE[[0, 1, 2, 3, 0, 1]],
        ),
        of(losses.EmbeddingLoss(), CODE, LABELS, FINE / 2),
    )


def test_dqn_is_0_where_cosines_and_reconstructions_are_right():
    code, labels = [[1, 2], [-2, -4], [3, 6]], [[0, 0], [1, 0], [0, 0]]
    same(of(losses.DQNLoss(), code, labels, code, [[1]] * 3), 0, atol=1e-9)
    assert (of(losses.DQNLoss(), code, [[0, 0]] * 3, code, [[1]] * 3) > 1).all()


def test_dsh_is_in_the_mean_the_papers_sum_over_pairs():
    """Equation 2 of the paper for every ordered pair, alpha for both of its images."""
    far = np.abs(np.abs(CODE) - 1).sum(axis=1)
    distance = ((CODE[:, None] - CODE[None]) ** 2).sum(axis=2)
    similar = LABELS[:, :1] == LABELS[:, 0]
    pairs = np.where(similar, distance, np.maximum(8 - distance, 0)) / 2 + 0.3 * (
        far[:, None] + far
    )
    same(of(losses.DSHLoss(4, quantization_weight=0.3), CODE, LABELS).mean(), pairs.mean())


@pytest.mark.parametrize(
    "name, arguments", [("DHNLoss", ()), ("DSHLoss", (4,)), ("DCHLoss", (4,)), ("DTSHLoss", (4,))]
)
def test_weights_of_further_levels_of_0_change_nothing(name, arguments):
    make = getattr(losses, name)
    same(of(make(*arguments, [2.0, 0.0]), CODE, LABELS), of(make(*arguments), CODE, LABELS))


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("DHNLoss", ([1.0, 1.0],)),
        ("DSHLoss", (4,)),
        ("DTSHLoss", (4,)),
        ("DSRHLoss", (4, 2)),
        ("DCHLoss", (4,)),
        ("SHDHLoss", (4, 2)),
    ],
)
def test_the_order_of_the_batch_does_not_matter(rng, name, arguments):
    loss, order = getattr(losses, name)(*arguments), rng.permutation(len(CODE))
    same(of(loss, CODE[order], LABELS[order]), of(loss, CODE, LABELS)[order])


def test_segments_share_the_bits():
    assert segments(48, 2) == [24, 24] and segments(7, 3) == [3, 2, 2] and segments(5, 1) == [5]


TREE = Hierarchy(
    ("fine", "middle", "coarse"),
    (tuple("abcdef"), tuple("xyz"), tuple("pq")),
    (np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1])),
)


@pytest.mark.parametrize(
    "weights", [None, [1.0], [1.0, 1.0, 1.0], [1.0, 0.5, 0.25], [0.0, 0.0, 2.0]]
)
def test_similarity_of_the_losses_is_that_of_the_similarity_builder(weights):
    labels = nd.array(TREE.ancestors)
    found = PairwiseLoss(weights).similarity(nd, labels, labels).asnumpy()
    full = [*(weights or [1.0]), 0.0, 0.0][:3]
    same(found, similarity.level_weighted(TREE, full), rtol=1e-6)
    if weights == [1.0, 1.0, 1.0]:
        same(found, similarity.matching_levels(TREE), rtol=1e-6)


def test_similarity_of_images_is_that_of_their_classes(rng):
    a, b = rng.randint(0, 6, 7), rng.randint(0, 6, 4)
    found = PairwiseLoss([1.0, 0.5, 0.25]).similarity(
        nd, nd.array(TREE.ancestors[a]), nd.array(TREE.ancestors[b])
    )
    same(
        found.asnumpy(), similarity.level_weighted(TREE, [1.0, 0.5, 0.25])[np.ix_(a, b)], rtol=1e-6
    )

"""What pairwise losses share: similarity from the labels, likelihood, weights of the pairs.

Pairs are ordered and count an image with itself, as the papers' sums over all i and j do; triplets
do not. A class with fewer images than a batch takes of it (gluon_hash.records.samplers) stands in
the batch with copies, which count as other images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import label_column

__all__ = [
    "Others",
    "PairwiseLoss",
    "balanced_weight",
    "mean_of_pairs",
    "other_image",
    "pair_likelihood",
    "triplet_difference",
    "triplet_sum",
]


class Others(NamedTuple):
    """The other image of each pair: codes (M, num_bits), labels (M, K), and (1, M), 1 where one is.

    ``mask`` is None where every row is one.
    """

    code: Tensor
    labels: Tensor
    mask: Tensor | None


class PairwiseLoss(Loss):
    r"""Base of the losses over pairs of images.

    .. math:: S_{ij} = \sum_k w_k [y^k_i = y^k_j] \Big/ \sum_k w_k

    Parameters
    ----------
    level_weights : sequence of float, optional
        w, finest first. Default (1,): S is 1 for images of one fine class, else 0, as in the
        papers. More weights grade it by the hierarchy (ours, for every loss of this kind). Labels
        are compared as they are: two -1 would be alike.

    Raises
    ------
    ValueError
        If the weights are negative or all 0.
    """

    def __init__(self, level_weights: Sequence[float] | None = None) -> None:
        super().__init__(weight=None, batch_axis=0)
        weights = [1.0] if level_weights is None else [float(weight) for weight in level_weights]
        if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
            raise ValueError(
                f"{type(self).__name__}: expected level_weights >= 0, not all 0, got {weights}"
            )
        self._level_weights = [weight / sum(weights) for weight in weights]

    def similarity(self, F: ModuleType, level_labels: Tensor, other_labels: Tensor) -> Tensor:
        """Labels (B, K or more) and (M, K or more) -> S, shape (B, M), in [0, 1]."""
        total = 0.0
        for k, weight in enumerate(self._level_weights):
            own = label_column(F, level_labels, k)  # (B, 1)
            other = label_column(F, other_labels, k).reshape(shape=(1, -1))  # (1, M)
            total = total + weight * F.broadcast_equal(own, other)
        return total

    def others(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, memory: Sequence[Tensor]
    ) -> Others:
        """With what the images of a batch are paired.

        Remembered codes and, without gradient, the batch's own; without a memory the batch's own,
        with gradient. ``memory`` is empty, or (codes (M, num_bits), labels (M, K), valid (1, M)).
        """
        if not memory:
            return Others(code, level_labels, None)
        memory_code, memory_labels, valid = memory
        others = F.concat(memory_code, F.stop_gradient(code), dim=0)
        labels = F.concat(memory_labels, level_labels, dim=0)
        own = F.ones_like(label_column(F, level_labels, 0)).reshape(shape=(1, -1))
        return Others(others, labels, F.concat(valid, own, dim=1))  # (1, M + batch_size)


def mean_of_pairs(F: ModuleType, pairs: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the pairs that there are: (B, M), (1, M) or None -> (B,)."""
    if mask is None:
        return F.mean(pairs, axis=1)
    total = F.sum(F.broadcast_mul(pairs, mask), axis=1, keepdims=True)
    return F.broadcast_div(total, F.sum(mask, axis=1, keepdims=True)).reshape(shape=(-1,))


def pair_likelihood(F: ModuleType, theta: Tensor, similarity: Tensor) -> Tensor:
    """log(1 + e^theta) - S theta of every pair: -log likelihood of S under sigmoid(theta)."""
    return F.Activation(theta, act_type="softrelu") - similarity * theta


def other_image(F: ModuleType, similarity: Tensor) -> Tensor:
    """1 where j is another image than i, 0 where it is i itself: S of shape (B, B) -> (B, B)."""
    index = F.contrib.arange_like(similarity, axis=1)
    return F.broadcast_not_equal(index.expand_dims(1), index.expand_dims(0))


def balanced_weight(F: ModuleType, similarity: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Weight of each pair: all similar pairs weigh what all others do (HashNet, DCH).

    .. math:: w_{ij} = \frac{P}{\sum S} S_{ij} + \frac{P}{\sum (1 - S)} (1 - S_{ij})

    with P the number of pairs: S of shape (B, M) -> (B, M). Pairs of one kind only weigh 1 each.
    ``mask``, (1, M): 1 where there is a pair, of which alone P and the sums are.
    """
    total = 0.0
    for part in (similarity, 1.0 - similarity):
        # P / sum = 1 / mean; where a kind is absent its mean is 0, and 0 / 1e-12 = 0
        mean = F.mean(part if mask is None else mean_of_pairs(F, part, mask))
        total = total + F.broadcast_div(part, F.maximum(mean, 1e-12))
    return total


def triplet_difference(F: ModuleType, own: Tensor, other: Tensor) -> Tensor:
    """own[i, p] - other[i, n], two of shape (B, B) -> (B, B, B).

    As the matrix product [own, 1] [1, -other]^T of each i: MXNet takes ten times as long for a
    broadcast's gradient.
    """
    ones = F.ones_like(own)
    return F.batch_dot(F.stack(own, ones, axis=2), F.stack(ones, -other, axis=2), transpose_b=True)


def triplet_sum(F: ModuleType, weight: Tensor, value: Tensor) -> Tensor:
    """Sum over p and n of weight * value, both (B, B, B) -> (B,).

    It is a matrix product, which is faster than a sum.
    """
    return F.batch_dot(weight.reshape(shape=(0, 1, -1)), value.reshape(shape=(0, -1, 1))).reshape(
        shape=(-1,)
    )

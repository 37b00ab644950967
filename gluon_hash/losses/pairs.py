"""What pairwise losses share: similarity of two images from their labels, and quantisation terms."""
from __future__ import annotations

import math
from types import ModuleType
from typing import TYPE_CHECKING, Sequence

from mxnet.gluon.loss import Loss

if TYPE_CHECKING:
    from gluon_hash.runtime import Tensor

__all__ = ["PairwiseLoss", "log_cosh", "pair_likelihood", "quantization"]


class PairwiseLoss(Loss):
    r"""Base of the losses over pairs of images.

    .. math:: S_{ij} = \sum_k w_k [y^k_i = y^k_j] \Big/ \sum_k w_k

    Parameters
    ----------
    level_weights : sequence of float, optional
        w, finest first. Default (1,): S is 1 for images of one fine class, else 0, as in the papers. More weights grade
        it by the hierarchy (ours, for every loss of this kind).

    Raises
    ------
    ValueError
        If the weights are negative or all 0.
    """

    def __init__(self, level_weights: Sequence[float] | None = None) -> None:
        super().__init__(weight=None, batch_axis=0)
        weights = [1.0] if level_weights is None else [float(weight) for weight in level_weights]
        if not weights or min(weights) < 0 or sum(weights) == 0:
            raise ValueError(f"{type(self).__name__}: expected level_weights >= 0, not all 0, got {weights}")
        self._level_weights = [weight / sum(weights) for weight in weights]

    def similarity(self, F: ModuleType, level_labels: Tensor, other_labels: Tensor) -> Tensor:
        """Labels (B, K or more) and (M, K or more) -> S, shape (B, M), in [0, 1]."""
        total = 0.0
        for k, weight in enumerate(self._level_weights):
            own = F.slice_axis(level_labels, axis=1, begin=k, end=k + 1)  # (B, 1)
            other = F.slice_axis(other_labels, axis=1, begin=k, end=k + 1).reshape(shape=(1, -1))  # (1, M)
            total = total + weight * F.broadcast_equal(own, other)
        return total


def pair_likelihood(F: ModuleType, theta: Tensor, similarity: Tensor) -> Tensor:
    """log(1 + e^theta) - S theta: negative log likelihood of S under sigmoid(theta), for every pair."""
    return F.Activation(theta, act_type="softrelu") - similarity * theta


def log_cosh(F: ModuleType, value: Tensor) -> Tensor:
    """log cosh(x) = |x| + log(1 + e^(-2|x|)) - log 2, which does not overflow."""
    size = F.abs(value)
    return size + F.Activation(-2.0 * size, act_type="softrelu") - math.log(2.0)


def quantization(F: ModuleType, code: Tensor) -> Tensor:
    """Mean over bits of (u - sign u)^2 = (|u| - 1)^2: (B, L) -> (B,)."""
    return F.mean(F.square(F.abs(code) - 1.0), axis=1)

"""DSRH: triplets weighed by how much their order matters.

Source: Zhao, Huang, Wang and Tan, "Deep Semantic Ranking Based Hashing for Multi-Label Image Retrieval", CVPR 2015.
"""
from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Sequence

from gluon_hash.losses.pairs import PairwiseLoss, quantization

if TYPE_CHECKING:
    from gluon_hash.runtime import Tensor

__all__ = ["DSRHLoss"]


class DSRHLoss(PairwiseLoss):
    r"""Hinge on every triplet of the batch, weighed by the difference of the gains.

    .. math:: l_i = \frac{\sum_{p,n} \omega_{ipn} \max(\rho - x_{ipn}, 0)}{\sum_{p,n} \omega_{ipn}}
              + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2, \quad
              \omega_{ipn} = \max(2^{r_{ip}} - 2^{r_{in}}, 0), \quad
              x_{ipn} = \tfrac{1}{L} (u_i \cdot u_p - u_i \cdot u_n)

    r is the number of levels (times their weights) at which two images agree: the paper's number of shared labels. The
    quantisation term replaces the paper's sigmoid and balance terms (ours).

    Parameters
    ----------
    num_bits, num_levels : int
    level_weights :
        See PairwiseLoss.
    margin : float
        rho, in the unit of x, which lies in [-2, 2] on codes.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,).
    """

    def __init__(self, num_bits: int, num_levels: int, level_weights: Sequence[float] | None = None, *,
                 margin: float = 0.5, quantization_weight: float = 0.1) -> None:
        super().__init__(level_weights if level_weights is not None else [1.0] * num_levels)
        self._num_bits, self._num_levels = num_bits, num_levels
        self._margin, self._quantization_weight = margin, quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        inner = F.dot(code, code, transpose_b=True) / self._num_bits
        gain = 2.0 ** (self._num_levels * self.similarity(F, level_labels, level_labels))
        weight = F.relu(F.broadcast_sub(gain.expand_dims(2), gain.expand_dims(1)))  # (anchor, positive, negative)
        x = F.broadcast_sub(inner.expand_dims(2), inner.expand_dims(1))
        total = F.sum(weight * F.relu(self._margin - x), axis=(1, 2))
        return (total / F.maximum(F.sum(weight, axis=(1, 2)), 1e-12)  # no triplet: 0 / 1e-12 = 0
                + self._quantization_weight * quantization(F, code))

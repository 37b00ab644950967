"""DTSH: triplet likelihood.

Source: Wang, Shi and Kitani, "Deep Supervised Hashing with Triplet Labels", ACCV 2016.
"""
from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Sequence

from gluon_hash.losses.pairs import PairwiseLoss, quantization

if TYPE_CHECKING:
    from gluon_hash.runtime import Tensor

__all__ = ["DTSHLoss"]


class DTSHLoss(PairwiseLoss):
    r"""Over every triplet of the batch in which p is more similar to i than n is.

    .. math:: l_i = \mathrm{mean}_{p,n} \log(1 + e^{-x_{ipn}}) + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2,
              \quad x_{ipn} = \tfrac{1}{2} u_i \cdot u_p - \tfrac{1}{2} u_i \cdot u_n - m

    log(1 + e^x) - x of the paper is log(1 + e^-x). With graded similarities (level_weights) relatives become positives
    of strangers.

    Parameters
    ----------
    num_bits : int
    level_weights :
        See PairwiseLoss.
    margin_per_bit : float
        m / num_bits.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,); without a triplet, the quantisation term alone.
    """

    def __init__(self, num_bits: int, level_weights: Sequence[float] | None = None, *, margin_per_bit: float = 0.25,
                 quantization_weight: float = 0.1) -> None:
        super().__init__(level_weights)
        self._margin, self._quantization_weight = margin_per_bit * num_bits, quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        theta = 0.5 * F.dot(code, code, transpose_b=True)
        similar = self.similarity(F, level_labels, level_labels)
        wanted = F.broadcast_greater(similar.expand_dims(2), similar.expand_dims(1))  # (anchor, positive, negative)
        x = F.broadcast_sub(theta.expand_dims(2), theta.expand_dims(1)) - self._margin
        total = F.sum(wanted * F.Activation(-x, act_type="softrelu"), axis=(1, 2))
        return (total / F.maximum(F.sum(wanted, axis=(1, 2)), 1.0)
                + self._quantization_weight * quantization(F, code))

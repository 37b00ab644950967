"""DSRH: triplets weighed by how much their order matters.

Source: Zhao, Huang, Wang and Tan, "Deep Semantic Ranking Based Hashing for Multi-Label Image
Retrieval", CVPR 2015. The DSRH that HPDH's paper compares with is another one: Yao, Long, Mei and
Rui, IJCAI 2016 (dsrh_yao).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, other_image, triplet_difference, triplet_sum
from gluon_hash.losses.terms import check_weights, quantization, term

__all__ = ["DSRHLoss"]


class DSRHLoss(PairwiseLoss):
    r"""Hinge on every triplet of three images of the batch, weighed by the difference of the gains.

    .. math:: l_i = \frac{\sum_{p,n} \omega_{ipn} \max(\rho - x_{ipn}, 0)}{\sum_{p,n} \omega_{ipn}}
              + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2, \quad
              \omega_{ipn} = \max(2^{r_{ip}} - 2^{r_{in}}, 0), \quad
              x_{ipn} = \tfrac{1}{L} (u_i \cdot u_p - u_i \cdot u_n)

    r = K S: with equal weights the number of levels at which two images agree, as the paper counts
    shared labels. The quantisation term replaces the paper's sigmoid and balance terms (ours).

    Parameters
    ----------
    num_bits, num_levels : int
    level_weights : sequence of float, length num_levels, optional
        See PairwiseLoss; default: 1 each.
    margin : float
        rho, in the unit of x, which lies in [-2, 2] on codes.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive or the weights do not fit.
    """

    def __init__(
        self,
        num_bits: int,
        num_levels: int,
        level_weights: Sequence[float] | None = None,
        *,
        margin: float = 0.5,
        quantization_weight: float = 0.1,
    ) -> None:
        super().__init__(level_weights if level_weights is not None else [1.0] * num_levels)
        if num_bits < 1 or len(self._level_weights) != num_levels:
            raise ValueError(
                f"DSRHLoss: expected num_bits >= 1 and {num_levels} level_weights, got {num_bits} "
                "bits, "
                f"{len(self._level_weights)} weights"
            )
        check_weights(self, quantization_weight=quantization_weight)
        self._num_bits, self._num_levels = num_bits, num_levels
        self._margin, self._quantization_weight = margin, quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        inner = F.dot(code, code, transpose_b=True) / self._num_bits
        similar = self.similarity(F, level_labels, level_labels)
        gain = 2.0 ** (self._num_levels * similar)
        # (anchor, positive, negative); an image is not its own positive: its gain to itself counts
        # as 0
        weight = F.relu(triplet_difference(F, gain * other_image(F, similar), gain))
        x = triplet_difference(F, inner, inner)
        total = triplet_sum(F, weight, F.relu(self._margin - x))
        # no triplet: 0 / 1e-12 = 0
        triplets = total / F.maximum(triplet_sum(F, weight, F.ones_like(weight)), 1e-12)
        return term("triplets", triplets) + term(
            "quantization", self._quantization_weight * quantization(F, code)
        )

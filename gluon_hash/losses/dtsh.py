"""DTSH: triplet likelihood.

Source: Wang, Shi and Kitani, "Deep Supervised Hashing with Triplet Labels", ACCV 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, other_image, triplet_difference, triplet_sum
from gluon_hash.losses.terms import check_weights, quantization, term

__all__ = ["DTSHLoss"]


class DTSHLoss(PairwiseLoss):
    r"""Over every triplet of three images of the batch in which p is more similar to i than n is.

    .. math:: l_i = \mathrm{mean}_{p,n} \log(1 + e^{-x_{ipn}})
              + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2,
              \quad x_{ipn} = u_i \cdot u_p - u_i \cdot u_n - m

    log(1 + e^x) - x of the paper is log(1 + e^-x). The paper halves the inner products, with m =
    num_bits / 2; not halved, that is num_bits. An image without a triplet has the quantisation term
    alone. With graded similarities (level_weights) a relative is a positive where the negative is a
    stranger.

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
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive, or a weight does not fit.
    """

    def __init__(
        self,
        num_bits: int,
        level_weights: Sequence[float] | None = None,
        *,
        margin_per_bit: float = 1.0,
        quantization_weight: float = 0.1,
    ) -> None:
        super().__init__(level_weights)
        if num_bits < 1:
            raise ValueError(f"DTSHLoss: expected num_bits >= 1, got {num_bits}")
        check_weights(self, quantization_weight=quantization_weight)
        self._margin, self._quantization_weight = margin_per_bit * num_bits, quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        inner = F.dot(code, code, transpose_b=True)
        similar = self.similarity(F, level_labels, level_labels)
        # (anchor, positive, negative); an image is not its own positive: its similarity to itself
        # counts as 0
        wanted = F.broadcast_greater(
            (similar * other_image(F, similar)).expand_dims(2), similar.expand_dims(1)
        )
        x = triplet_difference(F, inner - self._margin, inner)
        total = triplet_sum(F, wanted, F.Activation(-x, act_type="softrelu"))
        triplets = total / F.maximum(triplet_sum(F, wanted, F.ones_like(wanted)), 1.0)
        return term("triplets", triplets) + term(
            "quantization", self._quantization_weight * quantization(F, code)
        )

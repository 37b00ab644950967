"""DSH: contrastive distances between codes.

Source: Liu, Wang, Shan and Chen, "Deep Supervised Hashing for Fast Image Retrieval", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss
from gluon_hash.losses.terms import check_weights, term

__all__ = ["DSHLoss"]


class DSHLoss(PairwiseLoss):
    r"""Similar codes together, others at least a margin apart.

    .. math:: l_i = \frac{1}{B} \sum_j \tfrac{1}{2} [S_{ij} d_{ij}
              + (1 - S_{ij}) \max(m - d_{ij}, 0)] + 2 \alpha \sum_b \big||u_{ib}| - 1\big|,
              \quad d_{ij} = |u_i - u_j|^2

    Parameters
    ----------
    num_bits : int
    level_weights :
        See PairwiseLoss.
    margin_per_bit : float
        m / num_bits; the paper's m is 2 num_bits.
    quantization_weight : float
        alpha.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``margin_per_bit`` is not positive, or a weight does not fit.

    The paper's pairs carry alpha for both of their images: 2 alpha in a mean over pairs.
    """

    def __init__(
        self,
        num_bits: int,
        level_weights: Sequence[float] | None = None,
        *,
        margin_per_bit: float = 2.0,
        quantization_weight: float = 0.01,
    ) -> None:
        super().__init__(level_weights)
        if num_bits < 1 or not margin_per_bit > 0:
            raise ValueError(
                f"DSHLoss: expected num_bits >= 1 and margin_per_bit > 0, got {num_bits}, "
                f"{margin_per_bit}"
            )
        check_weights(self, quantization_weight=quantization_weight)
        self._margin, self._quantization_weight = margin_per_bit * num_bits, quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        square = F.sum(F.square(code), axis=1)
        distance = F.broadcast_add(square.expand_dims(1), square.expand_dims(0)) - 2.0 * F.dot(
            code, code, transpose_b=True
        )
        similar = self.similarity(F, level_labels, level_labels)
        pairs = similar * distance + (1.0 - similar) * F.relu(self._margin - distance)
        return term("pairs", 0.5 * F.mean(pairs, axis=1)) + term(
            "quantization",
            2.0 * self._quantization_weight * F.sum(F.abs(F.abs(code) - 1.0), axis=1),
        )

"""DCH: Cauchy likelihood of the Hamming distance.

Source: Cao, Long, Liu and Wang, "Deep Cauchy Hashing for Hamming Space Retrieval", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, balanced_weight
from gluon_hash.losses.terms import check_weights, term

__all__ = ["DCHLoss"]

SMALLEST_DISTANCE = 1e-6  # bits: keeps the logarithm of equal codes finite


class DCHLoss(PairwiseLoss):
    r"""Similar images within gamma bits, others beyond.

    .. math:: l_i = \frac{1}{B} \sum_j w_{ij} [S_{ij} \log\frac{d_{ij}}{\gamma}
              + \log(1 + \frac{\gamma}{d_{ij}})]
              + \lambda \log(1 + \frac{d(|u_i|, 1)}{\gamma}),
              \quad d(a, b) = \tfrac{L}{2} (1 - \cos(a, b))

    w is balanced_weight. The bracket is log(1 + d / gamma) - (1 - S) log(d / gamma), which is how
    it is computed.

    Parameters
    ----------
    num_bits : int
    level_weights :
        See PairwiseLoss.
    gamma : float
        Scale, in bits.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``gamma`` is not positive, or a weight does not fit.
    """

    def __init__(
        self,
        num_bits: int,
        level_weights: Sequence[float] | None = None,
        *,
        gamma: float = 20.0,
        quantization_weight: float = 0.1,
    ) -> None:
        super().__init__(level_weights)
        if not gamma > 0 or num_bits < 1:
            raise ValueError(
                f"DCHLoss: expected num_bits >= 1 and gamma > 0, got {num_bits}, {gamma}"
            )
        check_weights(self, quantization_weight=quantization_weight)
        self._num_bits, self._gamma, self._quantization_weight = (
            num_bits,
            gamma,
            quantization_weight,
        )

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        unit = F.L2Normalization(code, mode="instance")
        distance = 0.5 * self._num_bits * (1.0 - F.dot(unit, unit, transpose_b=True))
        ratio = F.maximum(distance, SMALLEST_DISTANCE) / self._gamma
        similar = self.similarity(F, level_labels, level_labels)
        pairs = balanced_weight(F, similar) * (F.log1p(ratio) - (1.0 - similar) * F.log(ratio))
        # cos(|u|, 1) = sum |u| / (|u|_2 sqrt(L))
        cosine = F.sum(F.abs(unit), axis=1) / self._num_bits**0.5
        corner = 0.5 * self._num_bits * F.relu(1.0 - cosine) / self._gamma
        return term("pairs", F.mean(pairs, axis=1)) + term(
            "quantization", self._quantization_weight * F.log1p(corner)
        )

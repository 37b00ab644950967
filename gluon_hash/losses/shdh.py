"""SHDH: a segment of the code for each level, weighted Hamming distance.

Source: Wang, Huang, Lu, Feng, Wen, Nie and Mao, "Supervised Deep Hashing for Hierarchical Labeled
Data", AAAI 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, pair_likelihood
from gluon_hash.losses.terms import check_weights, label_column, log_cosh, term

__all__ = ["SHDHLoss", "segments"]


def segments(num_bits: int, num_levels: int) -> list[int]:
    """Bits of each level's segment, finest first; what does not divide goes to the finest.

    Raises
    ------
    ValueError
        If there are fewer bits than levels.

    Examples
    --------
    >>> segments(32, 3)
    [12, 10, 10]
    """
    if num_bits < num_levels:
        raise ValueError(f"SHDH: {num_bits} bits cannot be divided into {num_levels} segments")
    length = num_bits // num_levels
    return [num_bits - length * (num_levels - 1)] + [length] * (num_levels - 1)


class SHDHLoss(PairwiseLoss):
    r"""Level-weighted similarity of segments.

    .. math:: l_i = \sum_k v_k \frac{1}{B} \sum_j [\log(1 + e^{\theta^k_{ij}})
              - [y^k_i = y^k_j] \theta^k_{ij}]
              + \lambda \frac{1}{L} \sum_b \log\cosh(|u_{ib}| - 1),
              \quad \theta^k_{ij} = u^k_i \cdot u^k_j / 2

    u^k is the segment of level k. A coarse class is many images, so its segment is learnt from all
    of them. Ranking by the whole code's Hamming distance weighs all segments alike; in the paper
    their distances are weighted, as in gluon_hash.retrieval.evaluation.weighted.

    Parameters
    ----------
    num_bits, num_levels : int
    level_weights : sequence of float, optional
        v, finest first; default 1 / K each.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If the weights do not fit, or there are fewer bits than levels.

    The paper's loss is a squared error of the weighted inner product with a balance term; the
    likelihood is ours, and so is the equal division of the bits. With one level it is DHN.
    """

    def __init__(
        self,
        num_bits: int,
        num_levels: int,
        level_weights: Sequence[float] | None = None,
        *,
        quantization_weight: float = 0.1,
    ) -> None:
        super().__init__(level_weights if level_weights is not None else [1.0] * num_levels)
        if len(self._level_weights) != num_levels:
            raise ValueError(
                f"SHDHLoss: expected {num_levels} level_weights, got {len(self._level_weights)}"
            )
        check_weights(self, quantization_weight=quantization_weight)
        self._segments, self._quantization_weight = (
            segments(num_bits, num_levels),
            quantization_weight,
        )

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor) -> Tensor:
        corner = F.mean(log_cosh(F, F.abs(code) - 1.0), axis=1)
        total, begin = term("quantization", self._quantization_weight * corner), 0
        for k, (length, weight) in enumerate(zip(self._segments, self._level_weights)):
            segment = F.slice_axis(code, axis=1, begin=begin, end=begin + length)
            label = label_column(F, level_labels, k)
            same = F.broadcast_equal(label, label.reshape(shape=(1, -1)))
            theta = 0.5 * F.dot(segment, segment, transpose_b=True)
            pairs = weight * F.mean(pair_likelihood(F, theta, same), axis=1)
            total = total + term(f"level_{k}", pairs)
            begin += length
        return total

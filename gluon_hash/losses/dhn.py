"""DHN: pairwise likelihood, within the batch or against remembered codes.

Source: Zhu, Long, Wang and Cao, "Deep Hashing Network for Efficient Similarity Retrieval", AAAI
2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, mean_of_pairs, pair_likelihood
from gluon_hash.losses.terms import check_weights, log_cosh, term

__all__ = ["DHNLoss"]


class DHNLoss(PairwiseLoss):
    r"""Negative log likelihood of the similarities, and a smooth quantisation term.

    .. math:: l_i = \frac{1}{M} \sum_j [\log(1 + e^{\theta_{ij}}) - S_{ij} \theta_{ij}]
              + \lambda \frac{1}{L} \sum_b \log\cosh(|u_{ib}| - 1), \quad \theta_{ij} = u_i \cdot
              u_j / 2

    Parameters
    ----------
    level_weights :
        See PairwiseLoss.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **memory_code**, **memory_labels**, **valid**, optional: (M, num_bits), (M, K), (1, M), as
          DPSHLoss's; without them the pairs are those of the batch.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative.

    The paper's theta is not halved.
    """

    def __init__(
        self, level_weights: Sequence[float] | None = None, *, quantization_weight: float = 0.1
    ) -> None:
        super().__init__(level_weights)
        check_weights(self, quantization_weight=quantization_weight)
        self._quantization_weight = quantization_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *memory: Tensor
    ) -> Tensor:
        other = self.others(F, code, level_labels, memory)
        theta = 0.5 * F.dot(code, other.code, transpose_b=True)
        pairs = pair_likelihood(F, theta, self.similarity(F, level_labels, other.labels))
        corner = F.mean(log_cosh(F, F.abs(code) - 1.0), axis=1)
        return term("pairs", mean_of_pairs(F, pairs, other.mask)) + term(
            "quantization", self._quantization_weight * corner
        )

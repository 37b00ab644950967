"""DPSH: pairwise likelihood against the codes of the training set.

Source: Li, Wang and Kang, "Feature Learning based Deep Supervised Hashing with Pairwise Labels",
IJCAI 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, mean_of_pairs, pair_likelihood
from gluon_hash.losses.terms import check_weights, quantization, term

__all__ = ["DPSHLoss"]


class DPSHLoss(PairwiseLoss):
    r"""Negative log likelihood of the similarities to remembered codes, and quantisation.

    .. math:: l_i = \frac{1}{M} \sum_j [\log(1 + e^{\theta_{ij}}) - S_{ij} \theta_{ij}]
              + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2, \quad \theta_{ij} = u_i \cdot v_j
              / 2

    v are the remembered codes and, without gradient, the batch's own.

    Parameters
    ----------
    level_weights :
        See PairwiseLoss.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **memory_code**: (M, num_bits). - **memory_labels**: (M, K).
        - **valid**: (1, M), 1 where there is a code.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative.

    The paper keeps one code of every image, of which those of the batch are fresh; the memory holds
    the latest codes (RecentCodes), where an image of the batch may appear a second time with an
    older code.
    """

    def __init__(
        self, level_weights: Sequence[float] | None = None, *, quantization_weight: float = 0.1
    ) -> None:
        super().__init__(level_weights)
        check_weights(self, quantization_weight=quantization_weight)
        self._quantization_weight = quantization_weight

    def hybrid_forward(
        self,
        F: ModuleType,
        code: Tensor,
        level_labels: Tensor,
        memory_code: Tensor,
        memory_labels: Tensor,
        valid: Tensor,
    ) -> Tensor:
        other = self.others(F, code, level_labels, (memory_code, memory_labels, valid))
        theta = 0.5 * F.dot(code, other.code, transpose_b=True)  # (batch_size, M + batch_size)
        pairs = pair_likelihood(F, theta, self.similarity(F, level_labels, other.labels))
        return term("pairs", mean_of_pairs(F, pairs, other.mask)) + term(
            "quantization", self._quantization_weight * quantization(F, code)
        )

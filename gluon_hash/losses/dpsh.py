"""DPSH: pairwise likelihood against the codes of the training set.

Source: Li, Wang and Kang, "Feature Learning based Deep Supervised Hashing with Pairwise Labels",
IJCAI 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, pair_likelihood
from gluon_hash.losses.terms import check_weights, label_column, quantization, term

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
        others = F.concat(memory_code, F.stop_gradient(code), dim=0)
        labels = F.concat(memory_labels, level_labels, dim=0)
        own = F.ones_like(label_column(F, level_labels, 0)).reshape(shape=(1, -1))
        mask = F.concat(valid, own, dim=1)  # (1, M + batch_size)
        theta = 0.5 * F.dot(code, others, transpose_b=True)  # (batch_size, M + batch_size)
        pairs = F.broadcast_mul(
            pair_likelihood(F, theta, self.similarity(F, level_labels, labels)), mask
        )
        mean = F.broadcast_div(
            F.sum(pairs, axis=1, keepdims=True), F.sum(mask, axis=1, keepdims=True)
        )
        return term("pairs", mean.reshape(shape=(-1,))) + term(
            "quantization", self._quantization_weight * quantization(F, code)
        )

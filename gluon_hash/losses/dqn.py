"""DQN: cosines that equal the similarities, on codes that product quantisation keeps.

Source: Cao, Long, Wang, Zhu and Wen, "Deep Quantization Network for Efficient Image Retrieval",
AAAI 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss
from gluon_hash.losses.terms import check_weights, term

__all__ = ["DQNLoss"]


class DQNLoss(PairwiseLoss):
    r"""Squared error of the cosines, and of the product quantisation.

    .. math:: l_i = \frac{1}{B} \sum_j (2 S_{ij} - 1 - \cos(u_i, u_j))^2
              + \lambda \frac{1}{L} |u_i - \hat u_i|^2

    :math:`\hat u` is what the codebooks keep of u, re-learnt between epochs
    (gluon_hash.methods.memory.solvers); in the first epoch there is none. Search is asymmetric:
    `encode --relaxed`, `fit pq`.

    Parameters
    ----------
    level_weights :
        See PairwiseLoss.
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **target**: (batch_size, num_bits).
        - **known**: (batch_size, 1), 1 where there is a target.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative.
    """

    def __init__(
        self, level_weights: Sequence[float] | None = None, *, quantization_weight: float = 0.1
    ) -> None:
        super().__init__(level_weights)
        check_weights(self, quantization_weight=quantization_weight)
        self._quantization_weight = quantization_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, target: Tensor, known: Tensor
    ) -> Tensor:
        unit = F.L2Normalization(code, mode="instance")
        wanted = 2.0 * self.similarity(F, level_labels, level_labels) - 1.0
        pairs = F.mean(F.square(wanted - F.dot(unit, unit, transpose_b=True)), axis=1)
        lost = F.mean(F.square(F.broadcast_mul(code - target, known)), axis=1)
        return term("pairs", pairs) + term("quantization", self._quantization_weight * lost)

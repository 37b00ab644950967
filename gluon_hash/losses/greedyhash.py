"""GreedyHash: classify the signs themselves, with the gradient passed straight through.

Source: Su, Zhang, Han and Tian, "Greedy Hash: Towards Fast Optimization for Accurate Hash Coding in
CNN", NeurIPS 2018.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.softmax import LevelSoftmaxLoss
from gluon_hash.losses.terms import check_weights, term

__all__ = ["GreedyHashLoss"]


class GreedyHashLoss(LevelSoftmaxLoss):
    r"""Cross-entropy of the classifier on the signs, and a cubic penalty.

    .. math:: l_i = \mathrm{CE}(W \mathrm{sign}(u_i), y_i)
              + \alpha \frac{1}{L} \sum_b \big||u_{ib}| - 1\big|^3

    Parameters
    ----------
    penalty_weight : float
        alpha.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **logits**: of the finest level, from Classifier(reads="sign"): (batch_size, num_classes).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If the weight is negative, or not one logits array comes.
    """

    def __init__(self, *, penalty_weight: float = 0.1) -> None:
        super().__init__([1.0])
        check_weights(self, penalty_weight=penalty_weight)
        self._penalty_weight = penalty_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *logits: Tensor
    ) -> Tensor:
        penalty = F.mean(F.abs(F.abs(code) - 1.0) ** 3, axis=1)
        return super().hybrid_forward(F, code, level_labels, *logits) + term(
            "penalty", self._penalty_weight * penalty
        )

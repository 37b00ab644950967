"""SSDH: a sigmoid latent layer that is classified, pushed to 0 and 1, and balanced.

Source: Yang, Lin and Chen, "Supervised Learning of Semantics-Preserving Hash via Deep Convolutional
Neural Networks", TPAMI 2018.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.softmax import LevelSoftmaxLoss
from gluon_hash.losses.terms import check_weights, term

__all__ = ["SSDHLoss"]


class SSDHLoss(LevelSoftmaxLoss):
    r"""Classification, binarisation and balance of h = sigmoid(u).

    .. math:: l_i = \mathrm{CE}(W h_i, y_i) - \beta \frac{1}{L} \sum_b (h_{ib} - \tfrac12)^2
              + \gamma \big(\tfrac{1}{L} \sum_b h_{ib} - \tfrac12\big)^2

    Parameters
    ----------
    binarization_weight, balance_weight : float
        beta, gamma; the paper has 1 each.

    Inputs:
        - **code**: u, (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **logits**: of the finest level, from Classifier(reads="sigmoid"): (batch_size,
          num_classes).

    Outputs:
        - **loss**: (batch_size,); negative values are possible.

    Raises
    ------
    ValueError
        If a weight is negative, or not one logits array comes.
    """

    def __init__(self, *, binarization_weight: float = 1.0, balance_weight: float = 1.0) -> None:
        super().__init__([1.0])
        check_weights(self, binarization_weight=binarization_weight, balance_weight=balance_weight)
        self._binarization_weight, self._balance_weight = binarization_weight, balance_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *logits: Tensor
    ) -> Tensor:
        latent = F.sigmoid(code)
        spread = F.mean(F.square(latent - 0.5), axis=1)
        balance = F.square(F.mean(latent, axis=1) - 0.5)
        return (
            super().hybrid_forward(F, code, level_labels, *logits)
            + term("binarization", -self._binarization_weight * spread)
            + term("balance", self._balance_weight * balance)
        )

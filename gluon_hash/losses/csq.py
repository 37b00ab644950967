"""CSQ: each class has a binary center; the code is its bits' cross-entropy away.

Source: Yuan et al., "Central Similarity Quantization for Efficient Image and Video Retrieval", CVPR
2020.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import check_weights, level_label, log_cosh, term

__all__ = ["CSQLoss"]


class CSQLoss(Loss):
    r"""Binary cross-entropy to the center of the fine class, and quantisation.

    .. math:: l_i = \frac{1}{L} \sum_b \log(1 + e^{-2 c_b u_{ib}})
              + \lambda \frac{1}{L} \sum_b \log\cosh(|\tanh u_{ib}| - 1)

    The first is the cross-entropy of h = (1 + tanh u) / 2 against (1 + c) / 2, the second the
    paper's log cosh(|2h - 1| - 1).

    Parameters
    ----------
    quantization_weight : float
        lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **center**: c in {-1, +1}, (num_classes, num_bits).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If the weight is negative.
    """

    def __init__(self, *, quantization_weight: float = 1e-4) -> None:
        super().__init__(weight=None, batch_axis=0)
        check_weights(self, quantization_weight=quantization_weight)
        self._quantization_weight = quantization_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor
    ) -> Tensor:
        own = F.take(center, level_label(F, level_labels))
        entropy = F.mean(F.Activation(-2.0 * own * code, act_type="softrelu"), axis=1)
        corner = F.mean(log_cosh(F, F.abs(F.tanh(code)) - 1.0), axis=1)
        return term("entropy", entropy) + term("quantization", self._quantization_weight * corner)

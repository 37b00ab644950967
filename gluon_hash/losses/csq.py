"""CSQ: each class has a binary center; the code is its bits' cross-entropy away.

Source: Yuan et al., "Central Similarity Quantization for Efficient Image and Video Retrieval", CVPR 2020.
"""
from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from mxnet.gluon.loss import Loss

from gluon_hash.losses.pairs import quantization

if TYPE_CHECKING:
    from gluon_hash.runtime import Tensor

__all__ = ["CSQLoss"]


class CSQLoss(Loss):
    r"""Binary cross-entropy to the center of the fine class, and quantisation.

    .. math:: l_i = \frac{1}{L} \sum_b \log(1 + e^{-2 c_b u_{ib}}) + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2

    which is the cross-entropy of (1 + tanh u) / 2 against (1 + c) / 2.

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
        if quantization_weight < 0:
            raise ValueError(f"CSQLoss: quantization_weight must be >= 0, got {quantization_weight}")
        self._quantization_weight = quantization_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor) -> Tensor:
        own = F.take(center, F.slice_axis(level_labels, axis=1, begin=0, end=1).reshape((-1,)))
        entropy = F.mean(F.Activation(-2.0 * own * code, act_type="softrelu"), axis=1)
        return entropy + self._quantization_weight * quantization(F, code)

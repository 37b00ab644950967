"""DPN: every bit on the right side of zero by a margin.

Source: Fan, Ng, Ju, Zhang, Liu, Chan and Yang, "Deep Polarized Network for Supervised Learning of
Accurate Binary Hashing Codes", IJCAI 2020.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import level_label

__all__ = ["DPNLoss"]


class DPNLoss(Loss):
    r"""Polarisation loss to the binary target of the fine class.

    .. math:: l_i = \frac{1}{L} \sum_b \max(m - t_b u_{ib}, 0)

    Parameters
    ----------
    margin : float
        m >= 1 in the paper.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **target**: t in {-1, +1}, (num_classes, num_bits).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If the margin is not positive.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__(weight=None, batch_axis=0)
        if not margin > 0:
            raise ValueError(f"DPNLoss: margin must be > 0, got {margin}")
        self._margin = margin

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, target: Tensor
    ) -> Tensor:
        own = F.take(target, level_label(F, level_labels))
        return F.mean(F.relu(self._margin - own * code), axis=1)

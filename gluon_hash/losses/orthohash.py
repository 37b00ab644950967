"""OrthoHash: one cosine cross-entropy to fixed binary targets.

Source: Hoe, Ng, Zhang, Chan, Song and Xiang, "One Loss for All: Deep Hashing with a Single Cosine
Similarity based Learning Objective", NeurIPS 2021.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import cross_entropy, level_label

__all__ = ["OrthoHashLoss"]


class OrthoHashLoss(Loss):
    r"""Softmax over cosines with a margin.

    .. math:: l_i = -\log \frac{e^{s (\cos(u_i, t_{y_i}) - m)}}
              {e^{s (\cos(u_i, t_{y_i}) - m)} + \sum_{c \ne y_i} e^{s \cos(u_i, t_c)}}

    Parameters
    ----------
    num_bits : int
    margin : float
        m.
    scale : float, optional
        s; default: sqrt(num_bits) (ours), 8 at 64 bits, where the released code has 8 for all
        lengths.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **target**: t in {-1, +1}, (num_classes, num_bits).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``scale`` is not positive or the margin is negative.
    """

    def __init__(self, num_bits: int, *, margin: float = 0.2, scale: float | None = None) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1 or not margin >= 0 or not (scale is None or scale > 0):
            raise ValueError(
                "OrthoHashLoss: expected num_bits >= 1, margin >= 0 and a scale > 0 or None, got "
                f"{num_bits}, {margin} and {scale}"
            )
        self._scale, self._margin = num_bits**0.5 if scale is None else scale, margin

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, target: Tensor
    ) -> Tensor:
        label = level_label(F, level_labels)
        cosine = F.dot(
            F.L2Normalization(code, mode="instance"),
            F.L2Normalization(target, mode="instance"),
            transpose_b=True,
        )  # (batch_size, num_classes)
        # the margin is taken from the true class, found by its index: the number of classes need
        # not be known
        index = F.contrib.arange_like(cosine, axis=1).expand_dims(0)
        own = F.broadcast_equal(label.expand_dims(1), index)
        return cross_entropy(F, self._scale * (cosine - self._margin * own), label)

"""Softmax heads of all levels on the relaxed code: what every hashing method should beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import cross_entropy, level_label, term

__all__ = ["LevelSoftmaxLoss"]


class LevelSoftmaxLoss(Loss):
    r"""Cross-entropies of the levels, summed; a missing label (-1) adds nothing at its level.

    .. math:: l_i = \sum_k w_k [y^k_i \ge 0] \, \mathrm{CE}(z^k_i, y^k_i)

    Parameters
    ----------
    level_weights : sequence of float, length K
        w, finest first.

    Inputs:
        - **code**: not read. - **level_labels**: (batch_size, K or more), -1: missing.
        - **logits**: z, K arrays, (batch_size, num_classes[k]), from Classifier.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative, or not K logits come.
    """

    def __init__(self, level_weights: Sequence[float]) -> None:
        super().__init__(weight=None, batch_axis=0)
        if not level_weights or not all(0 <= weight < math.inf for weight in level_weights):
            raise ValueError(
                f"{type(self).__name__}: expected level_weights >= 0, got {list(level_weights)}"
            )
        self._level_weights = list(level_weights)

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *logits: Tensor
    ) -> Tensor:
        if len(logits) != len(self._level_weights):
            raise ValueError(
                f"{type(self).__name__}: expected logits of {len(self._level_weights)} levels, got "
                f"{len(logits)}"
            )
        total = 0.0 * F.sum(code, axis=1)
        for k, (weight, logit) in enumerate(zip(self._level_weights, logits)):
            label = level_label(F, level_labels, k)
            entropy = weight * (label >= 0) * cross_entropy(F, logit, F.maximum(label, 0.0))
            total = total + term(f"level_{k}", entropy)
        return total

"""Cross-entropies of a classifier whose expected codeword is the code.

Codewords for classes: Dietterich and Bakiri, "Solving Multiclass Learning Problems via
Error-Correcting Output Codes", JAIR 1995. That a classifier's output, encoded, beats methods of
supervised hashing: Sablayrolles, Douze, Usunier and Jegou, "How should we evaluate supervised
hashing?", ICASSP 2017, arXiv:1609.06753.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import cross_entropy, label_column, level_label, term

__all__ = ["ExpectedCodewordLoss"]

OTHERS = -1e30  # log probability of a class below another parent: exp gives 0, its square no inf


class ExpectedCodewordLoss(Loss):
    r"""Cross-entropies of the levels, summed; the codewords do not take part.

    .. math:: l_i = - \sum_k w_k [y^k_i \ge 0] \log \sum_{c \, \text{below} \, y^k_i} p_{ic},
              \quad p_i = \mathrm{softmax}(z_i), \quad u_i = p_i T - \theta

    Parameters
    ----------
    level_weights : sequence of float, length K
        w, finest first.

    Inputs:
        - **logits**: z, (batch_size, num_classes[0]), of which gluon_hash.nets.ExpectedCodeword
          makes the code u.
        - **level_labels**: y, (batch_size, K or more), -1: missing.
        - **ancestors**: (K, num_classes[0]), of each finest class at each level; itself at level 0.
          Not given with one level.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative.

    Source: ours; see above. Sablayrolles et al. keep the index of the likeliest class, or its
    one-hot vector, as the code; here u lies between the codewords of the classes that come into
    question, of which those of relatives are near each other. That a coarse class has the
    probability of those below it is HPDH's posterior at a level, for a classifier.
    """

    def __init__(self, level_weights: Sequence[float]) -> None:
        super().__init__(weight=None, batch_axis=0)
        if not level_weights or not all(0 <= weight < math.inf for weight in level_weights):
            raise ValueError(
                f"{type(self).__name__}: expected level_weights >= 0, got {list(level_weights)}"
            )
        self._level_weights = list(level_weights)

    def hybrid_forward(
        self, F: ModuleType, logits: Tensor, level_labels: Tensor, *ancestors: Tensor
    ) -> Tensor:
        label = level_label(F, level_labels)
        finest = (label >= 0) * cross_entropy(F, logits, F.maximum(label, 0.0))
        total = term("level_0", self._level_weights[0] * finest)
        log_probability = F.log_softmax(logits, axis=1)
        for k, weight in list(enumerate(self._level_weights))[1:]:
            label = label_column(F, level_labels, k)
            row = F.slice_axis(ancestors[0], axis=0, begin=k, end=k + 1)
            own = F.broadcast_equal(label, row)  # (batch_size, num_classes[0])
            below = F.where(own, log_probability, OTHERS * F.ones_like(own))
            known = (label >= 0).reshape(shape=(-1,))
            total = total + term(f"level_{k}", -weight * known * _log_sum(F, below))
        return total


def _log_sum(F: ModuleType, value: Tensor) -> Tensor:
    """Logarithm of the summed exponentials of each row: (B, C) -> (B,)."""
    largest = F.stop_gradient(F.max(value, axis=1, keepdims=True))
    total = F.sum(F.exp(F.broadcast_sub(value, largest)), axis=1)
    return F.log(total) + largest.reshape(shape=(-1,))

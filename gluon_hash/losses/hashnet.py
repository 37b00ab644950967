"""HashNet: weighted pairwise likelihood of tanh(beta u), beta growing.

Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import (
    PairwiseLoss,
    balanced_weight,
    mean_of_pairs,
    pair_likelihood,
)

__all__ = ["HashNetLoss"]


class HashNetLoss(PairwiseLoss):
    r"""Pairwise likelihood whose similar and dissimilar pairs weigh the same in all.

    .. math:: l_i = \frac{1}{M} \sum_j w_{ij} [\log(1 + e^{\theta_{ij}}) - S_{ij} \theta_{ij}],
              \quad \theta_{ij} = \alpha \tanh(\beta u_i) \cdot \tanh(\beta u_j)

    with w of balanced_weight.

    Parameters
    ----------
    level_weights :
        See PairwiseLoss.
    alpha : float
        The released code has 10 / num_bits, and so have our configurations.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K). - **beta**: (1, 1).
        - **memory_code**, **memory_labels**, **valid**, optional: (M, num_bits), (M, K), (1, M), as
          DPSHLoss's; without them the pairs are those of the batch.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``alpha`` is not positive, or the level weights do not fit.
    """

    def __init__(self, level_weights: Sequence[float] | None = None, *, alpha: float = 0.5) -> None:
        super().__init__(level_weights)
        if not alpha > 0:
            raise ValueError(f"HashNetLoss: alpha must be > 0, got {alpha}")
        self._alpha = alpha

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, beta: Tensor, *memory: Tensor
    ) -> Tensor:
        other = self.others(F, code, level_labels, memory)
        bounded = F.tanh(F.broadcast_mul(code, beta))
        others = F.tanh(F.broadcast_mul(other.code, beta)) if memory else bounded
        theta = self._alpha * F.dot(bounded, others, transpose_b=True)
        similar = self.similarity(F, level_labels, other.labels)
        weight = balanced_weight(F, similar, other.mask)
        return mean_of_pairs(F, weight * pair_likelihood(F, theta, similar), other.mask)

"""HashNet: weighted pairwise likelihood of tanh(beta u), beta growing.

Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, balanced_weight, pair_likelihood

__all__ = ["HashNetLoss"]


class HashNetLoss(PairwiseLoss):
    r"""Pairwise likelihood whose similar and dissimilar pairs weigh the same in all.

    .. math:: l_i = \frac{1}{B} \sum_j w_{ij} [\log(1 + e^{\theta_{ij}}) - S_{ij} \theta_{ij}],
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
        self, F: ModuleType, code: Tensor, level_labels: Tensor, beta: Tensor
    ) -> Tensor:
        bounded = F.tanh(F.broadcast_mul(code, beta))
        theta = self._alpha * F.dot(bounded, bounded, transpose_b=True)
        similar = self.similarity(F, level_labels, level_labels)
        return F.mean(balanced_weight(F, similar) * pair_likelihood(F, theta, similar), axis=1)

"""DSDH: pairwise likelihood, and discrete codes that a linear classifier reads.

Source: Li, Sun, Bai and Tan, "Deep Supervised Discrete Hashing", NIPS 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, mean_of_pairs, pair_likelihood
from gluon_hash.losses.terms import check_weights, signs, term

__all__ = ["DSDHLoss"]


class DSDHLoss(PairwiseLoss):
    r"""Pairwise likelihood, and the distance to the discrete codes.

    .. math:: l_i = \frac{1}{M} \sum_j [\log(1 + e^{\theta_{ij}}) - S_{ij} \theta_{ij}]
              + \lambda \frac{1}{L} |u_i - b_i|^2, \quad \theta_{ij} = u_i \cdot u_j / 2

    b are solved for between epochs (gluon_hash.methods.memory.solvers); an image that has none is
    drawn to sign(u).

    Parameters
    ----------
    level_weights :
        See PairwiseLoss.
    discrete_weight : float
        lambda; the paper's eta, which is a number of its own in the solution for b here.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **target**: b, (batch_size, num_bits).
        - **known**: (batch_size, 1), 1 where there is a target.
        - **memory_code**, **memory_labels**, **valid**, optional: (M, num_bits), (M, K), (1, M), as
          DPSHLoss's; without them the pairs are those of the batch.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If a weight is negative.

    The paper takes pairs with all training codes and updates b in every step; here b are solved for
    once an epoch.
    """

    def __init__(
        self, level_weights: Sequence[float] | None = None, *, discrete_weight: float = 0.1
    ) -> None:
        super().__init__(level_weights)
        check_weights(self, discrete_weight=discrete_weight)
        self._discrete_weight = discrete_weight

    def hybrid_forward(
        self,
        F: ModuleType,
        code: Tensor,
        level_labels: Tensor,
        target: Tensor,
        known: Tensor,
        *memory: Tensor,
    ) -> Tensor:
        other = self.others(F, code, level_labels, memory)
        theta = 0.5 * F.dot(code, other.code, transpose_b=True)
        likelihood = pair_likelihood(F, theta, self.similarity(F, level_labels, other.labels))
        pairs = mean_of_pairs(F, likelihood, other.mask)
        discrete = F.broadcast_mul(target, known) + F.broadcast_mul(signs(F, code), 1.0 - known)
        return term("pairs", pairs) + term(
            "discrete", self._discrete_weight * F.mean(F.square(code - discrete), axis=1)
        )

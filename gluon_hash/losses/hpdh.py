"""HPDH: class-wise losses of all levels and the constraints. With one level it is DCWH.

Source: Zhang et al., arXiv:1901.11259; the weights 10 and 0.1 and the division by L are the
released code's.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.class_wise import HierarchicalClassWiseLoss
from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint
from gluon_hash.losses.terms import check_weights, term

__all__ = ["CoarseToFineHPDHLoss", "HPDHLoss"]


class HPDHLoss(Loss):
    r"""The loss that HPDH minimises.

    .. math:: l_i = \sum_k w_k \, l^k_i
              + \frac{1}{L} (10 \, \mathrm{cubic}_i + 0.1 \, \mathrm{vertex}_i)

    Parameters
    ----------
    num_bits : int
        L, the length of a code.
    inv_variances, level_weights :
        See :class:`HierarchicalClassWiseLoss`.
    cubic_weight, vertex_weight : float
        The 10 and the 0.1 above.

    Inputs:
        - **code**: relaxed code, float, shape (batch_size, num_bits).
        - **level_labels**: class index per level, shape (batch_size, K or more).
        - **centers**: K arrays, float, shape (num_classes_k, num_bits).

    Outputs:
        - **loss**: shape (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive or a weight is negative; and as
        :class:`HierarchicalClassWiseLoss`.
    """

    def __init__(
        self,
        num_bits: int,
        inv_variances: Sequence[float],
        level_weights: Sequence[float] | None = None,
        *,
        cubic_weight: float = 10.0,
        vertex_weight: float = 0.1,
    ) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1:
            raise ValueError(f"HPDHLoss: expected num_bits >= 1, got num_bits={num_bits}")
        check_weights(self, cubic_weight=cubic_weight, vertex_weight=vertex_weight)
        self._cubic_scale = cubic_weight / num_bits
        self._vertex_scale = vertex_weight / num_bits
        with self.name_scope():
            self.class_wise = HierarchicalClassWiseLoss(inv_variances, level_weights)
            self.cubic = CubicConstraint()
            self.vertex = VertexConstraint()

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *centers: Tensor
    ) -> Tensor:
        return (
            self.class_wise(code, level_labels, *centers)
            + term("cubic", self._cubic_scale * self.cubic(code))
            + term("vertex", self._vertex_scale * self.vertex(code))
        )


class CoarseToFineHPDHLoss(HPDHLoss):
    r"""HPDH whose levels enter one after another, the coarsest first (ours).

    .. math:: l_i = \sum_k a_k w_k \, l^k_i
              + \frac{1}{L} (10 \, \mathrm{cubic}_i + 0.1 \, \mathrm{vertex}_i)

    Parameters as HPDHLoss.

    Inputs:
        - **code**, **level_labels**: as HPDHLoss.
        - **active**: a, shape (1, K): the weight of each level in this epoch.
        - **centers**: K arrays, float, shape (num_classes_k, num_bits).

    Outputs:
        - **loss**: shape (batch_size,).

    Raises
    ------
    ValueError
        As HPDHLoss.
    """

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *active_and_centers: Tensor
    ) -> Tensor:
        active, *centers = active_and_centers
        parts = self.class_wise.of_levels(F, code, level_labels, *centers)  # (batch_size, K)
        return (
            term("levels", F.sum(F.broadcast_mul(parts, active), axis=1))
            + term("cubic", self._cubic_scale * self.cubic(code))
            + term("vertex", self._vertex_scale * self.vertex(code))
        )

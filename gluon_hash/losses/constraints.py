"""Constraints on a relaxed code: stay inside the cube, go to its vertices.

Source: Zhang et al., arXiv:1901.11259; the margin 1.1 is the released code's.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import signs

__all__ = ["CubicConstraint", "VertexConstraint"]

CUBE_HALF_SIDE = 1.1


class CubicConstraint(Loss):
    r"""How far a code leaves the cube [-1.1, 1.1]^L, in the 1-norm.

    .. math:: l_i = \sum_j \max(|u_{ij}| - 1.1, 0)

    Inputs:
        - **code**: relaxed code, float, shape (batch_size, num_bits).

    Outputs:
        - **loss**: shape (batch_size,).
    """

    def __init__(self) -> None:
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(self, F: ModuleType, code: Tensor) -> Tensor:
        # relu(-1.1 - u) + relu(u - 1.1): at most one of the two is not zero.
        return F.sum(F.relu(F.abs(code) - CUBE_HALF_SIDE), axis=1)


class VertexConstraint(Loss):
    r"""Squared distance of a code to the nearest vertex of the cube {-1, +1}^L.

    .. math:: l_i = \sum_j (|u_{ij}| - 1)^2 = |\mathrm{sign}(u_i) - u_i|^2

    with sign(0) = +1, and no gradient through the sign.

    Inputs:
        - **code**: relaxed code, float, shape (batch_size, num_bits).

    Outputs:
        - **loss**: shape (batch_size,).
    """

    def __init__(self) -> None:
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(self, F: ModuleType, code: Tensor) -> Tensor:
        return F.sum(F.square(signs(F, code) - code), axis=1)

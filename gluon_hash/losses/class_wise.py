"""Class-wise losses: pull a code towards its class center and away from the others.

Source: Zhang et al., "Semantic Hierarchy Preserving Deep Hashing for Large-Scale Image Retrieval",
arXiv:1901.11259.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import cross_entropy, level_label, term

__all__ = ["ClassWiseLoss", "HierarchicalClassWiseLoss", "ReleasedClassWiseLoss", "class_wise"]

RELEASED_EPSILON = 1e-8  # the released code's, in both places; ours needs none


def _check_inv_variance(name: str, inv_variance: float) -> float:
    if not inv_variance > 0:
        raise ValueError(
            f"{name}: inv_variance must be > 0, got {inv_variance!r}; pass 1/sigma**2, not sigma"
        )
    return float(inv_variance)


def class_wise(
    F: ModuleType, code: Tensor, label: Tensor, center: Tensor, inv_variance: float
) -> Tensor:
    """ClassWiseLoss as a function whose gradient reaches the centers."""
    # -|u - m|^2 / 2 = u.m - |m|^2 / 2 - |u|^2 / 2, and |u|^2 is the same for every class: it
    # cancels.
    logit = inv_variance * F.broadcast_sub(
        F.dot(code, center, transpose_b=True),
        0.5 * F.sum(F.square(center), axis=1).expand_dims(0),
    )  # (batch_size, num_classes)
    return cross_entropy(F, logit, label)


class ClassWiseLoss(Loss):
    r"""Negative log posterior of the true class under equal isotropic Gaussians.

    .. math:: l_i = -\log
              \frac{\exp(-\frac{s}{2} |u_i - m_{y_i}|^2)}{\sum_c \exp(-\frac{s}{2} |u_i - m_c|^2)}

    Parameters
    ----------
    inv_variance : float
        :math:`s = 1/\sigma^2 > 0`, in squared code units.

    Inputs:
        - **code**: relaxed code u, float, shape (batch_size, num_bits).
        - **label**: class index in [0, num_classes), shape (batch_size,).
        - **center**: class centers m, float, shape (num_classes, num_bits); no gradient reaches
          them.

    Outputs:
        - **loss**: shape (batch_size,).

    Raises
    ------
    ValueError
        If ``inv_variance`` is not positive.

    Source
    ------
    arXiv:1901.11259, the loss of one level. The released code adds epsilons that kill the gradient
    far from the centers (see :class:`ReleasedClassWiseLoss`); this one is a log-softmax.
    """

    def __init__(self, inv_variance: float = 1.0) -> None:
        super().__init__(weight=None, batch_axis=0)
        self._inv_variance = _check_inv_variance("ClassWiseLoss", inv_variance)

    def hybrid_forward(self, F: ModuleType, code: Tensor, label: Tensor, center: Tensor) -> Tensor:
        return class_wise(F, code, label, F.stop_gradient(center), self._inv_variance)


class HierarchicalClassWiseLoss(Loss):
    r"""The class-wise losses of all levels, summed.

    .. math:: l_i = \sum_k w_k \, l^k_i

    Parameters
    ----------
    inv_variances : sequence of float, length K
        :math:`1/\sigma_k^2` per level, finest first.
    level_weights : sequence of float, length K, optional
        :math:`w_k`; 1 each by default, as in the paper. The weights are our option.

    Inputs:
        - **code**: relaxed code, float, shape (batch_size, num_bits).
        - **level_labels**: class index per level, shape (batch_size, K or more); further levels are
          not read.
        - **centers**: K arrays, the class centers of each level, float, shape
          (num_classes_k, num_bits).

    Outputs:
        - **loss**: shape (batch_size,).

    Raises
    ------
    ValueError
        If a variance is not positive, the numbers of levels differ, or not K centers come.
    """

    def __init__(
        self, inv_variances: Sequence[float], level_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(weight=None, batch_axis=0)
        if not inv_variances:
            raise ValueError(
                "HierarchicalClassWiseLoss: inv_variances is empty; give one value per level"
            )
        weights = [1.0] * len(inv_variances) if level_weights is None else list(level_weights)
        if len(weights) != len(inv_variances) or min(weights) < 0:
            raise ValueError(
                f"HierarchicalClassWiseLoss: expected {len(inv_variances)} level_weights >= 0, "
                f"one per inverse variance, got {weights}"
            )
        self._level_weights = weights
        with self.name_scope():
            self.level_losses = [ClassWiseLoss(inv_variance) for inv_variance in inv_variances]
            for loss in self.level_losses:
                self.register_child(loss)

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *centers: Tensor
    ) -> Tensor:
        total = 0.0
        for k, weighted in enumerate(self._parts(F, code, level_labels, centers)):
            total = total + term(f"level_{k}", weighted)
        return total

    def of_levels(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *centers: Tensor
    ) -> Tensor:
        """The weighted loss of each level, shape (batch_size, K); their sum is the loss."""
        return F.stack(*self._parts(F, code, level_labels, centers), axis=1)

    def _parts(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, centers: Sequence[Tensor]
    ) -> list[Tensor]:
        if len(centers) != len(self.level_losses):
            raise ValueError(
                f"HierarchicalClassWiseLoss: expected centers of {len(self.level_losses)} levels, "
                f"got {len(centers)}"
            )
        return [
            weight * loss(code, level_label(F, level_labels, k), center)
            for k, (loss, weight, center) in enumerate(
                zip(self.level_losses, self._level_weights, centers)
            )
        ]


class ReleasedClassWiseLoss(Loss):
    r"""The released code's epsilon form, to test parity and show its flaw; do not train on it.

    .. math:: l_i = -\log\left(\frac{n_{y_i}}{\sum_c n_c + \epsilon} + \epsilon\right), \quad
              n_c = \exp(-\frac{s}{2} |u_i - m_c|^2)

    Far from every center n underflows, the loss saturates at -log(epsilon) and its gradient
    vanishes.

    Parameters, Inputs, Outputs and Raises as :class:`ClassWiseLoss`.
    """

    def __init__(self, inv_variance: float = 1.0) -> None:
        super().__init__(weight=None, batch_axis=0)
        self._inv_variance = _check_inv_variance("ReleasedClassWiseLoss", inv_variance)

    def hybrid_forward(self, F: ModuleType, code: Tensor, label: Tensor, center: Tensor) -> Tensor:
        # |u - m|^2 as |u|^2 + |m|^2 - 2 u.m: no (batch_size, num_classes, num_bits) differences
        center = F.stop_gradient(center)
        squared_distance = F.broadcast_add(
            F.sum(F.square(code), axis=1, keepdims=True),
            F.sum(F.square(center), axis=1).expand_dims(0),
        ) - 2.0 * F.dot(code, center, transpose_b=True)  # (batch_size, num_classes)
        density = F.exp(-0.5 * self._inv_variance * squared_distance)
        posterior = F.pick(density, label, axis=1) / (F.sum(density, axis=1) + RELEASED_EPSILON)
        return -F.log(posterior + RELEASED_EPSILON)

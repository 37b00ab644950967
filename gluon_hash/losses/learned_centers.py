"""IDCWH and DCDH: class-wise losses whose centers are learned with the network.

Source: Zhe, Chen and Yan, "Deep Class-Wise Hashing", 2018 and its improvement (IDCWH); Zhang, Zhe, Chen and Yan, "Deep
Center-Based Dual-Constrained Hashing for Discriminative Face Image Retrieval", 2021 (DCDH).
"""
from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from mxnet.gluon.loss import Loss

from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint

if TYPE_CHECKING:
    from gluon_hash.runtime import Tensor

__all__ = ["DCDHLoss", "IDCWHLoss"]


def _class_wise(F: ModuleType, code: Tensor, label: Tensor, center: Tensor, inv_variance: float) -> Tensor:
    """ClassWiseLoss whose gradient reaches the centers."""
    logit = inv_variance * F.broadcast_sub(F.dot(code, center, transpose_b=True),
                                           0.5 * F.sum(F.square(center), axis=1).expand_dims(0))
    return -F.pick(F.log_softmax(logit, axis=1), label, axis=1)


class IDCWHLoss(Loss):
    r"""DCWH with learned centers.

    .. math:: l_i = -\log \mathrm{softmax}_c(-\tfrac{s}{2} |u_i - m_c|^2)_{y_i}
              + \frac{1}{L} (10 \, \mathrm{cubic}_i + 0.1 \, \mathrm{vertex}_i)

    Parameters
    ----------
    num_bits : int
    inv_variance : float
        s.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **center**: m, (num_classes, num_bits), from LearnedCenters.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``inv_variance`` is not positive.
    """

    def __init__(self, num_bits: int, *, inv_variance: float = 1.0) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1 or not inv_variance > 0:
            raise ValueError(f"IDCWHLoss: expected num_bits >= 1 and inv_variance > 0, got {num_bits}, {inv_variance}")
        self._num_bits, self._inv_variance = num_bits, inv_variance
        with self.name_scope():
            self.cubic, self.vertex = CubicConstraint(), VertexConstraint()

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor) -> Tensor:
        label = F.slice_axis(level_labels, axis=1, begin=0, end=1).reshape((-1,))
        return (_class_wise(F, code, label, center, self._inv_variance)
                + (10.0 * self.cubic(code) + 0.1 * self.vertex(code)) / self._num_bits)


class DCDHLoss(Loss):
    r"""Class-wise loss, centers that keep apart, and codes that a linear map from the labels explains.

    .. math:: l_i = -\log \mathrm{softmax}_c(-\tfrac{s}{2} |u_i - m_c|^2)_{y_i}
              + \mu \, \mathrm{mean}_{a \ne b} \log(1 + e^{\frac{L}{2} \cos(m_a, m_b)}) + \lambda |u_i - b_i|^2,
              \quad b_i = \mathrm{sign}(y_i W + 0.01 u_i)

    with W the least-squares map from the one-hot labels Y of the batch to sign(U): row c of W is the mean of the signs
    of class c in the batch.

    Parameters
    ----------
    num_bits : int
    inv_variance : float
        s; 0.25 in the paper.
    center_weight, discrete_weight : float
        mu, lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **center**: m, (num_classes, num_bits), from LearnedCenters.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``inv_variance`` is not positive.
    """

    def __init__(self, num_bits: int, *, inv_variance: float = 0.25, center_weight: float = 0.1,
                 discrete_weight: float = 0.01) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1 or not inv_variance > 0:
            raise ValueError(f"DCDHLoss: expected num_bits >= 1 and inv_variance > 0, got {num_bits}, {inv_variance}")
        self._num_bits, self._inv_variance = num_bits, inv_variance
        self._center_weight, self._discrete_weight = center_weight, discrete_weight

    def hybrid_forward(self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor) -> Tensor:
        column = F.slice_axis(level_labels, axis=1, begin=0, end=1)  # (batch_size, 1)
        label = column.reshape((-1,))
        unit = F.L2Normalization(center, mode="instance")
        cosine = F.dot(unit, unit, transpose_b=True)  # (num_classes, num_classes)
        index = F.contrib.arange_like(cosine, axis=1)
        different = 1.0 - F.broadcast_equal(index.expand_dims(0), index.expand_dims(1))
        apart = F.Activation(0.5 * self._num_bits * cosine, act_type="softrelu") * different
        apart = F.sum(apart) / F.maximum(F.sum(different), 1.0)  # one class: no pair
        same = F.broadcast_equal(column, column.reshape((1, -1)))
        sign = 2.0 * (code >= 0) - 1.0
        explained = F.broadcast_div(F.dot(same, sign), F.sum(same, axis=1, keepdims=True))  # Y W
        discrete = F.stop_gradient(2.0 * (explained + 0.01 * code >= 0) - 1.0)
        own = _class_wise(F, code, label, center, self._inv_variance)
        return F.broadcast_add(own + self._discrete_weight * F.sum(F.square(code - discrete), axis=1),
                               self._center_weight * apart.reshape((1,)))

"""IDCWH and DCDH: class-wise losses whose centers are learned with the network.

Source: Zhang and Yan, "Improved Deep Classwise Hashing with Centers Similarity Learning for Image
Retrieval", arXiv:2103.09442 (IDCWH), of which the learned centers are here and the two-step
learning of how similar they are is not; Zhang, Zhe, Chen and Yan, "Deep Center-Based
Dual-Constrained Hashing for Discriminative Face Image Retrieval", 2021 (DCDH).
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.class_wise import class_wise
from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint
from gluon_hash.losses.terms import check_weights, label_column, level_label, signs, term

__all__ = ["DCDHLoss", "IDCWHLoss"]


class IDCWHLoss(Loss):
    r"""DCWH with learned centers.

    .. math:: l_i = -\log \mathrm{softmax}_c(-\tfrac{s}{2} |u_i - m_c|^2)_{y_i}
              + \frac{1}{L} (10 \, \mathrm{cubic}_i + 0.1 \, \mathrm{vertex}_i)

    Parameters
    ----------
    num_bits : int
    inv_variance : float
        s.
    cubic_weight, vertex_weight : float
        The 10 and the 0.1 above.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **center**: m, (num_classes, num_bits), from LearnedCenters.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``inv_variance`` is not positive, or a weight is negative.
    """

    def __init__(
        self,
        num_bits: int,
        *,
        inv_variance: float = 1.0,
        cubic_weight: float = 10.0,
        vertex_weight: float = 0.1,
    ) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1 or not inv_variance > 0:
            raise ValueError(
                f"IDCWHLoss: expected num_bits >= 1 and inv_variance > 0, got {num_bits}, "
                f"{inv_variance}"
            )
        check_weights(self, cubic_weight=cubic_weight, vertex_weight=vertex_weight)
        self._inv_variance = inv_variance
        self._cubic_scale, self._vertex_scale = cubic_weight / num_bits, vertex_weight / num_bits
        with self.name_scope():
            self.cubic, self.vertex = CubicConstraint(), VertexConstraint()

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor
    ) -> Tensor:
        own = class_wise(F, code, level_label(F, level_labels), center, self._inv_variance)
        return (
            term("class_wise", own)
            + term("cubic", self._cubic_scale * self.cubic(code))
            + term("vertex", self._vertex_scale * self.vertex(code))
        )


class DCDHLoss(Loss):
    r"""Class-wise loss, centers that keep apart, and codes that the labels explain linearly.

    .. math:: l_i = -\log \mathrm{softmax}_c(-\tfrac{s}{2} |u_i - m_c|^2)_{y_i}
              + \mu \, \mathrm{mean}_{a \ne b} \log(1 + e^{\frac{L}{2} \cos(m_a, m_b)}) + \lambda
              |u_i - b_i|^2, \quad b_i = \mathrm{sign}(y_i W + 0.01 u_i)

    with W the least-squares map from the one-hot labels Y of the batch to sign(U): row c of W is
    the mean of the signs of class c.

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
        If ``num_bits`` or ``inv_variance`` is not positive, or a weight is negative.
    """

    def __init__(
        self,
        num_bits: int,
        *,
        inv_variance: float = 0.25,
        center_weight: float = 0.1,
        discrete_weight: float = 0.01,
    ) -> None:
        super().__init__(weight=None, batch_axis=0)
        if num_bits < 1 or not inv_variance > 0:
            raise ValueError(
                f"DCDHLoss: expected num_bits >= 1 and inv_variance > 0, got {num_bits}, "
                f"{inv_variance}"
            )
        check_weights(self, center_weight=center_weight, discrete_weight=discrete_weight)
        self._num_bits, self._inv_variance = num_bits, inv_variance
        self._center_weight, self._discrete_weight = center_weight, discrete_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, center: Tensor
    ) -> Tensor:
        unit = F.L2Normalization(center, mode="instance")
        cosine = F.dot(unit, unit, transpose_b=True)  # (num_classes, num_classes)
        index = F.contrib.arange_like(cosine, axis=1)
        different = F.broadcast_not_equal(index.expand_dims(0), index.expand_dims(1))
        apart = F.Activation(0.5 * self._num_bits * cosine, act_type="softrelu") * different
        apart = F.sum(apart) / F.maximum(F.sum(different), 1.0)  # one class: no pair
        column = label_column(F, level_labels, 0)
        same = F.broadcast_equal(
            column, column.reshape(shape=(1, -1))
        )  # (batch_size, batch_size): Y Y'
        explained = F.broadcast_div(
            F.dot(same, signs(F, code)), F.sum(same, axis=1, keepdims=True)
        )  # Y W
        discrete = signs(F, explained + 0.01 * code)
        own = class_wise(F, code, level_label(F, level_labels), center, self._inv_variance)
        quantized = self._discrete_weight * F.sum(F.square(code - discrete), axis=1)
        return F.broadcast_add(
            term("class_wise", own) + term("discrete", quantized),
            term("centers", self._center_weight * apart.reshape(shape=(1,))),
        )

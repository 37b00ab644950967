"""What keeps the leaves of soft trees independent and balanced, added to any loss.

Source: "Deep Supervised Hashing with Nonlinear Projections", IJCAI 2017, of which we have the
abstract: two regularizers on the parameter matrices of the leaves, so that bits are as independent
as possible. What the two are is ours.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import HybridBlock, Loss, Tensor
from gluon_hash.losses.terms import check_weights, term
from gluon_hash.nets.soft_trees import SoftTrees

__all__ = ["LeafPenalty"]


class LeafPenalty(Loss):
    r"""A loss, and what keeps the bits of soft trees' leaves independent and balanced.

    .. math:: l_i + \lambda \, \Big( \mathrm{mean}_{a \ne b} \cos^2(\theta_{\cdot a},
              \theta_{\cdot b}) + \mathrm{mean}_a \, (\mathrm{mean}_l \, \theta_{la})^2 \Big)

    Parameters
    ----------
    loss : HybridBlock
        l.
    trees : SoftTrees
        Whose leaves theta are penalised.
    weight : float
        lambda.

    Inputs:
        - Those of ``loss``.

    Outputs:
        - **loss**: shape (batch_size,).

    Raises
    ------
    ValueError
        If the weight is negative.
    """

    def __init__(self, loss: HybridBlock, trees: SoftTrees, weight: float) -> None:
        super().__init__(weight=None, batch_axis=0, params=trees.params)
        check_weights(self, weight=weight)
        self._lambda, self.loss = weight, loss
        self.leaves = self.params.get("leaves")  # those of the trees

    def hybrid_forward(self, F: ModuleType, *inputs: Tensor, leaves: Tensor) -> Tensor:
        unit = F.L2Normalization(leaves.transpose(), mode="instance")  # (num_outputs, leaves)
        cosine = F.dot(unit, unit, transpose_b=True)
        index = F.contrib.arange_like(cosine, axis=1)
        different = F.broadcast_not_equal(index.expand_dims(0), index.expand_dims(1))
        alike = F.sum(F.square(cosine) * different) / F.maximum(F.sum(different), 1.0)
        uneven = F.mean(F.square(F.mean(leaves, axis=0)))
        penalty = term("leaves", self._lambda * (alike + uneven).reshape(shape=(1,)))
        return F.broadcast_add(self.loss(*inputs), penalty)

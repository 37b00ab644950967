"""Soft decision trees as the projection from features to a relaxed code.

Source: "Deep Supervised Hashing with Nonlinear Projections", IJCAI 2017, of which we have the
abstract: soft decision trees as projections that are trained with the network, and two regularizers
on the parameter matrices of their leaves (gluon_hash.losses.LeafPenalty). The form of the trees, as
in Kontschieder et al., "Deep Neural Decision Forests", ICCV 2015, and all numbers are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from gluon_hash.engine import HybridBlock, Tensor, init, nn

__all__ = ["SoftTrees", "Trees"]


class SoftTrees(HybridBlock):
    r"""The mean over trees of the leaves that an image reaches, by how likely it reaches them.

    .. math:: u = \frac{1}{T} \sum_t \sum_l \mu_{tl}(x) \, \theta_{tl}, \quad
              \mu_{tl} = \prod_{n \, \text{above} \, l} \sigma(w_{tn} x + b_{tn})
              \; \text{or} \; 1 - \sigma(w_{tn} x + b_{tn})

    Parameters
    ----------
    num_features, num_outputs : int
    depth : int
        Of each tree: 2^depth leaves.
    num_trees : int
        T.

    Attributes
    ----------
    leaves : Parameter
        theta, shape (num_trees * 2^depth, num_outputs).

    Inputs:
        - **feature**: x, float, shape (batch_size, num_features).

    Outputs:
        - **code**: u, float, shape (batch_size, num_outputs).
    """

    def __init__(self, num_features: int, num_outputs: int, depth: int, num_trees: int) -> None:
        super().__init__()
        self._depth, self._num_trees = depth, num_trees
        with self.name_scope():
            self.routes = nn.Dense(
                num_trees * (2**depth - 1),
                in_units=num_features,
                weight_initializer=init.Xavier(),
            )
            self.leaves = self.params.get(
                "leaves", shape=(num_trees * 2**depth, num_outputs), init=init.Normal(1.0)
            )

    def hybrid_forward(self, F: ModuleType, feature: Tensor, leaves: Tensor) -> Tensor:
        left = F.sigmoid(self.routes(feature)).reshape(shape=(0, self._num_trees, -1))
        root = F.slice_axis(left, axis=2, begin=0, end=1)  # (B, T, 1)
        reached = F.concat(root, 1.0 - root, dim=2)
        for level in range(1, self._depth):
            nodes = F.slice_axis(left, axis=2, begin=2**level - 1, end=2 ** (level + 1) - 1)
            reached = F.concat(reached * nodes, reached * (1.0 - nodes), dim=2)  # twice as many
        reached = reached.reshape(shape=(0, -1)) / self._num_trees  # (B, T * 2^depth)
        return F.dot(reached, leaves)


@dataclass(frozen=True)
class Trees:
    """What soft trees are made of.

    Parameters
    ----------
    depth, count : int
        Levels of decisions in a tree, and trees.

    Raises
    ------
    ValueError
        If a number is not positive.
    """

    depth: int
    count: int

    def __post_init__(self) -> None:
        if self.depth < 1 or self.count < 1:
            raise ValueError(f"Trees: expected depth, count >= 1, got {self.depth}, {self.count}")

    def layer(self, num_features: int, num_outputs: int) -> SoftTrees:
        """The block; named in the scope that is open."""
        return SoftTrees(num_features, num_outputs, self.depth, self.count)

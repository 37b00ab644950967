"""HashingNet: features, and the layer that makes a relaxed code of them.

Source: arXiv:1901.11259: the last layer of a ResNet is replaced by a linear one with num_bits
outputs; no tanh, no sigmoid. The code is the sign of its output
(gluon_hash.retrieval.codes.packing).
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from gluon_hash.engine import HybridBlock, Tensor, init, nd, nn

if TYPE_CHECKING:
    from gluon_hash.nets.backbones import Backbone

__all__ = ["HashingNet", "Standardize"]


class Standardize(HybridBlock):
    r"""Scale each feature to mean 0 and standard deviation 1, by statistics that never train.

    .. math:: y_j = (x_j - \mu_j) \, r_j

    Parameters
    ----------
    num_features : int

    Inputs:
        - **feature**: float, shape (batch_size, num_features).

    Outputs:
        - **out**: the same shape.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        with self.name_scope():
            self.mean = self.params.get(
                "mean", shape=(num_features,), init="zeros", grad_req="null"
            )
            self.inv_std = self.params.get(
                "inv_std", shape=(num_features,), init="ones", grad_req="null"
            )

    def set_statistics(self, mean: np.ndarray, std: np.ndarray) -> None:
        """Set mean and deviation, float (num_features,); a constant feature is only shifted."""
        self.mean.set_data(nd.array(mean))
        self.inv_std.set_data(nd.array(1.0 / np.where(std > 0, std, 1.0)))

    def hybrid_forward(
        self, F: ModuleType, feature: Tensor, mean: Tensor, inv_std: Tensor
    ) -> Tensor:
        centered = F.broadcast_sub(feature, mean.expand_dims(0))
        return F.broadcast_mul(centered, inv_std.expand_dims(0))


class HashingNet(HybridBlock):
    """Image -> relaxed code.

    Parameters
    ----------
    features : Backbone
        (batch_size, 3, height, width) -> (batch_size, num_features).
    num_bits : int
        Length of the code.
    neck : HybridBlock, optional
        Between the two; keeps the shape (Standardize).
    hidden : bool
        A hidden layer of num_features units with ReLU before the hash layer: a nonlinear
        projection.

    Attributes
    ----------
    features : Backbone
    head : HybridSequential
        The neck and the hidden layer, if any, and the hash layer: (batch_size, num_features) ->
        (batch_size, num_bits).

    Inputs:
        - **image**: float, shape (batch_size, 3, height, width).

    Outputs:
        - **code**: relaxed code, float, shape (batch_size, num_bits).

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive.
    """

    def __init__(
        self,
        features: Backbone,
        num_bits: int,
        *,
        neck: HybridBlock | None = None,
        hidden: bool = False,
        prefix: str | None = None,
    ) -> None:
        super().__init__(prefix=prefix)
        if num_bits < 1:
            raise ValueError(f"HashingNet: num_bits must be >= 1, got {num_bits}")
        self.num_bits = num_bits
        with self.name_scope():
            self.features = features
            self.head = nn.HybridSequential(prefix="head_")
            with self.head.name_scope():
                if neck is not None:
                    self.head.add(neck)
                if hidden:
                    self.head.add(
                        nn.Dense(
                            features.num_features,
                            activation="relu",
                            in_units=features.num_features,
                            weight_initializer=init.Xavier(magnitude=2),
                        )
                    )
                self.head.add(
                    nn.Dense(
                        num_bits, in_units=features.num_features, weight_initializer=init.Xavier()
                    )
                )

    def hybrid_forward(self, F: ModuleType, image: Tensor) -> Tensor:
        return self.head(self.features(image))

"""HashingNet: features, and the layer that makes a relaxed code of them.

Source: arXiv:1901.11259: the last layer of a ResNet is replaced by a linear one with num_bits
outputs; no tanh, no sigmoid. The code is the sign of its output
(gluon_hash.retrieval.codes.packing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np

from gluon_hash.engine import HybridBlock, Tensor, init, nd, nn

if TYPE_CHECKING:
    from gluon_hash.nets.backbones import Backbone
    from gluon_hash.nets.soft_trees import Trees

__all__ = ["HashingNet", "Hidden", "Standardize", "StandardizeRoots"]


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

    def on_arrays(self) -> Callable[[np.ndarray], None]:
        """What does the same, bit for bit, in place: with float32 arrays (N, num_features).

        A pass over features by a linear head takes two thirds of the time with it.
        """
        mean, inv_std = (value.list_data()[0].asnumpy() for value in (self.mean, self.inv_std))

        def standardize(features: np.ndarray) -> None:
            np.subtract(features, mean, out=features)
            np.multiply(features, inv_std, out=features)

        return standardize

    def hybrid_forward(
        self, F: ModuleType, feature: Tensor, mean: Tensor, inv_std: Tensor
    ) -> Tensor:
        centered = F.broadcast_sub(feature, mean.expand_dims(0))
        return F.broadcast_mul(centered, inv_std.expand_dims(0))


class StandardizeRoots(Standardize):
    r"""As Standardize, of the square roots of the features, which keep their signs.

    .. math:: y_j = (\mathrm{sign}(x_j) \sqrt{|x_j|} - \mu_j) \, r_j

    Source: Perronnin, Sanchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image
    Classification", ECCV 2010: a few large features then do not outweigh many small ones.
    """

    def on_arrays(self) -> Callable[[np.ndarray], None]:
        """As of Standardize."""
        standardize = super().on_arrays()

        def standardize_roots(features: np.ndarray) -> None:
            below = np.sqrt(np.maximum(-features, 0))
            np.sqrt(np.maximum(features, 0, out=features), out=features)
            np.subtract(features, below, out=features)
            standardize(features)

        return standardize_roots

    def hybrid_forward(
        self, F: ModuleType, feature: Tensor, mean: Tensor, inv_std: Tensor
    ) -> Tensor:
        root = F.sqrt(F.relu(feature)) - F.sqrt(F.relu(-feature))
        return super().hybrid_forward(F, root, mean, inv_std)


@dataclass(frozen=True)
class Hidden:
    """A hidden layer with ReLU.

    Parameters
    ----------
    num_units : int, optional
        Default: as many as features.
    batch_norm : bool
        Before the ReLU.
    dropout : float
        Fraction of its units that are 0 in a step of training.

    Raises
    ------
    ValueError
        If ``num_units`` is not positive, or ``dropout`` not in [0, 1).
    """

    num_units: int | None = None
    batch_norm: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if (self.num_units is not None and self.num_units < 1) or not 0 <= self.dropout < 1:
            raise ValueError(
                f"Hidden: expected num_units >= 1 and 0 <= dropout < 1, got {self.num_units} and "
                f"{self.dropout}"
            )

    def layers(self, num_features: int) -> list[HybridBlock]:
        """The layers, in order; named in the scope that is open."""
        normal = {"in_units": num_features, "weight_initializer": init.Xavier(magnitude=2)}
        num_units = self.num_units or num_features
        made: list[HybridBlock]
        if self.batch_norm:
            made = [nn.Dense(num_units, use_bias=False, **normal)]
            made += [nn.BatchNorm(in_channels=num_units), nn.Activation("relu")]
        else:
            made = [nn.Dense(num_units, activation="relu", **normal)]
        return [*made, nn.Dropout(self.dropout)] if self.dropout else made


def _last(
    width: int, num_outputs: int, trees: Trees | None, hash_init: Literal["xavier", "uniform"]
) -> HybridBlock:
    """The last layer."""
    if trees is not None:
        return trees.layer(width, num_outputs)
    bound = init.Uniform(width**-0.5)
    drawn = {"weight_initializer": bound, "bias_initializer": bound}
    if hash_init == "xavier":
        drawn = {"weight_initializer": init.Xavier()}
    return nn.Dense(num_outputs, in_units=width, **drawn)


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
    hidden : Hidden, optional
        A hidden layer before the last one: a nonlinear projection.
    num_outputs : int, optional
        Of the last layer; default: num_bits. Others are read as codes by what ``decode_with`` adds.
    trees : Trees, optional
        Soft decision trees as the last layer, in place of a linear one.
    hash_init : {"xavier", "uniform"}
        What a linear last layer is drawn from: Xavier's rule, with a bias of 0; or, weights and
        bias, uniformly from +-1 / sqrt(inputs), as PyTorch does (HPDH's released code).

    Attributes
    ----------
    features : Backbone
    head : HybridSequential
        The neck and the hidden layer, if any, the last layer, and what decodes its outputs, if
        anything does: (batch_size, num_features) -> (batch_size, num_bits).

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
        hidden: Hidden | None = None,
        num_outputs: int | None = None,
        trees: Trees | None = None,
        hash_init: Literal["xavier", "uniform"] = "xavier",
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
                width = features.num_features
                if hidden is not None:
                    self.head.add(*hidden.layers(width))
                    width = hidden.num_units or width
                self.head.add(_last(width, num_outputs or num_bits, trees, hash_init))

    def decode_with(self, decoder: HybridBlock) -> None:
        """Put a block, outputs of the last layer -> relaxed code, at the end of the head."""
        with self.head.name_scope():
            self.head.add(decoder)

    def hybrid_forward(self, F: ModuleType, image: Tensor) -> Tensor:
        return self.head(self.features(image))

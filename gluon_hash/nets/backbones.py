"""ResNet features: (B, 3, height, width) -> (B, num_features), from GluonCV's definitions.

Source: He et al. 2015 (v1), 2016 (v2). v1b has the stride in the 3x3 convolution, as torchvision's
ResNets do; v1 in the first 1x1, as Keras-Applications' do.
"""

from __future__ import annotations

import difflib
from types import ModuleType

from gluon_hash.engine import HybridBlock, Tensor, nn

__all__ = ["BACKBONES", "Backbone", "FeatureInput", "get_backbone"]

BACKBONES = tuple(
    [
        f"resnet{depth}_{version}"
        for depth in (18, 34, 50, 101, 152)
        for version in ("v1", "v1b", "v2")
    ]
    + [f"cifar_resnet{depth}_{version}" for depth in (20, 56, 110) for version in ("v1", "v2")]
)


class Backbone(HybridBlock):
    """A network without its classifier.

    Parameters
    ----------
    name : str
        One of BACKBONES.

    Attributes
    ----------
    num_features : int
        Length of the pooled feature.

    Inputs:
        - **image**: float, shape (batch_size, 3, height, width).

    Outputs:
        - **feature**: float, shape (batch_size, num_features).

    Raises
    ------
    ValueError
        If there is no such backbone; names the nearest ones.
    """

    def __init__(self, name: str, prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        if name not in BACKBONES:
            near = difflib.get_close_matches(name, BACKBONES, n=3)
            raise ValueError(
                f"no backbone {name!r}; "
                f"{'did you mean ' + ', '.join(near) if near else 'there are'}"
                f"{'' if near else ' ' + ', '.join(BACKBONES)}"
            )
        from gluoncv.model_zoo import (
            get_model,  # imports MXNet itself, so it comes after the engine
        )

        with self.name_scope():
            network = get_model(name, pretrained=False, prefix="")
            self.body = nn.HybridSequential(prefix="")
            for layer in _layers(network, name):
                self.body.add(layer)
            self.pool = nn.HybridSequential(prefix="")
            self.pool.add(nn.GlobalAvgPool2D(), nn.Flatten())
        self.num_features: int = (network.fc if name.endswith("v1b") else network.output)._in_units

    def hybrid_forward(self, F: ModuleType, image: Tensor) -> Tensor:
        return self.pool(self.body(image))


class FeatureInput(HybridBlock):
    """In place of a backbone: the input is features already, of another framework, say.

    Parameters
    ----------
    num_features : int

    Inputs:
        - **feature**: float, shape (batch_size, num_features).

    Outputs:
        - **feature**: the same.

    Raises
    ------
    ValueError
        If ``num_features`` is not positive.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"FeatureInput: num_features must be >= 1, got {num_features}")
        self.num_features = num_features

    def hybrid_forward(self, F: ModuleType, feature: Tensor) -> Tensor:
        return feature


def get_backbone(name: str) -> Backbone:
    """The backbone ``name``, not initialised; ValueError with the nearest names if unknown."""
    return Backbone(name)


def _layers(network: HybridBlock, name: str) -> list[HybridBlock]:
    """The layers up to the global pooling, in order."""
    if name.endswith("v1b"):
        return [
            getattr(network, layer)
            for layer in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        ]
    return [
        layer
        for layer in network.features
        if not isinstance(layer, (nn.GlobalAvgPool2D, nn.Flatten))
    ]

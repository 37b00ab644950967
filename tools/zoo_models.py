"""The networks of the zoo: what each is trained with, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MODELS", "ZooModel"]

CIFAR = {
    "data": "CIFAR-100",
    "source": "Krizhevsky, Learning multiple layers of features from tiny images, 2009; "
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    "licence": "the data set has no licence text, its authors ask for the citation; the weights "
    "are under this package's licence, Apache-2.0",
}
LIMITS = (
    "It knows the 100 classes of CIFAR-100. Images of others get codes too, which may be near "
    "each other or not; unseen classes were not measured.",
    "Queries and training images come from one collection; on other images expect less.",
)


@dataclass(frozen=True)
class ZooModel:
    """A network of the zoo.

    Parameters
    ----------
    name : str
        What commands call it.
    config : str
        A file of configs/.
    recipe : str
        How it is trained, in words; {epochs} and {seed} are filled in.
    cost : str
        Of making it.
    settings : sequence of str
        "section.key=value", changes of the configuration.
    backbone, features : bool
        Whether pretrained weights, and cached features, are made first.
    comes_along : bool
        Whether its files are in zoo/; the others are too large for the repository.
    limits : sequence of str
        Beside those of all.
    """

    name: str
    config: str
    recipe: str
    cost: str
    settings: Sequence[str] = ()
    backbone: bool = False
    features: bool = False
    comes_along: bool = False
    limits: Sequence[str] = ()


MODELS = (
    ZooModel(
        "resnet20_cifar100_48",
        "cifar100_resnet20_expected_codeword_48",
        "ResNet-20 from scratch at 32 px, {epochs} epochs in bfloat16, seed {seed}",
        "20 minutes, one core",
        comes_along=True,
        limits=(
            "It sees 32 x 32 pixels: what is larger is shrunk, and details are lost.",
            "A small network, trained for a short time on a CPU: for trying commands, not for use.",
        ),
    ),
    ZooModel(
        "resnet50_head_cifar100_48",
        "cifar100_features_expected_codeword_48",
        "a frozen ResNet-50 (ImageNet) at 96 px, a hidden layer on its features, {epochs} epochs, "
        "seed {seed}",
        "20 minutes, one core",
        backbone=True,
        features=True,
    ),
    ZooModel(
        "resnet50_hpdh_cifar100_48",
        "cifar100_features_hpdh_48",
        "a frozen ResNet-50 (ImageNet) at 96 px, a linear layer on its features, {epochs} epochs, "
        "seed {seed}",
        "10 minutes, one core",
        backbone=True,
        features=True,
    ),
    ZooModel(
        "resnet50_64px_cifar100_48",
        "cifar100_resnet50_64px_48",
        "every layer of a ResNet-50 (ImageNet) at 64 px, {epochs} epochs, seed {seed}",
        "an hour, two cores",
        backbone=True,
    ),
)

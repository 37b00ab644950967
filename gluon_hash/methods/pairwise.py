"""Methods over pairs of images: DPSH, DHN, HashNet, DSDH, DSH, DCH, DQN, SHDH."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.memory import solvers
from gluon_hash.methods.memory.base import InOrder, Memory, PerEpoch
from gluon_hash.methods.memory.codes import ImageCodes
from gluon_hash.methods.method import Task, level_weights_field, paper
from gluon_hash.methods.of_pairs import OfPairs, Remembering

__all__ = ["DCH", "DHN", "DPSH", "DQN", "DSDH", "DSH", "SHDH", "HashNet"]


class DPSH(Remembering):
    """The likelihood of pairs with remembered codes.

    Source: Li, Wang and Kang, IJCAI 2016.
    """

    name: Literal["dpsh"] = "dpsh"
    quantization_weight: float = Field(
        paper(losses.DPSHLoss, "quantization_weight"),
        ge=0,
        description="of the distance to the nearest vertex",
    )
    memory_size: int = Field(
        4096, ge=1, description="codes remembered, at most one an image (ours)"
    )

    def loss(self, task: Task) -> HybridBlock:
        """DPSHLoss."""
        return losses.DPSHLoss(self.weights(task), quantization_weight=self.quantization_weight)

    def memory(self, task: Task) -> Memory:
        """The latest codes."""
        return self.remembered(task)


class DHN(Remembering):
    """The likelihood of pairs, with a smooth quantisation.

    Source: Zhu, Long, Wang and Cao, AAAI 2016.
    """

    name: Literal["dhn"] = "dhn"
    quantization_weight: float = Field(
        paper(losses.DHNLoss, "quantization_weight"),
        ge=0,
        description="of the smooth distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DHNLoss."""
        return losses.DHNLoss(self.weights(task), quantization_weight=self.quantization_weight)

    def memory(self, task: Task) -> Memory:
        """The latest codes."""
        return self.remembered(task)


class HashNet(Remembering):
    """Weighted pairs under tanh, whose scale grows.

    Source: Cao, Long, Wang and Yu, ICCV 2017.
    """

    name: Literal["hashnet"] = "hashnet"
    alpha_bits: float = Field(10.0, gt=0, description="alpha is this over L")
    epochs_per_step: float = Field(
        20.0, gt=0, description="epochs after which beta = sqrt(epoch // epochs_per_step + 1) grows"
    )

    def loss(self, task: Task) -> HybridBlock:
        """HashNetLoss."""
        return losses.HashNetLoss(self.weights(task), alpha=self.alpha_bits / task.num_bits)

    def memory(self, task: Task) -> Memory:
        """Beta of the epoch, and the latest codes."""

        def beta(epoch: int) -> np.ndarray:
            return np.array([[math.sqrt(epoch // self.epochs_per_step + 1)]])

        return PerEpoch(beta, self.remembered(task))


class DSDH(Remembering):
    """Pairs, and discrete codes of all images solved for between epochs.

    Source: Li, Sun, He and Tan, NIPS 2017.
    """

    name: Literal["dsdh"] = "dsdh"
    discrete_weight: float = Field(
        paper(losses.DSDHLoss, "discrete_weight"),
        ge=0,
        description="of the distance to the discrete codes",
    )
    mu: float = Field(1.0, gt=0, description="of the classifier's error on the discrete codes")
    nu: float = Field(0.1, gt=0, description="of the classifier's norm")
    eta: float | None = Field(
        None,
        ge=0,
        description="of the distance of discrete codes to outputs, without it what it "
        "weighs in the loss, discrete_weight / L (the paper has 55, with which they are sign(u))",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DSDHLoss."""
        return losses.DSDHLoss(self.weights(task), discrete_weight=self.discrete_weight)

    def memory(self, task: Task) -> Memory:
        """A discrete code for every training image, and the latest codes."""
        eta = self.discrete_weight / task.num_bits if self.eta is None else self.eta

        def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
            return solvers.cyclic_coordinate_descent(
                codes,
                labels,
                previous,
                num_classes=task.num_classes[0],
                mu=self.mu,
                nu=self.nu,
                eta=eta,
            )

        discrete = ImageCodes(task.ids, task.num_bits, solve)
        return InOrder(discrete, self.remembered(task), "recent")


class DSH(OfPairs):
    """Contrastive pairs.

    Source: Liu, Wang, Shan and Chen, CVPR 2016.
    """

    name: Literal["dsh"] = "dsh"
    margin_per_bit: float = Field(
        paper(losses.DSHLoss, "margin_per_bit"),
        gt=0,
        description="m / L: the squared distance from which dissimilar images cost nothing",
    )
    quantization_weight: float = Field(
        paper(losses.DSHLoss, "quantization_weight"),
        ge=0,
        description="of the distance to the nearest vertex, for each image of a pair",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DSHLoss."""
        return losses.DSHLoss(
            task.num_bits,
            self.weights(task),
            margin_per_bit=self.margin_per_bit,
            quantization_weight=self.quantization_weight,
        )


class DCH(OfPairs):
    """The Cauchy likelihood of pairs.

    Source: Cao, Long, Liu and Wang, CVPR 2018.
    """

    name: Literal["dch"] = "dch"
    gamma: float = Field(
        paper(losses.DCHLoss, "gamma"), gt=0, description="scale of the distances, in bits"
    )
    quantization_weight: float = Field(
        paper(losses.DCHLoss, "quantization_weight"),
        ge=0,
        description="of the angle to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DCHLoss."""
        return losses.DCHLoss(
            task.num_bits,
            self.weights(task),
            gamma=self.gamma,
            quantization_weight=self.quantization_weight,
        )


class DQN(OfPairs):
    """Cosines of pairs, and product quantisation between epochs, by which it is ranked.

    Source: Cao, Long, Wang, Zhu and Wen, AAAI 2016.
    """

    distance: ClassVar[str] = "asymmetric"
    name: Literal["dqn"] = "dqn"
    quantization_weight: float = Field(
        paper(losses.DQNLoss, "quantization_weight"),
        ge=0,
        description="of what product quantisation loses",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DQNLoss."""
        return losses.DQNLoss(self.weights(task), quantization_weight=self.quantization_weight)

    def memory(self, task: Task) -> Memory:
        """What a byte for every 8 outputs keeps of each training image, as it is searched."""
        if task.num_bits % 8:
            raise ValueError(
                f"net.num_bits: dqn keeps a byte for every 8 outputs, got {task.num_bits}; set a "
                "multiple of 8"
            )

        def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
            return solvers.product_reconstruction(
                codes, num_parts=task.num_bits // 8, seed=task.seed
            )

        return ImageCodes(task.ids, task.num_bits, solve)


class SHDH(OfPairs):
    """Pairs on a segment of the code for each level, ranked by weighted segments.

    Source: Wang, Huang, Lu, Feng, Wen, Nie and Mao, AAAI 2018, arXiv:1704.02088.
    """

    distance: ClassVar[str] = "weighted"
    graded: ClassVar[bool] = True
    name: Literal["shdh"] = "shdh"
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")
    quantization_weight: float = Field(
        paper(losses.SHDHLoss, "quantization_weight"),
        ge=0,
        description="of the smooth distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """SHDHLoss."""
        return losses.SHDHLoss(
            task.num_bits,
            task.num_levels,
            self.weights(task),
            quantization_weight=self.quantization_weight,
        )

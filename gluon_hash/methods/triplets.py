"""Methods over triplets of images: DTSH and the two that are called DSRH."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.method import Task, level_weights_field, paper
from gluon_hash.methods.of_pairs import OfPairs
from gluon_hash.nets.heads import Classifier

__all__ = ["DSRH", "DTSH", "DSRHYao"]


class DTSH(OfPairs):
    """The likelihood of triplets.

    Source: Wang, Shi and Kitani, ACCV 2016.
    """

    name: Literal["dtsh"] = "dtsh"
    margin_per_bit: float = Field(
        paper(losses.DTSHLoss, "margin_per_bit"),
        ge=0,
        description="m / L: by how much u_i.u_p should exceed u_i.u_n",
    )
    quantization_weight: float = Field(
        paper(losses.DTSHLoss, "quantization_weight"),
        ge=0,
        description="of the distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DTSHLoss."""
        return losses.DTSHLoss(
            task.num_bits,
            self.weights(task),
            margin_per_bit=self.margin_per_bit,
            quantization_weight=self.quantization_weight,
        )


class DSRH(OfPairs):
    """Triplets weighted by how many levels are shared.

    Source: Zhao, Huang, Wang and Tan, CVPR 2015.
    """

    graded: ClassVar[bool] = True
    name: Literal["dsrh"] = "dsrh"
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")
    margin: float = Field(
        paper(losses.DSRHLoss, "margin"),
        gt=0,
        description="rho: by how much u_i.u_p / L should exceed u_i.u_n / L",
    )
    quantization_weight: float = Field(
        paper(losses.DSRHLoss, "quantization_weight"),
        ge=0,
        description="of the distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DSRHLoss."""
        return losses.DSRHLoss(
            task.num_bits,
            task.num_levels,
            self.weights(task),
            margin=self.margin,
            quantization_weight=self.quantization_weight,
        )


class DSRHYao(OfPairs):
    """Triplets in order, and a classifier.

    Source: Yao, Long, Mei and Rui, IJCAI 2016; the numbers are ours.
    """

    name: Literal["dsrh_yao"] = "dsrh_yao"
    margin: float = Field(
        paper(losses.DSRHYaoLoss, "margin"),
        gt=0,
        description="rho: by how much u_i.u_p / L should exceed u_i.u_n / L",
    )
    softmax_weight: float = Field(
        paper(losses.DSRHYaoLoss, "softmax_weight"),
        ge=0,
        description="of the classifier's cross-entropy",
    )
    quantization_weight: float = Field(
        paper(losses.DSRHYaoLoss, "quantization_weight"),
        ge=0,
        description="of the distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DSRHYaoLoss."""
        return losses.DSRHYaoLoss(
            task.num_bits,
            self.weights(task),
            margin=self.margin,
            softmax_weight=self.softmax_weight,
            quantization_weight=self.quantization_weight,
        )

    def head(self, task: Task) -> Classifier:
        """Of the finest classes."""
        return Classifier(task.num_bits, task.num_classes[:1])

"""Methods over triplets of images: DTSH and DSRH."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.method import Task, level_weights_field, paper
from gluon_hash.methods.pairwise import OfPairs

__all__ = ["DSRH", "DTSH"]


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

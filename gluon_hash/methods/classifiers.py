"""Methods that train a classifier on the code: GreedyHash, SSDH, softmax heads of every level."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.method import (
    Method,
    Task,
    beyond_the_finest,
    level_weights_field,
    paper,
)
from gluon_hash.nets.heads import Classifier

__all__ = ["SSDH", "GreedyHash", "Softmax"]


class GreedyHash(Method):
    """A classifier that reads the signs, with the gradient passed straight through.

    Source: Su, Zhang, Han and Tian, NeurIPS 2018.
    """

    mixes: ClassVar[bool] = True
    name: Literal["greedyhash"] = "greedyhash"
    penalty_weight: float = Field(
        paper(losses.GreedyHashLoss, "penalty_weight"),
        ge=0,
        description="of the cubed distance to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """GreedyHashLoss."""
        return losses.GreedyHashLoss(penalty_weight=self.penalty_weight)

    def head(self, task: Task) -> Classifier:
        """Of the finest classes, without bias."""
        return Classifier(task.num_bits, task.num_classes[:1], reads="sign", use_bias=False)


class SSDH(Method):
    """A classifier that reads sigmoids, which are pushed to 0 and 1 in equal numbers.

    Source: Yang, Lin and Chen, TPAMI 2018.
    """

    mixes: ClassVar[bool] = True
    name: Literal["ssdh"] = "ssdh"
    binarization_weight: float = Field(
        paper(losses.SSDHLoss, "binarization_weight"),
        ge=0,
        description="of the push of the sigmoids to 0 and 1",
    )
    balance_weight: float = Field(
        paper(losses.SSDHLoss, "balance_weight"),
        ge=0,
        description="of the push to as many ones as zeros",
    )

    def loss(self, task: Task) -> HybridBlock:
        """SSDHLoss."""
        return losses.SSDHLoss(
            binarization_weight=self.binarization_weight, balance_weight=self.balance_weight
        )

    def head(self, task: Task) -> Classifier:
        """Of the finest classes."""
        return Classifier(task.num_bits, task.num_classes[:1], reads="sigmoid")


class Softmax(Method):
    """Coarse and fine softmax heads: a classifier of every level that reads the code."""

    missing_labels: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    name: Literal["softmax"] = "softmax"
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")

    def uses_hierarchy(self) -> bool:
        """Where a level above the finest is classified too."""
        return beyond_the_finest(self.level_weights, otherwise=True)

    def loss(self, task: Task) -> HybridBlock:
        """LevelSoftmaxLoss with a weight for each level."""
        weights = self.level_weights or [1.0] * task.num_levels
        if len(weights) != task.num_levels:
            raise ValueError(
                f"loss.level_weights: expected {task.num_levels} values, got {len(weights)}"
            )
        return losses.LevelSoftmaxLoss(weights)

    def head(self, task: Task) -> Classifier:
        """Of the classes of every level."""
        return Classifier(task.num_bits, task.num_classes)

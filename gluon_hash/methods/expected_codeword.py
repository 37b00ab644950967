"""A classifier whose expected codeword is the code (ours)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.binary_targets import BinaryTargets, Targets, targets_field
from gluon_hash.methods.memory.base import FixedTargets, Memory
from gluon_hash.methods.method import (
    Codewords,
    Task,
    beyond_the_finest,
    level_weights_field,
)

__all__ = ["ExpectedCodeword"]


class ExpectedCodeword(BinaryTargets):
    """The codeword that is expected of a classifier's probabilities (ours)."""

    outputs: ClassVar[Literal["code", "logits"]] = "logits"
    missing_labels: ClassVar[bool] = True
    name: Literal["expected_codeword"] = "expected_codeword"
    targets: Targets = targets_field("annealed")
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")
    spread: float = Field(
        0.4,
        ge=0,
        lt=1,
        description="thresholds of the bits are evenly spaced between minus this and this: at 0 "
        "every bit is that of the classes with more than half of the probability",
    )

    def uses_hierarchy(self) -> bool:
        """By its targets, or the losses of the levels."""
        return super().uses_hierarchy() or beyond_the_finest(self.level_weights, otherwise=True)

    def loss(self, task: Task) -> HybridBlock:
        """ExpectedCodewordLoss with a weight for each level."""
        weights = self.level_weights or [1.0] * task.num_levels
        if len(weights) != task.num_levels:
            raise ValueError(
                f"loss.level_weights: expected {task.num_levels} values, got {len(weights)}"
            )
        return losses.ExpectedCodewordLoss(weights)

    def memory(self, task: Task) -> Memory:
        """The ancestors of each finest class, if there are levels above; no codewords."""
        if task.num_levels == 1:
            return Memory()
        return FixedTargets([task.hierarchy.ancestors.T.astype(np.float32)])

    def codewords(self, task: Task) -> Codewords:
        """The targets, and evenly spaced thresholds for the bits in random order.

        Evenly spaced from each length of ``nested`` to the next, so that they are up to each.
        """
        rng, counts = task.rng(), np.diff([0, *self.lengths(task)])
        steps = [(2 * rng.permutation(count) + 1) / count - 1 for count in counts.tolist()]
        thresholds = self.spread * np.concatenate(steps)
        return Codewords(self.placed(task), thresholds.astype(np.float32))

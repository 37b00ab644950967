"""A classifier whose expected codeword is the code (ours)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from gluon_hash import losses, nets
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.binary_targets import BinaryTargets, targets_field
from gluon_hash.methods.memory.base import FixedTargets, Memory
from gluon_hash.methods.method import Task, level_weights_field

__all__ = ["ExpectedCodeword"]


class ExpectedCodeword(BinaryTargets):
    """The codeword that is expected of a classifier's probabilities (ours)."""

    outputs: ClassVar[Literal["code", "logits"]] = "logits"
    missing_labels: ClassVar[bool] = True
    name: Literal["expected_codeword"] = "expected_codeword"
    targets: Literal["hadamard", "balanced", "tree", "annealed"] = targets_field("annealed")
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")
    temperature: float = Field(
        1.5,
        gt=0,
        description="what the outputs are divided by when a code is made of them: above 1 less "
        "likely classes have more of a say",
    )

    def loss(self, task: Task) -> HybridBlock:
        """ExpectedCodewordLoss with a weight for each level."""
        weights = self.level_weights or [1.0] * task.num_levels
        if len(weights) != task.num_levels:
            raise ValueError(
                f"loss.level_weights: expected {task.num_levels} values, got {len(weights)}"
            )
        return losses.ExpectedCodewordLoss(weights)

    def decoder(self, num_classes: int, num_bits: int) -> nets.ExpectedCodeword:
        """Expected codewords at the temperature."""
        return nets.ExpectedCodeword(num_classes, num_bits, temperature=self.temperature)

    def memory(self, task: Task) -> Memory:
        """The ancestors of each finest class; the loss does not see the codewords."""
        return FixedTargets([task.hierarchy.ancestors.T.astype(np.float32)])

    def codewords(self, task: Task) -> np.ndarray:
        """The targets."""
        return self.placed(task)

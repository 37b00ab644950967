"""Methods that pull codes to binary targets, which may follow the tree: CSQ, DPN, OrthoHash."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.memory import targets as placed
from gluon_hash.methods.memory.annealed import annealed_targets
from gluon_hash.methods.memory.annealing import stretches
from gluon_hash.methods.memory.base import FixedTargets, Memory
from gluon_hash.methods.memory.semantic import class_similarity, ridge_scores, semantic_targets
from gluon_hash.methods.method import Method, Task, paper

__all__ = ["CSQ", "DPN", "BinaryTargets", "OrthoHash", "Targets", "targets_field"]

Targets = Literal["hadamard", "balanced", "tree", "annealed", "semantic"]


def targets_field(default: str) -> Any:
    """The field ``targets``."""
    return Field(
        default,
        description="hadamard: rows of a Hadamard matrix (the papers); balanced: random; tree: a "
        "child is its parent's target with some bits flipped (ours); annealed: distances that "
        "increase with the level at which two classes meet (ours); semantic: the nearer, the more "
        "a linear classifier takes one for the other (SHC's centers)",
    )


class BinaryTargets(Method):
    """A binary target for each finest class: the memory of these methods."""

    mixes: ClassVar[bool] = True
    targets: Targets = targets_field("hadamard")
    flipped: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="fraction of the bits flipped from a parent to a child, of targets: tree "
        f"alone; without it {placed.FLIPPED:g}",
    )
    nested: tuple[int, ...] | None = Field(
        None,
        description="lengths to which codes can be cut, such as [16, 32]: the first so many bits "
        "of the targets are targets of that length; of targets: annealed and semantic alone",
    )

    @model_validator(mode="after")
    def _fits_the_targets(self) -> BinaryTargets:
        if self.flipped is not None and self.targets != "tree":
            raise ValueError(f"flipped is for targets: tree alone, got targets: {self.targets}")
        if self.nested and self.targets not in ("annealed", "semantic"):
            raise ValueError(
                f"nested is for targets: annealed and semantic alone, got targets: {self.targets}"
            )
        if self.nested and any(end <= start for start, end in stretches(self.nested)):
            raise ValueError(
                f"nested: expected lengths in ascending order, 1 or more, got {list(self.nested)}"
            )
        return self

    def uses_hierarchy(self) -> bool:
        """Where relatives' targets are near each other."""
        return self.targets in ("tree", "annealed")

    def memory(self, task: Task) -> Memory:
        """The targets, drawn from the seed."""
        return FixedTargets([self.placed(task)])

    def placed(self, task: Task) -> np.ndarray:
        """The targets, drawn from the seed: float32 in {-1, +1}, shape (num_classes[0], L)."""
        tree, counts, num_bits = task.hierarchy.parents, task.num_classes, task.num_bits
        *nested, _ = self.lengths(task)
        if self.targets == "tree":
            flipped = placed.FLIPPED if self.flipped is None else self.flipped
            return placed.tree_targets(tree, counts, num_bits, task.rng(), flipped)
        if self.targets == "annealed":
            return annealed_targets(tree, counts, num_bits, task.rng(), nested)
        if self.targets == "semantic":
            if task.features is None:
                raise ValueError("targets: semantic needs the features of the training images")
            similarity = class_similarity(*ridge_scores(*task.features(), counts[0]))
            return semantic_targets(similarity, num_bits, task.rng(), nested)
        draw = {"hadamard": placed.hadamard_targets, "balanced": placed.balanced_targets}
        return draw[self.targets](counts[0], num_bits, task.rng())

    def lengths(self, task: Task) -> list[int]:
        """Those of ``nested``, and num_bits; ValueError unless it is the longest."""
        lengths = [*(self.nested or ()), task.num_bits]
        if max(lengths[:-1], default=0) >= task.num_bits:
            raise ValueError(
                f"loss.nested: expected lengths below net.num_bits, {task.num_bits}, got "
                f"{lengths[:-1]}"
            )
        return lengths


class CSQ(BinaryTargets):
    """Cross-entropy of every bit against the target.

    Source: Yuan et al., CVPR 2020.
    """

    name: Literal["csq"] = "csq"
    quantization_weight: float = Field(
        paper(losses.CSQLoss, "quantization_weight"),
        ge=0,
        description="of the smooth distance of tanh(u) to the nearest vertex",
    )

    def loss(self, task: Task) -> HybridBlock:
        """CSQLoss."""
        return losses.CSQLoss(quantization_weight=self.quantization_weight)


class DPN(BinaryTargets):
    """A hinge for every bit.

    Source: Fan, Ng, Ju, Zhang and Chan, IJCAI 2020.
    """

    name: Literal["dpn"] = "dpn"
    margin: float = Field(
        paper(losses.DPNLoss, "margin"),
        gt=0,
        description="how far an output should be on its target's side of 0",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DPNLoss."""
        return losses.DPNLoss(margin=self.margin)


class OrthoHash(BinaryTargets):
    """A softmax of the cosines to the targets, with a margin.

    Source: Hoe et al., NeurIPS 2021.
    """

    name: Literal["orthohash"] = "orthohash"
    margin: float = Field(
        paper(losses.OrthoHashLoss, "margin"),
        ge=0,
        description="what is taken off the cosine to the own target",
    )
    scale: float | None = Field(
        None, gt=0, description="of the cosines in the softmax; without it sqrt(L)"
    )

    def loss(self, task: Task) -> HybridBlock:
        """OrthoHashLoss."""
        return losses.OrthoHashLoss(task.num_bits, margin=self.margin, scale=self.scale)

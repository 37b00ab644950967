"""Methods that pull codes to binary targets, which may follow the tree: CSQ, DPN, OrthoHash."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.memory import targets as placed
from gluon_hash.methods.memory.base import FixedTargets, Memory
from gluon_hash.methods.method import Method, Task, paper

__all__ = ["CSQ", "DPN", "BinaryTargets", "OrthoHash"]


class BinaryTargets(Method):
    """A binary target for each finest class: the memory of these methods."""

    targets: Literal["hadamard", "balanced", "tree"] = Field(
        "hadamard",
        description="hadamard: rows of a Hadamard matrix (the papers); balanced: random; tree: a "
        "child is its parent's target with some bits flipped (ours)",
    )
    flipped: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="fraction of the bits flipped from a parent to a child, of targets: tree "
        f"alone; without it {placed.FLIPPED:g}",
    )

    @model_validator(mode="after")
    def _flips_in_a_tree(self) -> BinaryTargets:
        if self.flipped is not None and self.targets != "tree":
            raise ValueError(f"flipped is for targets: tree alone, got targets: {self.targets}")
        return self

    def memory(self, task: Task) -> Memory:
        """The targets, drawn from the seed."""
        if self.targets == "tree":
            flipped = placed.FLIPPED if self.flipped is None else self.flipped
            tree, counts = task.hierarchy.parents, task.num_classes
            return FixedTargets(
                [placed.tree_targets(tree, counts, task.num_bits, task.rng(), flipped)]
            )
        draw = {"hadamard": placed.hadamard_targets, "balanced": placed.balanced_targets}
        return FixedTargets([draw[self.targets](task.num_classes[0], task.num_bits, task.rng())])


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

    def loss(self, task: Task) -> HybridBlock:
        """OrthoHashLoss."""
        return losses.OrthoHashLoss(task.num_bits, margin=self.margin)

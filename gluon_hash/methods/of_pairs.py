"""What methods over pairs or triplets have in common: grades of pairs, a memory of codes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gluon_hash.methods.memory.base import Memory
from gluon_hash.methods.memory.codes import RecentCodes
from gluon_hash.methods.method import Method, Task, beyond_the_finest, level_weights_field

__all__ = ["OfPairs", "Remembering"]


class OfPairs(Method):
    """Methods over pairs or triplets of a batch.

    Among many classes a shuffled batch has next to no pairs that are similar, so it is drawn by
    classes.
    """

    sampler: ClassVar[Literal["shuffled", "classes"]] = "classes"
    graded: ClassVar[bool] = False  # by every level alike, without level_weights
    level_weights: tuple[float, ...] | None = level_weights_field(
        "the finest level alone, as in the papers; with it pairs are graded by the hierarchy (ours)"
    )

    def uses_hierarchy(self) -> bool:
        """Where pairs are graded by it."""
        return beyond_the_finest(self.level_weights, otherwise=self.graded)

    def weights(self, task: Task) -> tuple[float, ...] | None:
        """``level_weights``; ValueError if there are more than levels."""
        weights = self.level_weights
        if weights is not None and len(weights) > task.num_levels:
            raise ValueError(
                f"loss.level_weights: {self.name} uses {task.num_levels} levels "
                f"({', '.join(task.hierarchy.level_names)}), got {len(weights)} values; give at "
                "most one per level, finest first"
            )
        return weights


class Remembering(OfPairs):
    """Methods over pairs of a batch with a memory of codes, as published implementations have it.

    The memory holds similar images of every class, so that the batch need not: it is shuffled.
    """

    memory_size: int | None = Field(
        4096,
        ge=1,
        description="codes remembered, at most one an image (ours); null: the pairs are those of "
        "the batch",
    )

    def best_sampler(self) -> Literal["shuffled", "classes"]:
        """Shuffled with a memory."""
        return self.sampler if self.memory_size is None else "shuffled"

    def remembered(self, task: Task) -> Memory:
        """The latest codes."""
        if self.memory_size is None:
            return Memory()
        size = min(self.memory_size, len(task.ids))
        return RecentCodes(size, task.num_bits, task.num_levels)

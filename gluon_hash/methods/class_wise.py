"""Methods with a class-wise loss: HPDH, DCWH, HPDH from coarse to fine; IDCWH and DCDH."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods.memory import centers
from gluon_hash.methods.memory.annealed import annealed_targets
from gluon_hash.methods.memory.base import Memory, PerEpoch
from gluon_hash.methods.memory.center_memory import (
    CenterMemory,
    InferenceRefresh,
    RunningRefresh,
)
from gluon_hash.methods.method import (
    Method,
    Task,
    beyond_the_finest,
    level_weights_field,
    paper,
)
from gluon_hash.nets.heads import LearnedCenters

__all__ = ["DCDH", "DCWH", "HPDH", "HPDHCoarseToFine", "IDCWH", "default_inv_variances"]

# 1/sigma^2 of the released code for two levels (CIFAR-100) and four (NABirds); those of one and
# three levels, and what follows at a greater depth, are ours.
INV_VARIANCES = {1: (1.0,), 2: (1.0, 0.5), 3: (1.0, 0.67, 0.5), 4: (1.0, 0.67, 0.5, 0.25)}


def default_inv_variances(num_levels: int) -> tuple[float, ...]:
    """1/sigma^2 for each of ``num_levels`` levels, finest first.

    >>> default_inv_variances(2), default_inv_variances(6)
    ((1.0, 0.5), (1.0, 0.67, 0.5, 0.25, 0.25, 0.25))
    """
    deepest = INV_VARIANCES[max(INV_VARIANCES)]
    return INV_VARIANCES.get(num_levels, deepest + deepest[-1:] * (num_levels - len(deepest)))


class _Constrained(Method):
    """The constraints that keep a code near the vertices of the cube."""

    cubic_weight: float = Field(
        paper(losses.HPDHLoss, "cubic_weight"), ge=0, description="of the cubic constraint, over L"
    )
    vertex_weight: float = Field(
        paper(losses.HPDHLoss, "vertex_weight"),
        ge=0,
        description="of the vertex constraint, over L",
    )


class _ClassMeans(_Constrained):
    """Class-wise losses whose centers are class means."""

    inv_variances: tuple[float, ...] | None = Field(
        None,
        description="1/sigma^2 per level, finest first; without it (1, 0.5) for two levels, "
        "(1, 0.67, 0.5) for three, (1, 0.67, 0.5, 0.25) for four, 0.25 at every further one",
    )
    level_weights: tuple[float, ...] | None = level_weights_field("1 each")
    initial_centers: Literal["random", "hierarchical", "annealed"] = Field(
        "random",
        description="random: N(0, 1) at every level (released code); hierarchical: child near "
        "parent (ours); annealed: those targets, a parent the mean of its children (ours)",
    )
    center_refresh: Literal["inference", "running"] = Field(
        "inference",
        description="inference: one more pass after the epoch; running: the epoch's own codes "
        "(ours)",
    )
    keep_initial_epochs: int = Field(
        1, ge=1, description="epochs trained on the initial centers (ours beyond 1)"
    )

    @field_validator("inv_variances")
    @classmethod
    def _positive(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None and (not values or min(values) <= 0):
            raise ValueError(f"expected values > 0 (1/sigma^2), got {list(values)}")
        return values

    def uses_hierarchy(self) -> bool:
        """Of more levels than the finest; or where centers start by the tree."""
        weighed = beyond_the_finest(self.level_weights, otherwise=True)
        return self.levels_used != 1 and (weighed or self.initial_centers != "random")

    def loss(self, task: Task) -> HybridBlock:
        """HPDHLoss with a value for each level of the task."""
        return losses.HPDHLoss(**self._numbers(task))

    def memory(self, task: Task) -> Memory:
        """Class centers of every level of the task."""
        counts, parents = task.num_classes, task.hierarchy.parents
        if self.initial_centers == "random":
            initial = centers.random_centers(counts, task.num_bits, task.rng())
        elif self.initial_centers == "hierarchical":
            initial = centers.hierarchical_centers(parents, counts, task.num_bits, task.rng())
        else:
            targets = annealed_targets(parents, counts, task.num_bits, task.rng())
            initial = centers.parent_centers(targets, parents)
        refresh = (
            InferenceRefresh(task.encode, counts[0])
            if self.center_refresh == "inference"
            else RunningRefresh(counts[0], task.num_bits, task.contexts)
        )
        return CenterMemory(initial, parents, refresh, keep_initial_epochs=self.keep_initial_epochs)

    def _numbers(self, task: Task) -> dict[str, Any]:
        """The arguments of the loss; what is given for more levels is cut where one is used."""
        variances = self.inv_variances or default_inv_variances(task.num_levels)
        weights = self.level_weights
        if task.num_levels == 1:
            variances, weights = variances[:1], weights[:1] if weights else None
        if len(variances) != task.num_levels:
            raise ValueError(
                f"loss.inv_variances: the hierarchy has {task.num_levels} levels "
                f"({', '.join(task.hierarchy.level_names)}), got {len(variances)} values; give one "
                "per level, finest first"
            )
        if weights is not None and len(weights) != task.num_levels:
            raise ValueError(
                f"loss.level_weights: {self.name} uses {task.num_levels} levels "
                f"({', '.join(task.hierarchy.level_names)}), got {len(weights)} values; give one "
                "per level, finest first"
            )
        return {
            "num_bits": task.num_bits,
            "inv_variances": variances,
            "level_weights": weights,
            "cubic_weight": self.cubic_weight,
            "vertex_weight": self.vertex_weight,
        }


class HPDH(_ClassMeans):
    """Class-wise losses of all levels, with class means as centers.

    Source: Zhang et al. 2019, arXiv:1901.11259.
    """

    name: Literal["hpdh"] = "hpdh"


class DCWH(_ClassMeans):
    """HPDH with the finest level alone.

    Source: Zhe, Chen and Yan 2018, Deep Class-Wise Hashing.
    """

    levels_used: ClassVar[int | None] = 1
    name: Literal["dcwh"] = "dcwh"


class HPDHCoarseToFine(_ClassMeans):
    """HPDH whose levels enter one after another, the coarsest first (ours)."""

    epochs_compare: ClassVar[bool] = False  # the loss grows with every level that enters
    name: Literal["hpdh_coarse_to_fine"] = "hpdh_coarse_to_fine"
    epochs_per_level: float = Field(5.0, gt=0, description="epochs after which a level enters")

    def loss(self, task: Task) -> HybridBlock:
        """CoarseToFineHPDHLoss with a value for each level of the task."""
        return losses.CoarseToFineHPDHLoss(**self._numbers(task))

    def memory(self, task: Task) -> Memory:
        """Which levels have entered, and the class centers."""
        num_levels = task.num_levels

        def active(epoch: int) -> np.ndarray:
            num_entered = 1 + int(epoch / self.epochs_per_level)
            return np.array([[float(k >= num_levels - num_entered) for k in range(num_levels)]])

        return PerEpoch(active, super().memory(task))


class IDCWH(_Constrained):
    """DCWH with centers that are learned.

    Source: Zhang and Yan 2021, arXiv:2103.09442; its two-step learning of how similar centers are
    is not built.
    """

    levels_used: ClassVar[int | None] = 1
    name: Literal["idcwh"] = "idcwh"
    inv_variance: float = Field(0.25, gt=0, description="1/sigma^2 (DCDH's)")

    def loss(self, task: Task) -> HybridBlock:
        """IDCWHLoss."""
        return losses.IDCWHLoss(
            task.num_bits,
            inv_variance=self.inv_variance,
            cubic_weight=self.cubic_weight,
            vertex_weight=self.vertex_weight,
        )

    def head(self, task: Task) -> LearnedCenters:
        """Centers of the finest level."""
        return LearnedCenters(task.num_bits, task.num_classes[:1])


class DCDH(Method):
    """A class-wise loss with learned centers that keep apart.

    Source: Zhang et al. 2021, Deep Center-Based Dual-Constrained Hashing.
    """

    levels_used: ClassVar[int | None] = 1
    name: Literal["dcdh"] = "dcdh"
    inv_variance: float = Field(
        paper(losses.DCDHLoss, "inv_variance"), gt=0, description="1/sigma^2"
    )
    center_weight: float = Field(
        paper(losses.DCDHLoss, "center_weight"),
        ge=0,
        description="of the term that keeps centers apart",
    )
    discrete_weight: float = Field(
        paper(losses.DCDHLoss, "discrete_weight"),
        ge=0,
        description="of the distance to the discrete codes",
    )

    def loss(self, task: Task) -> HybridBlock:
        """DCDHLoss."""
        return losses.DCDHLoss(
            task.num_bits,
            inv_variance=self.inv_variance,
            center_weight=self.center_weight,
            discrete_weight=self.discrete_weight,
        )

    def head(self, task: Task) -> LearnedCenters:
        """Centers of the finest level."""
        return LearnedCenters(task.num_bits, task.num_classes[:1])

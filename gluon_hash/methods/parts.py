"""Loss, memory and head of each method, built from a configuration: centers, targets,
classifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash import losses
from gluon_hash.engine import gluon, mx
from gluon_hash.experiment.config import Config
from gluon_hash.hierarchy import Hierarchy, similarity
from gluon_hash.methods.memory import centers
from gluon_hash.methods.memory import targets as placed_targets
from gluon_hash.methods.memory.base import CenterMemory, FixedTargets, Memory, Nothing, PerEpoch
from gluon_hash.methods.memory.refresh import InferenceRefresh, RunningRefresh
from gluon_hash.nets import heads

__all__ = [
    "Parts",
    "Task",
    "check_positive",
    "csq",
    "dcdh",
    "dpn",
    "embedding",
    "embedding_softmax",
    "greedyhash",
    "hpdh",
    "hpdh_coarse_to_fine",
    "idcwh",
    "orthohash",
    "softmax",
    "ssdh",
]

TARGETS = {"hadamard": placed_targets.hadamard_targets, "balanced": placed_targets.balanced_targets}


@dataclass(frozen=True)
class Task:
    """What a method is built for."""

    config: Config
    levels: Hierarchy  # those that the method uses
    ids: np.ndarray  # of the training images
    contexts: Sequence[mx.Context]
    encode: Callable[
        [], tuple[np.ndarray, np.ndarray]
    ]  # codes and fine labels of the training images, anew

    @property
    def num_bits(self) -> int:
        return self.config.net.num_bits

    @property
    def num_classes(self) -> tuple[int, ...]:
        return tuple(self.levels.num_classes)

    @property
    def level_weights(self) -> list[float] | None:
        return self.config.loss.level_weights

    @property
    def rng(self) -> np.random.RandomState:
        return np.random.RandomState(self.config.training.seed)


@dataclass(frozen=True)
class Parts:
    """Loss, what it remembers, and a head beside the code if it has one."""

    loss: gluon.HybridBlock
    memory: Memory
    head: gluon.Block | None = None


def hpdh(task: Task) -> Parts:
    """HPDH and, on one level, DCWH."""
    return Parts(losses.HPDHLoss(**_class_wise_numbers(task)), _center_memory(task))


def hpdh_coarse_to_fine(task: Task, epochs_per_level: float) -> Parts:
    """HPDH whose levels enter one after another."""
    num_levels = task.levels.num_levels
    check_positive("epochs_per_level", epochs_per_level)
    if task.config.training.monitor == "loss":
        raise ValueError(
            "training.monitor: the loss of hpdh_coarse_to_fine grows with every level that enters, "
            "so the "
            "lowest is not the best; set map or mahp (measured on held-out images)"
        )

    def active(
        epoch: int,
    ) -> np.ndarray:  # the coarsest level from the start, one more every epochs_per_level
        entered = 1 + int(epoch / epochs_per_level)
        return np.array([[float(k >= num_levels - entered) for k in range(num_levels)]])

    return Parts(
        losses.CoarseToFineHPDHLoss(**_class_wise_numbers(task)),
        PerEpoch(active, _center_memory(task)),
    )


def idcwh(task: Task, inv_variance: float) -> Parts:
    """IDCWH: learned centers."""
    given = task.config.loss
    return Parts(
        losses.IDCWHLoss(
            task.num_bits,
            inv_variance=inv_variance,
            cubic_weight=given.cubic_weight,
            vertex_weight=given.vertex_weight,
        ),
        Nothing(),
        heads.LearnedCenters(task.num_bits, task.num_classes[:1]),
    )


def dcdh(task: Task, inv_variance: float, center_weight: float, discrete_weight: float) -> Parts:
    """DCDH: learned centers that keep apart."""
    loss = losses.DCDHLoss(
        task.num_bits,
        inv_variance=inv_variance,
        center_weight=center_weight,
        discrete_weight=discrete_weight,
    )
    return Parts(loss, Nothing(), heads.LearnedCenters(task.num_bits, task.num_classes[:1]))


def csq(task: Task, targets: str, flipped: float, quantization_weight: float) -> Parts:
    """CSQ: binary targets."""
    return Parts(
        losses.CSQLoss(quantization_weight=quantization_weight),
        _binary_targets(task, targets, flipped),
    )


def dpn(task: Task, targets: str, flipped: float, margin: float) -> Parts:
    """DPN: binary targets with a margin."""
    return Parts(losses.DPNLoss(margin=margin), _binary_targets(task, targets, flipped))


def orthohash(task: Task, targets: str, flipped: float, margin: float) -> Parts:
    """OrthoHash: binary targets under a cosine softmax."""
    return Parts(
        losses.OrthoHashLoss(task.num_bits, margin=margin), _binary_targets(task, targets, flipped)
    )


def greedyhash(task: Task, penalty_weight: float) -> Parts:
    """GreedyHash: a classifier that reads the signs."""
    return Parts(
        losses.GreedyHashLoss(penalty_weight=penalty_weight),
        Nothing(),
        heads.Classifier(task.num_bits, task.num_classes[:1], reads="sign", use_bias=False),
    )


def ssdh(task: Task, binarization_weight: float, balance_weight: float) -> Parts:
    """SSDH: a classifier that reads sigmoids."""
    return Parts(
        losses.SSDHLoss(binarization_weight=binarization_weight, balance_weight=balance_weight),
        Nothing(),
        heads.Classifier(task.num_bits, task.num_classes[:1], reads="sigmoid"),
    )


def softmax(task: Task) -> Parts:
    """Classifiers of every level."""
    weights = task.level_weights or [1.0] * task.levels.num_levels
    if len(weights) != task.levels.num_levels:
        raise ValueError(
            f"loss.level_weights: expected {task.levels.num_levels} values, got {len(weights)}"
        )
    return Parts(
        losses.LevelSoftmaxLoss(weights),
        Nothing(),
        heads.Classifier(task.num_bits, task.num_classes),
    )


def embedding(task: Task) -> Parts:
    """Barz and Denzler's class embeddings."""
    return Parts(losses.EmbeddingLoss(), _embeddings(task))


def embedding_softmax(task: Task, softmax_weight: float) -> Parts:
    """The same with a classifier."""
    return Parts(
        losses.EmbeddingSoftmaxLoss(softmax_weight=softmax_weight),
        _embeddings(task),
        heads.Classifier(task.num_bits, task.num_classes[:1]),
    )


def check_positive(option: str, value: float) -> None:
    """ValueError, naming the option, unless its value is positive."""
    if not value > 0:
        raise ValueError(f"loss.options.{option}: expected a value > 0, got {value:g}")


def _center_memory(task: Task) -> CenterMemory:
    given, counts = task.config.centers, task.num_classes
    initial = (
        centers.random_centers(counts, task.num_bits, task.rng)
        if given.initial == "random"
        else centers.hierarchical_centers(task.levels.parents, counts, task.num_bits, task.rng)
    )
    refresh = (
        InferenceRefresh(task.encode, counts[0])
        if given.refresh == "inference"
        else RunningRefresh(counts[0], task.num_bits, task.contexts)
    )
    return CenterMemory(
        initial, task.levels.parents, refresh, keep_initial_epochs=given.keep_initial_epochs
    )


def _class_wise_numbers(task: Task) -> dict[str, Any]:
    given, num_levels = task.config.loss, task.levels.num_levels
    variances = given.inv_variances[:1] if num_levels == 1 else given.inv_variances
    weights = (
        given.level_weights[:1] if given.level_weights and num_levels == 1 else given.level_weights
    )
    if len(variances) != num_levels:
        raise ValueError(
            f"loss.inv_variances: the hierarchy has {num_levels} levels "
            f"({', '.join(task.levels.level_names)}), got {len(variances)} values; give one per "
            "level, "
            "finest first"
        )
    return {
        "num_bits": task.num_bits,
        "inv_variances": variances,
        "level_weights": weights,
        "cubic_weight": given.cubic_weight,
        "vertex_weight": given.vertex_weight,
    }


def _binary_targets(task: Task, placed: str, flipped: float) -> FixedTargets:
    if placed != "tree" and "flipped" in task.config.loss.options:
        raise ValueError(f"loss.options.flipped: is of targets: tree alone, got targets: {placed}")
    if placed == "tree":
        found = placed_targets.tree_targets(
            task.levels.parents, task.num_classes, task.num_bits, task.rng, flipped
        )
    elif placed in TARGETS:
        found = TARGETS[placed](task.num_classes[0], task.num_bits, task.rng)
    else:
        raise ValueError(
            f"loss.options.targets: expected one of {', '.join(TARGETS)}, tree, got {placed!r}"
        )
    return FixedTargets([found])


def _embeddings(task: Task) -> FixedTargets:
    return FixedTargets(
        [
            placed_targets.class_embeddings(
                similarity.lcs_height(task.levels), task.num_bits, task.rng
            )
        ]
    )

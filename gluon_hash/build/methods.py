"""The one table from method names to losses, heads and memories; docs/methods.md says what each is."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence, Union

import mxnet as mx
import numpy as np
from mxnet import gluon

from gluon_hash import losses
from gluon_hash.config import Config
from gluon_hash.hierarchy import Hierarchy, similarity
from gluon_hash.nets import heads
from gluon_hash.training import centers, discrete, targets
from gluon_hash.training.code_memory import ImageCodes, RecentCodes
from gluon_hash.training.memory import CenterMemory, FixedTargets, Memory, Nothing, PerEpoch
from gluon_hash.training.refresh import InferenceRefresh, RunningRefresh

__all__ = ["METHODS", "Method", "Parts", "Task", "build_parts"]

Option = Union[float, str]


@dataclass(frozen=True)
class Task:
    """What a method is built for."""

    config: Config
    levels: Hierarchy  # those that the method uses
    ids: np.ndarray  # of the training images
    contexts: Sequence[mx.Context]
    encode: Callable[[], tuple[np.ndarray, np.ndarray]]  # codes and fine labels of the training images, anew

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
    head: gluon.HybridBlock | None = None


@dataclass(frozen=True)
class Method:
    """How to build a method; ``options`` are its numbers with their defaults; ``levels`` 1: the finest alone.

    ``search`` is a name of gluon_hash.build.search.SEARCHES: how the paper ranks. ``sampler`` is what
    training.sampler: auto means for it. With ``missing_labels`` an image may lack its finest labels (-1).
    """

    build: Callable[..., Parts]
    options: Mapping[str, Option]
    levels: int | None = None
    search: str = "hamming"
    sampler: str = "shuffled"
    missing_labels: bool = False


def build_parts(task: Task) -> Parts:
    """The parts of the configuration's method.

    Raises
    ------
    ValueError
        If loss.options names something that the method does not have, or its numbers do not fit.
    """
    name, given = task.config.loss.name, task.config.loss.options
    method = METHODS[name]
    unknown = sorted(set(given) - set(method.options))
    if unknown:
        raise ValueError(f"loss.options: {name} has no {unknown[0]!r}; it has {', '.join(method.options) or 'none'}")
    for option, value in given.items():
        if isinstance(value, str) != isinstance(method.options[option], str):
            raise ValueError(f"loss.options.{option}: expected a value like {method.options[option]!r}, got {value!r}")
    weights, num_levels = task.level_weights or [], task.levels.num_levels
    if len(weights) > num_levels:
        raise ValueError(f"loss.level_weights: {name} uses {num_levels} levels ({', '.join(task.levels.level_names)}), "
                         f"got {len(weights)} values; give at most one per level, finest first")
    return method.build(task, **{**method.options, **given})


def _check_positive(option: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"loss.options.{option}: expected a value > 0, got {value:g}")


def _center_memory(task: Task) -> CenterMemory:
    given, counts = task.config.centers, task.num_classes
    initial = (centers.random_centers(counts, task.num_bits, task.rng) if given.initial == "random"
               else centers.hierarchical_centers(task.levels.parents, counts, task.num_bits, task.rng))
    refresh = (InferenceRefresh(task.encode, counts[0]) if given.refresh == "inference"
               else RunningRefresh(counts[0], task.num_bits, task.contexts))
    return CenterMemory(initial, task.levels.parents, refresh, keep_initial_epochs=given.keep_initial_epochs)


def _class_wise_numbers(task: Task) -> dict[str, Any]:
    given, num_levels = task.config.loss, task.levels.num_levels
    variances = given.inv_variances[:1] if num_levels == 1 else given.inv_variances
    weights = given.level_weights[:1] if given.level_weights and num_levels == 1 else given.level_weights
    if len(variances) != num_levels:
        raise ValueError(f"loss.inv_variances: the hierarchy has {num_levels} levels "
                         f"({', '.join(task.levels.level_names)}), got {len(variances)} values; give one per level, "
                         "finest first")
    return {"num_bits": task.num_bits, "inv_variances": variances, "level_weights": weights,
            "cubic_weight": given.cubic_weight, "vertex_weight": given.vertex_weight}


def _hpdh(task: Task) -> Parts:
    return Parts(losses.HPDHLoss(**_class_wise_numbers(task)), _center_memory(task))


def _hpdh_coarse_to_fine(task: Task, epochs_per_level: float) -> Parts:
    num_levels = task.levels.num_levels
    _check_positive("epochs_per_level", epochs_per_level)

    def active(epoch: int) -> np.ndarray:  # the coarsest level from the start, one more every epochs_per_level
        entered = 1 + int(epoch / epochs_per_level)
        return np.array([[float(k >= num_levels - entered) for k in range(num_levels)]])

    return Parts(losses.CoarseToFineHPDHLoss(**_class_wise_numbers(task)), PerEpoch(active, _center_memory(task)))


def _idcwh(task: Task, inv_variance: float) -> Parts:
    given = task.config.loss
    return Parts(losses.IDCWHLoss(task.num_bits, inv_variance=inv_variance, cubic_weight=given.cubic_weight,
                                  vertex_weight=given.vertex_weight), Nothing(),
                 heads.LearnedCenters(task.num_bits, task.num_classes[:1]))


def _dcdh(task: Task, inv_variance: float, center_weight: float, discrete_weight: float) -> Parts:
    loss = losses.DCDHLoss(task.num_bits, inv_variance=inv_variance, center_weight=center_weight,
                           discrete_weight=discrete_weight)
    return Parts(loss, Nothing(), heads.LearnedCenters(task.num_bits, task.num_classes[:1]))


def _dpsh(task: Task, quantization_weight: float, memory_size: float) -> Parts:
    loss = losses.DPSHLoss(task.level_weights, quantization_weight=quantization_weight)
    return Parts(loss, RecentCodes(min(int(memory_size), len(task.ids)), task.num_bits, task.levels.num_levels))


def _dhn(task: Task, quantization_weight: float) -> Parts:
    return Parts(losses.DHNLoss(task.level_weights, quantization_weight=quantization_weight), Nothing())


def _hashnet(task: Task, alpha_bits: float, epochs_per_step: float) -> Parts:
    _check_positive("epochs_per_step", epochs_per_step)

    def beta(epoch: int) -> np.ndarray:
        return np.array([[math.sqrt(epoch // epochs_per_step + 1)]])

    return Parts(losses.HashNetLoss(task.level_weights, alpha=alpha_bits / task.num_bits), PerEpoch(beta))


def _dsdh(task: Task, discrete_weight: float, mu: float, nu: float, eta: float) -> Parts:
    def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        return discrete.cyclic_coordinate_descent(codes, labels, previous, num_classes=task.num_classes[0], mu=mu,
                                                  nu=nu, eta=eta)

    return Parts(losses.DSDHLoss(task.level_weights, discrete_weight=discrete_weight),
                 ImageCodes(task.ids, task.num_bits, solve))


def _dqn(task: Task, quantization_weight: float, bits_per_part: float) -> Parts:
    if bits_per_part < 1 or task.num_bits % bits_per_part:
        raise ValueError(f"loss.options.bits_per_part: {task.num_bits} bits do not divide into parts of "
                         f"{bits_per_part:g}")
    parts = int(task.num_bits / bits_per_part)

    def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        return discrete.product_reconstruction(codes, num_parts=parts, seed=task.config.training.seed)

    return Parts(losses.DQNLoss(task.level_weights, quantization_weight=quantization_weight),
                 ImageCodes(task.ids, task.num_bits, solve))


def _dsh(task: Task, margin_per_bit: float, quantization_weight: float) -> Parts:
    return Parts(losses.DSHLoss(task.num_bits, task.level_weights, margin_per_bit=margin_per_bit,
                                quantization_weight=quantization_weight), Nothing())


def _dtsh(task: Task, margin_per_bit: float, quantization_weight: float) -> Parts:
    return Parts(losses.DTSHLoss(task.num_bits, task.level_weights, margin_per_bit=margin_per_bit,
                                 quantization_weight=quantization_weight), Nothing())


def _dsrh(task: Task, margin: float, quantization_weight: float) -> Parts:
    return Parts(losses.DSRHLoss(task.num_bits, task.levels.num_levels, task.level_weights, margin=margin,
                                 quantization_weight=quantization_weight), Nothing())


def _dch(task: Task, gamma: float, quantization_weight: float) -> Parts:
    return Parts(losses.DCHLoss(task.num_bits, task.level_weights, gamma=gamma,
                                quantization_weight=quantization_weight), Nothing())


def _shdh(task: Task, quantization_weight: float) -> Parts:
    return Parts(losses.SHDHLoss(task.num_bits, task.levels.num_levels, task.level_weights,
                                 quantization_weight=quantization_weight), Nothing())


def _binary_targets(task: Task, placed: str, flipped: float) -> FixedTargets:
    if placed == "tree":
        found = targets.tree_targets(task.levels.parents, task.num_classes, task.num_bits, task.rng, flipped)
    elif placed in TARGETS:
        found = TARGETS[placed](task.num_classes[0], task.num_bits, task.rng)
    else:
        raise ValueError(f"loss.options.targets: expected one of {', '.join(TARGETS)}, tree, got {placed!r}")
    return FixedTargets([found])


def _csq(task: Task, targets: str, flipped: float, quantization_weight: float) -> Parts:
    return Parts(losses.CSQLoss(quantization_weight=quantization_weight), _binary_targets(task, targets, flipped))


def _dpn(task: Task, targets: str, flipped: float, margin: float) -> Parts:
    return Parts(losses.DPNLoss(margin=margin), _binary_targets(task, targets, flipped))


def _orthohash(task: Task, targets: str, flipped: float, margin: float) -> Parts:
    return Parts(losses.OrthoHashLoss(task.num_bits, margin=margin), _binary_targets(task, targets, flipped))


def _greedyhash(task: Task, penalty_weight: float) -> Parts:
    return Parts(losses.GreedyHashLoss(penalty_weight=penalty_weight), Nothing(),
                 heads.Classifier(task.num_bits, task.num_classes[:1], reads="sign", use_bias=False))


def _ssdh(task: Task, binarization_weight: float, balance_weight: float) -> Parts:
    return Parts(losses.SSDHLoss(binarization_weight=binarization_weight, balance_weight=balance_weight), Nothing(),
                 heads.Classifier(task.num_bits, task.num_classes[:1], reads="sigmoid"))


def _softmax(task: Task) -> Parts:
    weights = task.level_weights or [1.0] * task.levels.num_levels
    if len(weights) != task.levels.num_levels:
        raise ValueError(f"loss.level_weights: expected {task.levels.num_levels} values, got {len(weights)}")
    return Parts(losses.LevelSoftmaxLoss(weights), Nothing(), heads.Classifier(task.num_bits, task.num_classes))


def _embeddings(task: Task) -> FixedTargets:
    return FixedTargets([targets.class_embeddings(similarity.lcs_height(task.levels), task.num_bits, task.rng)])


def _embedding(task: Task) -> Parts:
    return Parts(losses.EmbeddingLoss(), _embeddings(task))


def _embedding_softmax(task: Task, softmax_weight: float) -> Parts:
    return Parts(losses.EmbeddingSoftmaxLoss(softmax_weight=softmax_weight), _embeddings(task),
                 heads.Classifier(task.num_bits, task.num_classes[:1]))


def _pairs(build: Callable[..., Parts], options: Mapping[str, Option], search: str = "hamming") -> Method:
    """Of pairs or triplets of the batch: among 100 classes a shuffled one has next to none that are similar."""
    return Method(build, options, search=search, sampler="classes")


TARGETS = {"hadamard": targets.hadamard_targets, "balanced": targets.balanced_targets}
TARGET_OPTIONS: dict[str, Option] = {"targets": "hadamard", "flipped": 0.25}
QUANTIZATION = {"quantization_weight": 0.1}
METHODS: dict[str, Method] = {
    "hpdh": Method(_hpdh, {}), "dcwh": Method(_hpdh, {}, levels=1),
    "hpdh_coarse_to_fine": Method(_hpdh_coarse_to_fine, {"epochs_per_level": 5.0}),
    "idcwh": Method(_idcwh, {"inv_variance": 1.0}, levels=1),
    "dcdh": Method(_dcdh, {"inv_variance": 0.25, "center_weight": 0.1, "discrete_weight": 0.01}, levels=1),
    "dpsh": _pairs(_dpsh, {**QUANTIZATION, "memory_size": 4096.0}), "dhn": _pairs(_dhn, QUANTIZATION),
    "hashnet": _pairs(_hashnet, {"alpha_bits": 10.0, "epochs_per_step": 20.0}),
    "dsdh": _pairs(_dsdh, {"discrete_weight": 0.1, "mu": 1.0, "nu": 1.0, "eta": 0.1}),
    "dsh": _pairs(_dsh, {"margin_per_bit": 2.0, "quantization_weight": 0.01}),
    "dtsh": _pairs(_dtsh, {"margin_per_bit": 0.25, **QUANTIZATION}),
    "dsrh": _pairs(_dsrh, {"margin": 0.5, **QUANTIZATION}), "dch": _pairs(_dch, {"gamma": 20.0, **QUANTIZATION}),
    "dqn": _pairs(_dqn, {**QUANTIZATION, "bits_per_part": 8.0}, search="asymmetric"),
    "shdh": _pairs(_shdh, QUANTIZATION, search="weighted"),
    "csq": Method(_csq, {**TARGET_OPTIONS, "quantization_weight": 1e-4}),
    "dpn": Method(_dpn, {**TARGET_OPTIONS, "margin": 1.0}),
    "orthohash": Method(_orthohash, {**TARGET_OPTIONS, "margin": 0.2}),
    "greedyhash": Method(_greedyhash, {"penalty_weight": 0.1}),
    "ssdh": Method(_ssdh, {"binarization_weight": 1.0, "balance_weight": 1.0}),
    "softmax": Method(_softmax, {}, missing_labels=True),
    "embedding": Method(_embedding, {}), "embedding_softmax": Method(_embedding_softmax, {"softmax_weight": 0.1})}

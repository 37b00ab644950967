"""The one table from method names to losses, heads and memories; docs/methods.md says what each
is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gluon_hash.experiment.config import CentersConfig, Config, LossConfig
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import pair_parts, parts
from gluon_hash.methods.parts import Parts, Task

__all__ = ["METHODS", "Method", "build_parts", "method_levels", "unread_settings"]

Option = float | str


@dataclass(frozen=True)
class Method:
    """How to build a method; ``options`` are its numbers with their defaults; ``levels`` 1: the
    finest alone.

    ``search`` is a name of gluon_hash.experiment.comparison.measure.SEARCHES: how the paper ranks.
    ``sampler`` is what training.sampler: auto means for it. With ``missing_labels`` an image may
    lack its finest labels (-1). ``reads``: settings beside its options, of the section loss, or
    "centers" for that section.
    """

    build: Callable[..., Parts]
    options: Mapping[str, Option]
    levels: int | None = None
    search: str = "hamming"
    sampler: str = "shuffled"
    missing_labels: bool = False
    reads: tuple[str, ...] = ()


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
        raise ValueError(
            f"loss.options: {name} has no {unknown[0]!r}; it has "
            f"{', '.join(method.options) or 'none'}"
        )
    for option, value in given.items():
        if isinstance(value, str) != isinstance(method.options[option], str):
            raise ValueError(
                f"loss.options.{option}: expected a value like {method.options[option]!r}, got "
                f"{value!r}"
            )
    weights, num_levels = task.level_weights or [], task.levels.num_levels
    if len(weights) > num_levels and method.levels is None:
        raise ValueError(
            f"loss.level_weights: {name} uses {num_levels} levels "
            f"({', '.join(task.levels.level_names)}), "
            f"got {len(weights)} values; give at most one per level, finest first"
        )
    return method.build(task, **{**method.options, **given})


def method_levels(config: Config, hierarchy: Hierarchy) -> Hierarchy:
    """The levels that the configuration's method uses."""
    return hierarchy.keep_levels(METHODS[config.loss.name].levels or hierarchy.num_levels)


def unread_settings(config: Config) -> list[str]:
    """What is set to another value than its default and that the method does not read, such as
    "loss.cubic_weight"."""
    reads = METHODS[config.loss.name].reads
    changed = [
        name
        for name in sorted(set(LossConfig.model_fields) - {"name", "options", *reads})
        if getattr(config.loss, name) != LossConfig.model_fields[name].default
    ]
    return [f"loss.{name}" for name in changed] + (
        ["centers"] if "centers" not in reads and config.centers != CentersConfig() else []
    )


def _pairs(
    build: Callable[..., Parts], options: Mapping[str, Option], search: str = "hamming"
) -> Method:
    """Of pairs or triplets of the batch: among 100 classes a shuffled one has next to none that are
    similar."""
    return Method(build, options, search=search, sampler="classes", reads=("level_weights",))


TARGET_OPTIONS: dict[str, Option] = {"targets": "hadamard", "flipped": 0.25}
QUANTIZATION = {"quantization_weight": 0.1}
CONSTRAINTS = ("cubic_weight", "vertex_weight")
CLASS_WISE = ("inv_variances", "level_weights", *CONSTRAINTS, "centers")
METHODS: dict[str, Method] = {
    "hpdh": Method(parts.hpdh, {}, reads=CLASS_WISE),
    "dcwh": Method(parts.hpdh, {}, levels=1, reads=CLASS_WISE),
    "hpdh_coarse_to_fine": Method(
        parts.hpdh_coarse_to_fine, {"epochs_per_level": 5.0}, reads=CLASS_WISE
    ),
    "idcwh": Method(parts.idcwh, {"inv_variance": 1.0}, levels=1, reads=CONSTRAINTS),
    "dcdh": Method(
        parts.dcdh, {"inv_variance": 0.25, "center_weight": 0.1, "discrete_weight": 0.01}, levels=1
    ),
    "dpsh": _pairs(pair_parts.dpsh, {**QUANTIZATION, "memory_size": 4096.0}),
    "dhn": _pairs(pair_parts.dhn, QUANTIZATION),
    "hashnet": _pairs(pair_parts.hashnet, {"alpha_bits": 10.0, "epochs_per_step": 20.0}),
    "dsdh": _pairs(pair_parts.dsdh, {"discrete_weight": 0.1, "mu": 1.0, "nu": 0.1, "eta": 55.0}),
    "dsh": _pairs(pair_parts.dsh, {"margin_per_bit": 2.0, "quantization_weight": 0.01}),
    "dtsh": _pairs(pair_parts.dtsh, {"margin_per_bit": 1.0, **QUANTIZATION}),
    "dsrh": _pairs(pair_parts.dsrh, {"margin": 0.5, **QUANTIZATION}),
    "dch": _pairs(pair_parts.dch, {"gamma": 20.0, **QUANTIZATION}),
    "dqn": _pairs(pair_parts.dqn, QUANTIZATION, search="asymmetric"),
    "shdh": _pairs(pair_parts.shdh, QUANTIZATION, search="weighted"),
    "csq": Method(parts.csq, {**TARGET_OPTIONS, "quantization_weight": 1e-4}),
    "dpn": Method(parts.dpn, {**TARGET_OPTIONS, "margin": 1.0}),
    "orthohash": Method(parts.orthohash, {**TARGET_OPTIONS, "margin": 0.2}),
    "greedyhash": Method(parts.greedyhash, {"penalty_weight": 0.1}),
    "ssdh": Method(parts.ssdh, {"binarization_weight": 1.0, "balance_weight": 1.0}),
    "softmax": Method(parts.softmax, {}, missing_labels=True, reads=("level_weights",)),
    "embedding": Method(parts.embedding, {}),
    "embedding_softmax": Method(parts.embedding_softmax, {"softmax_weight": 0.1}),
}

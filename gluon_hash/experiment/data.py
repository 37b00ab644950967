"""Loaders from a configuration: training, refresh of the centers, held-out images; records or
cached features."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.deploy.encode import encode_features
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.config import Config
from gluon_hash.experiment.inputs import digest
from gluon_hash.experiment.objects import build_transform
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.table import METHODS
from gluon_hash.nets import get_backbone, load_backbone
from gluon_hash.records import RecordFile, loaders, read_list, samplers
from gluon_hash.retrieval import FeatureTable

__all__ = ["Data", "build_data", "evaluation_loader", "features_of"]

FilePath = str | os.PathLike[str]
FEATURES_AT_A_TIME = 1024


@dataclass(frozen=True)
class Data:
    """Training and held-out images as loaders; how batches are drawn; mean and deviation of cached
    features."""

    train: Any
    refresh: Any
    held_out: Any
    ids: np.ndarray
    sampler: str  # in words
    statistics: tuple[np.ndarray, np.ndarray] | None


def build_data(config: Config, hierarchy: Hierarchy) -> Data:
    root, training = Path(config.data.root), config.training
    held_out_ids = (
        _held_out_ids(root / "validation.lst", hierarchy)
        if config.data.held_out
        else np.empty(0, np.int64)
    )
    if config.data.features is not None:
        table, floats = _load_features(config, config.data.features)
        _check_labels(config, hierarchy, table.level_labels, config.data.features)
        kept, held = _divide(table.ids, held_out_ids)
        features, labels, ids = floats[kept], table.level_labels[kept], table.ids[kept]
        return Data(
            loaders.FeatureTrainLoader(
                features,
                labels,
                ids,
                training.batch_size,
                training.seed,
                order=_order(config, labels),
            ),
            loaders.FeatureEvalLoader(features, labels, ids, FEATURES_AT_A_TIME),
            (
                loaders.FeatureEvalLoader(
                    floats[held], table.level_labels[held], table.ids[held], FEATURES_AT_A_TIME
                )
                if len(held)
                else None
            ),
            ids,
            _in_words(config, labels),
            _statistics(features) if config.net.standardize else None,
        )
    records = RecordFile(root / "train.rec")
    _check_labels(config, hierarchy, records.level_labels, records.path)
    kept, held = _divide(records.ids, held_out_ids)
    transform, threads = build_transform(config), config.data.decode_threads
    return Data(
        loaders.TrainLoader(
            records.take(kept),
            transform,
            training.batch_size,
            training.seed,
            num_threads=threads,
            order=_order(config, records.level_labels[kept]),
        ),
        loaders.EvalLoader(records.take(kept), transform, training.batch_size, num_threads=threads),
        (
            loaders.EvalLoader(
                records.take(held), transform, training.batch_size, num_threads=threads
            )
            if len(held)
            else None
        ),
        records.ids[kept],
        _in_words(config, records.level_labels[kept]),
        None,
    )


def evaluation_loader(config: Config, records: FilePath, batch_size: int = 128) -> Any:
    """A loader of a .rec file for a configuration's network, or of cached features (.npz) for its
    head.

    Raises
    ------
    DataError
        If cached features were made by another backbone, other weights or another transform.
    """
    if str(records).endswith(".npz"):
        table, floats = _load_features(config, records)
        return loaders.FeatureEvalLoader(floats, table.level_labels, table.ids, FEATURES_AT_A_TIME)
    return loaders.EvalLoader(
        RecordFile(records),
        build_transform(config),
        batch_size,
        num_threads=config.data.decode_threads,
    )


def features_of(
    config: Config, records: FilePath, contexts: list[mx.Context], batch_size: int = 128
) -> FeatureTable:
    """Pooled features of a .rec file by the pretrained backbone of a configuration, to be cached.

    Raises
    ------
    ValueError
        If the configuration names no weights: features of a random network are of no use.
    """
    if config.net.weights is None:
        raise ValueError("net.weights is not set: cached features need a pretrained backbone")
    backbone = get_backbone(config.net.backbone)
    load_backbone(backbone, config.net.weights, contexts)
    provenance = {
        **_provenance(config),
        "records": Path(records).name,
        "records_sha256": digest(records),
        "transform": build_transform(config).to_dict(),
    }
    return encode_features(
        backbone, evaluation_loader(config, records, batch_size), contexts, provenance
    )


def _load_features(config: Config, path: FilePath) -> tuple[FeatureTable, np.ndarray]:
    """A file of features that fits the configuration, and its features as float32."""
    table, floats = _read_features(os.fspath(path), os.stat(path).st_mtime_ns)
    _check_features(config, table, path)
    return table, floats


@functools.lru_cache(
    maxsize=2
)  # those of training and of the queries: a comparison trains many networks on them
def _read_features(path: str, modified_ns: int) -> tuple[FeatureTable, np.ndarray]:
    table = FeatureTable.load(path)
    return table, table.features.astype(np.float32)


def _statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature: float64 (num_features,) each."""
    blocks = [
        features[start : start + FEATURES_AT_A_TIME].astype(np.float64)
        for start in range(0, len(features), FEATURES_AT_A_TIME)
    ]
    mean = sum(block.sum(axis=0) for block in blocks) / len(features)
    variance = sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / len(features)
    return mean, np.sqrt(variance)


def _check_labels(
    config: Config, hierarchy: Hierarchy, level_labels: np.ndarray, path: FilePath
) -> None:
    if METHODS[config.loss.name].missing_labels:
        hierarchy.check_partial_labels(level_labels, path)
        return
    missing = np.flatnonzero((level_labels == -1).any(axis=1))
    if len(missing):
        able = ", ".join(name for name, method in METHODS.items() if method.missing_labels)
        raise DataError(
            f"labels {level_labels[missing[0]].tolist()}, and {len(missing) - 1} more with -1 (not "
            "known): "
            f"{config.loss.name} needs all; {able} trains without",
            path=path,
            record=int(missing[0]),
        )
    hierarchy.check_level_labels(level_labels, path)


def _sampler_of(config: Config, level_labels: np.ndarray) -> tuple[str, int]:
    """The sampler's name, and the classes in a batch (0 if shuffled).

    auto is the method's: with as many classes, up to classes_per_batch, as divide the batch and
    leave each two images or more; shuffled if no number does.
    """
    training = config.training
    name, count = str(training.sampler), training.classes_per_batch
    if name == "auto":
        name = METHODS[config.loss.name].sampler
        most = min(count, len(np.unique(level_labels[:, 0])), training.batch_size // 2)
        count = max((p for p in range(2, most + 1) if training.batch_size % p == 0), default=0)
    return (name, count) if name != "shuffled" and count else ("shuffled", 0)


def _in_words(config: Config, level_labels: np.ndarray) -> str:
    name, count = _sampler_of(config, level_labels)
    each = f", {count} classes of {config.training.batch_size // count} images" if count else ""
    if config.training.sampler != "auto":
        return f"{name}{each}"
    why = (
        ""
        if name == METHODS[config.loss.name].sampler
        else ", as no number of classes divides a batch"
    )
    return f"sampler auto: {name}{each}{why}"


def _order(config: Config, level_labels: np.ndarray) -> samplers.Order:
    training = config.training
    name, count = _sampler_of(config, level_labels)
    if name == "shuffled":
        return samplers.shuffled(len(level_labels))
    make = samplers.class_batches if name == "classes" else samplers.relative_batches
    return make(level_labels, training.batch_size, count)


def _held_out_ids(path: Path, hierarchy: Hierarchy) -> np.ndarray:
    """Ids of validation.lst, of which at least two must share a class: each is a query for the
    others."""
    images = read_list(path, hierarchy.num_levels)
    if images.level_labels.min() < 0:
        raise DataError(
            "a held-out image lacks a label (-1), so it cannot judge a ranking; take it out of "
            "this list",
            path=path,
        )
    if np.bincount(images.level_labels[:, 0]).max() < 2:
        raise DataError(
            "no two images share a class, so none can be retrieved by another; prepare with "
            "--validation-per-class 2 or more, or set data.held_out to false",
            path=path,
        )
    return images.ids


def _divide(ids: np.ndarray, held_out_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the images to train on, and of those held out."""
    held = np.isin(ids, held_out_ids)
    if held.sum() != len(held_out_ids):
        raise DataError(
            f"validation.lst names {len(held_out_ids)} images, of which {held.sum()} are in the "
            "training "
            "data; prepare both together"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _provenance(config: Config) -> dict[str, str]:
    """What cached features depend on; compared when they are used."""
    assert config.net.weights is not None  # its callers have looked
    return {
        "backbone": config.net.backbone,
        "weights_sha256": digest(config.net.weights),
        "transform_sha256": build_transform(config).digest(),
    }


def _check_features(config: Config, table: FeatureTable, path: FilePath) -> None:
    if config.net.weights is None or not os.path.exists(config.net.weights):
        raise DataError(
            f"net.weights ({config.net.weights}) is needed beside cached features: the backbone is "
            "part "
            "of the trained network",
            path=path,
        )
    for name, expected in _provenance(config).items():
        if table.provenance.get(name) != expected:
            raise DataError(
                f"made with {name} {table.provenance.get(name)!r}, the configuration has "
                f"{expected!r}; "
                "encode the features anew with this configuration",
                path=path,
            )

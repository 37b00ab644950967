"""Loaders from a configuration: training, refresh of the centers, held-out images."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.experiment.data.features import (
    ROWS_AT_A_TIME,
    load_features,
    source_of,
    statistics_for,
)
from gluon_hash.experiment.data.held_out import as_many, divide, read_held_out
from gluon_hash.experiment.data.sampling import sampling_of
from gluon_hash.experiment.data.trained_classes import (
    is_trained,
    trained_hierarchy,
    trained_labels,
)
from gluon_hash.experiment.objects import build_transform
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.table import methods_that
from gluon_hash.nets import Standardize
from gluon_hash.progress import log
from gluon_hash.records import RecordFile
from gluon_hash.records.decoded import DecodedImages, parse_bytes
from gluon_hash.records.loaders import (
    EvalLoader,
    FeatureEvalLoader,
    FeatureTrainLoader,
    TrainLoader,
)
from gluon_hash.training.workers import ALONE, Workers

__all__ = ["Data", "FeatureSample", "build_data", "evaluation_loader"]


@dataclass(frozen=True)
class FeatureSample:
    """Features as arrays, for what is fitted on them beside the network.

    Parameters
    ----------
    features : float32, shape (M, num_features)
        Of all images of the file.
    train : int64, shape (N,)
        The rows that are trained on.
    held_out : float32, shape (M, num_features)
    held_out_ids : int64, shape (M,)
    held_out_labels : int32, shape (M, K)
    source : (str, int)
        The file of the features, and when it was last changed: who fits something to the same rows
        of it again gets the same.
    """

    features: np.ndarray
    train: np.ndarray
    held_out: np.ndarray
    held_out_ids: np.ndarray
    held_out_labels: np.ndarray
    source: tuple[str, int]

    @property
    def width(self) -> int:
        """Number of features."""
        return self.features.shape[1]


@dataclass(frozen=True)
class Data:
    """What a training reads.

    Parameters
    ----------
    train : TrainLoader or FeatureTrainLoader
    refresh : EvalLoader or FeatureEvalLoader
        The same images, for class centers.
    held_out : EvalLoader or FeatureEvalLoader, optional
        Images that choose the best epoch.
    trained_on : EvalLoader or FeatureEvalLoader, optional
        Training images, as many of each class as are held out: what these are searched in.
    hierarchy : Hierarchy
        Of the classes that are trained; all labels here are its.
    ids : int64, shape (N,)
        Of the training images.
    sampler : str
        How batches are drawn, in words.
    statistics : tuple of two arrays, optional
        Mean and standard deviation of each cached feature.
    sample : FeatureSample, optional
        The cached features, where there are held-out images.
    """

    train: TrainLoader | FeatureTrainLoader
    refresh: EvalLoader | FeatureEvalLoader
    held_out: EvalLoader | FeatureEvalLoader | None
    trained_on: EvalLoader | FeatureEvalLoader | None
    hierarchy: Hierarchy
    ids: np.ndarray
    sampler: str
    statistics: tuple[np.ndarray, np.ndarray] | None = None
    sample: FeatureSample | None = None

    def standardized(self, neck: Standardize) -> Data:
        """The same where the loaders do what ``neck``, which comes first in the network, would."""
        change, loaders = neck.on_arrays(), dict[str, Any]()
        for name in ("train", "refresh", "held_out", "trained_on"):
            loader = getattr(self, name)
            loaders[name] = None if loader is None else loader.changed(change)
        return replace(self, **loaders)


def build_data(config: Config, hierarchy: Hierarchy, workers: Workers = ALONE) -> Data:
    """The loaders of a configuration; of several workers each reads its rows of every batch.

    Parameters
    ----------
    config : Config
    hierarchy : Hierarchy
        Of all classes of data.root.
    workers : Workers, optional

    Raises
    ------
    DataError
        If a file is missing or damaged, labels are not in the hierarchy, or features do not fit.
    ValueError
        If there are fewer images than a batch has, or a batch does not divide among the workers.
    """
    if config.training.batch_size % workers.count:
        raise ValueError(
            f"training.batch_size {config.training.batch_size} does not divide among "
            f"{workers.count} workers; set a multiple of {workers.count}"
        )
    rows = workers.share(config.training.batch_size)
    held_out_ids = (
        read_held_out(Path(config.data.root) / "validation.lst", hierarchy)
        if config.data.held_out
        else np.empty(0, np.int64)
    )
    if config.data.features is not None:
        return _feature_data(config, hierarchy, held_out_ids, config.data.features, rows)
    return _image_data(config, hierarchy, held_out_ids, rows)


def evaluation_loader(
    config: Config,
    records: str | os.PathLike[str],
    batch_size: int = 128,
    weights_sha256: str | None = None,
) -> EvalLoader | FeatureEvalLoader:
    """A loader of a .rec file for a configuration's network, or of features (.npz) for its head.

    Parameters
    ----------
    config : Config
    records : path-like
    batch_size : int
        Images at a time.
    weights_sha256 : str, optional
        Of the weights that cached features must be made with; default: of net.weights.

    Raises
    ------
    DataError
        If cached features were made by another backbone, other weights or another transform.
    """
    if str(records).endswith(".npz"):
        table = load_features(config, records, weights_sha256)
        return FeatureEvalLoader(table.features, table.level_labels, table.ids, ROWS_AT_A_TIME)
    return EvalLoader(
        RecordFile(records),
        build_transform(config),
        batch_size,
        num_threads=config.data.decode_threads,
        decoded=DecodedImages(build_transform(config), 0),
    )


def _feature_data(
    config: Config, hierarchy: Hierarchy, held_out_ids: np.ndarray, path: str, rows: slice
) -> Data:
    table = load_features(config, path)
    _check_labels(config, hierarchy, table.level_labels, path)
    trained = trained_hierarchy(config, hierarchy)
    every = trained_labels(config, hierarchy, trained, table.level_labels)
    kept, held = divide(table.ids, held_out_ids, is_trained(config, every))
    labels, ids = every[kept], table.ids[kept]
    sampling, training = sampling_of(config, labels), config.training
    searched = as_many(labels[:, 0], every[held, 0])

    def in_order(rows: np.ndarray) -> FeatureEvalLoader:
        return FeatureEvalLoader(
            table.features, every[rows], table.ids[rows], ROWS_AT_A_TIME, positions=rows
        )

    train = FeatureTrainLoader(
        table.features,
        labels,
        ids,
        training.batch_size,
        training.seed,
        order=sampling.order,
        rows=rows,
        positions=kept,
    )
    source = source_of(path)
    sample = FeatureSample(
        table.features, kept, table.features[held], table.ids[held], every[held], source
    )
    return Data(
        train,
        in_order(kept),
        in_order(held) if len(held) else None,
        in_order(kept[searched]) if len(held) else None,
        trained,
        ids,
        sampling.words,
        statistics_for(config, source, kept),
        sample if len(held) else None,
    )


def _image_data(
    config: Config, hierarchy: Hierarchy, held_out_ids: np.ndarray, rows: slice
) -> Data:
    records = RecordFile(Path(config.data.root) / "train.rec")
    _check_labels(config, hierarchy, records.level_labels, records.path)
    trained = trained_hierarchy(config, hierarchy)
    labels = trained_labels(config, hierarchy, trained, records.level_labels)
    records = records.with_labels(labels)
    kept, held = divide(records.ids, held_out_ids, is_trained(config, labels))
    sampling = sampling_of(config, labels[kept])
    searched = kept[as_many(labels[kept, 0], labels[held, 0])]
    transform, training = build_transform(config), config.training
    batch_size, seed = training.batch_size, training.seed
    decoded = DecodedImages(transform, parse_bytes(config.data.cache))
    log(decoded.in_words(records))
    shared: Any = {
        "num_threads": config.data.decode_threads,
        "decoded": decoded,
        "upload": config.data.upload,
    }

    def in_order(positions: np.ndarray) -> EvalLoader:
        return EvalLoader(records.take(positions), transform, batch_size, **shared)

    train = TrainLoader(
        records.take(kept), transform, batch_size, seed, order=sampling.order, rows=rows, **shared
    )
    return Data(
        train,
        in_order(kept),
        in_order(held) if len(held) else None,
        in_order(searched) if len(held) else None,
        trained,
        records.ids[kept],
        sampling.words,
    )


def _check_labels(
    config: Config, hierarchy: Hierarchy, level_labels: np.ndarray, path: str | os.PathLike[str]
) -> None:
    if config.loss.missing_labels:
        hierarchy.check_partial_labels(level_labels, path)
        return
    missing = np.flatnonzero((level_labels == -1).any(axis=1))
    if len(missing):
        raise DataError(
            f"labels {level_labels[missing[0]].tolist()}, and {len(missing) - 1} more with -1 (not "
            f"known): {config.loss.name} needs all; methods that do without: "
            f"{methods_that('missing_labels')}",
            path=path,
            record=int(missing[0]),
        )
    hierarchy.check_level_labels(level_labels, path)

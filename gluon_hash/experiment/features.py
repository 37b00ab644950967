"""Cached features for a configuration: computed by its backbone, or read and held against it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from gluon_hash.deploy.encode import encode_features
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.config import FEATURES, Config
from gluon_hash.experiment.inputs import digest
from gluon_hash.experiment.objects import build_transform
from gluon_hash.nets import get_backbone, load_backbone
from gluon_hash.records import RecordFile
from gluon_hash.records.loaders import EvalLoader
from gluon_hash.retrieval import FeatureTable

__all__ = ["features_of", "load_features", "statistics"]

ROWS_AT_A_TIME = 1024


def features_of(
    config: Config,
    records: str | os.PathLike[str],
    contexts: list[mx.Context],
    batch_size: int = 128,
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
    transform = build_transform(config)
    provenance = {
        **_provenance(config),
        "records": Path(records).name,
        "records_sha256": digest(records),
        "transform": transform.to_dict(),
    }
    loader = EvalLoader(
        RecordFile(records), transform, batch_size, num_threads=config.data.decode_threads
    )
    return encode_features(backbone, loader, contexts, provenance)


def load_features(config: Config, path: str | os.PathLike[str]) -> tuple[FeatureTable, np.ndarray]:
    """A file of features that fits the configuration, and its features as float32.

    Raises
    ------
    DataError
        If they were made by another backbone, other weights or another transform, or are of
        another width than the network reads.
    """
    table, floats = _read(os.fspath(path), os.stat(path).st_mtime_ns)
    if config.net.backbone == FEATURES:
        if floats.shape[1] != config.net.num_features:
            raise DataError(
                f"has {floats.shape[1]} features an image, the network reads "
                f"{config.net.num_features}; give features of the model that it was trained on",
                path=path,
            )
    else:
        _check_provenance(config, table, path)
    return table, floats


def statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature: float64 (num_features,) each."""
    blocks = [
        features[start : start + ROWS_AT_A_TIME].astype(np.float64)
        for start in range(0, len(features), ROWS_AT_A_TIME)
    ]
    mean = sum(block.sum(axis=0) for block in blocks) / len(features)
    variance = sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / len(features)
    return mean, np.sqrt(variance)


# two files, of training and of the queries: a comparison trains many networks on them
@functools.lru_cache(maxsize=2)
def _read(path: str, modified_ns: int) -> tuple[FeatureTable, np.ndarray]:
    table = FeatureTable.load(path)
    return table, table.features.astype(np.float32)


def _provenance(config: Config) -> dict[str, str]:
    """What cached features depend on; compared when they are used."""
    assert config.net.weights is not None  # its callers have looked
    return {
        "backbone": config.net.backbone,
        "weights_sha256": digest(config.net.weights),
        "transform_sha256": build_transform(config).digest(),
    }


def _check_provenance(config: Config, table: FeatureTable, path: str | os.PathLike[str]) -> None:
    if config.net.weights is not None and not os.path.exists(config.net.weights):
        raise DataError(
            f"net.weights names {config.net.weights}, by which it is checked that these features "
            "are of the same backbone, and there is no such file here; work in the folder in which "
            "the network was trained, or give images in place of features",
            path=path,
        )
    if config.net.weights is None:
        raise DataError(
            "net.weights is needed beside cached features: the backbone is part of "
            "the trained network; for features of another framework set net.backbone to "
            f"{FEATURES} and net.num_features to {table.features.shape[1]}",
            path=path,
        )
    for name, expected in _provenance(config).items():
        if table.provenance.get(name) != expected:
            raise DataError(
                f"made with {name} {table.provenance.get(name)!r}, the configuration has "
                f"{expected!r}; encode the features again with this configuration",
                path=path,
            )

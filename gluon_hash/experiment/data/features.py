"""Cached features for a configuration: computed by its backbone, or read and held against it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from gluon_hash.arrays import load_arrays, scalar
from gluon_hash.deploy.encode import encode_features
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.data.fingerprints import digest
from gluon_hash.experiment.objects import build_transform
from gluon_hash.experiment.settings.config import FEATURES, Config
from gluon_hash.guard import load_json, parse_json
from gluon_hash.nets import Backbone, get_backbone, load_backbone
from gluon_hash.records import RecordFile
from gluon_hash.records.decoded import DecodedImages
from gluon_hash.records.loaders import EvalLoader
from gluon_hash.retrieval import FeatureTable

__all__ = [
    "batch_size_for",
    "features_of",
    "is_of_records",
    "load_features",
    "pretrained_backbone",
    "recorded_weights",
    "signed_root",
    "source_of",
    "statistics",
    "statistics_for",
]

ROWS_AT_A_TIME = 1024
INPUTS = "inputs.json"  # of a run folder
PIXELS_AT_A_TIME = 32 * 224 * 224  # of a batch: a ResNet-50 then needs about a gigabyte
LARGEST_BATCH = 128


def pretrained_backbone(config: Config, contexts: list[mx.Context]) -> Backbone:
    """The backbone of a configuration with its weights.

    Raises
    ------
    ValueError
        If the configuration names no weights: features of a random network are of no use.
    DataError
        If the weights are missing, damaged or of another network.
    """
    if config.net.weights is None:
        raise ValueError("net.weights is not set: cached features need a pretrained backbone")
    backbone = get_backbone(config.net.backbone)
    load_backbone(backbone, config.net.weights, contexts)
    return backbone


def features_of(
    config: Config,
    records: str | os.PathLike[str],
    contexts: list[mx.Context],
    batch_size: int | None = None,
    backbone: Backbone | None = None,
) -> FeatureTable:
    """Pooled features of a .rec file by the pretrained backbone of a configuration, to be cached.

    Parameters
    ----------
    config : Config
    records : path-like
    contexts : list of Context
    batch_size : int, optional
        Images at a time; default: 128, of large images as many as have 1.6 million pixels.
    backbone : Backbone, optional
        What pretrained_backbone returned, which is called by default.

    Raises
    ------
    ValueError, DataError
        As pretrained_backbone; or if the records are damaged.
    """
    backbone = backbone or pretrained_backbone(config, contexts)
    transform = build_transform(config)
    batch_size = batch_size or batch_size_for(transform.crop)
    provenance = {
        **_provenance(config, None),
        "records": Path(records).name,
        "records_sha256": digest(records),
        "transform": transform.to_dict(),
    }
    loader = EvalLoader(
        RecordFile(records),
        transform,
        batch_size,
        num_threads=config.data.decode_threads,
        decoded=DecodedImages(transform, 0),
    )
    return encode_features(backbone, loader, contexts, provenance)


def batch_size_for(crop: int) -> int:
    """Images at a time so that memory stays modest; on the CPU no bit depends on it."""
    return min(LARGEST_BATCH, max(PIXELS_AT_A_TIME // crop**2, 1))


def load_features(
    config: Config, path: str | os.PathLike[str], weights_sha256: str | None = None
) -> FeatureTable:
    """A file of features that fits the configuration, as float32.

    Parameters
    ----------
    config : Config
    path : path-like
    weights_sha256 : str, optional
        Of the weights that they must be made with; default: of the file that net.weights names.

    Raises
    ------
    DataError
        If they were made by another backbone, other weights or another transform, or are of
        another width than the network reads.
    """
    table = _read(*source_of(path))
    if config.net.backbone == FEATURES:
        if table.features.shape[1] != config.net.num_features:
            raise DataError(
                f"has {table.features.shape[1]} features an image, the network reads "
                f"{config.net.num_features}; give features of the model that it was trained on",
                path=path,
            )
    else:
        _check_provenance(config, table, path, weights_sha256)
    return table


def statistics_for(
    config: Config, source: tuple[str, int], rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """What the network standardizes by, of these rows or of their roots; None if it does not.

    float64 (num_features,) each; ``source``: as source_of gives it.
    """
    if not config.net.standardize:
        return None
    return _statistics(source, rows.astype(np.int64).tobytes(), config.net.square_root)


def signed_root(features: np.ndarray) -> np.ndarray:
    """Square roots that keep their signs.

    >>> signed_root(np.array([4.0, -9.0]))
    array([ 2., -3.])
    """
    return np.sign(features) * np.sqrt(np.abs(features))


def statistics(
    features: np.ndarray,
    rows: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray] = np.positive,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature of some rows after a change.

    float64 (num_features,) each.
    """
    starts = range(0, len(rows), ROWS_AT_A_TIME)

    def block(start: int) -> np.ndarray:
        return change(features[rows[start : start + ROWS_AT_A_TIME]].astype(np.float64))

    mean = sum(block(start).sum(axis=0) for start in starts) / len(rows)
    variance = sum(((block(start) - mean) ** 2).sum(axis=0) for start in starts) / len(rows)
    return mean, np.sqrt(variance)


def source_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """The file that features are read from, and when it was last changed, in nanoseconds."""
    return os.fspath(path), os.stat(path).st_mtime_ns


# two files, of training and of the queries: a comparison trains many networks on them
@functools.lru_cache(maxsize=2)
def _read(path: str, modified_ns: int) -> FeatureTable:
    table = FeatureTable.load(path)
    return replace(table, features=_as_float32(table.features))


@functools.lru_cache(maxsize=4)
def _statistics(
    source: tuple[str, int], rows: bytes, square_root: bool
) -> tuple[np.ndarray, np.ndarray]:
    """As statistics, of the rows of a file, int64, once."""
    change = signed_root if square_root else np.positive
    return statistics(_read(*source).features, np.frombuffer(rows, np.int64), change)


def _as_float32(features: np.ndarray) -> np.ndarray:
    """``features.astype(np.float32)``; of float16 by a table of all of them, in half the time."""
    if features.dtype != np.float16:
        return features.astype(np.float32)
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    bits, result = features.view(np.uint16), np.empty(features.shape, np.float32)
    for start in range(0, len(features), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        result[rows] = every[bits[rows]]
    return result


def recorded_weights(run: Path) -> str | None:
    """SHA-256 of the weights that a run's backbone came from, as its folder has it; None: unknown.

    The file itself may have been moved or deleted.
    """
    if not (run / INPUTS).exists():
        return None
    inputs = load_json(run / INPUTS)
    held = inputs if isinstance(inputs, dict) else {}
    recorded = held.get("sha256", held.get("files"))  # of versions before 2026-11-25, and now
    weights = recorded.get("weights") if isinstance(recorded, dict) else None
    sha256 = weights.get("sha256") if isinstance(weights, dict) else weights
    return sha256 if isinstance(sha256, str) else None


def is_of_records(features: str | os.PathLike[str], records: str | os.PathLike[str]) -> bool:
    """Whether a file of cached features is there, and of these records as they are now."""
    if not os.path.exists(features) or not os.path.isfile(records):
        return False
    text = scalar(load_arrays(features, ("provenance",)), "provenance", str, features)
    made_of = parse_json(text, features)
    if not isinstance(made_of, dict) or made_of.get("records") != Path(records).name:
        return False
    return made_of.get("records_sha256") == digest(records)


def _provenance(config: Config, weights_sha256: str | None) -> dict[str, str]:
    """What cached features depend on; compared when they are used."""
    if weights_sha256 is None:
        assert config.net.weights is not None  # its callers have looked
        weights_sha256 = digest(config.net.weights)
    return {
        "backbone": config.net.backbone,
        "weights_sha256": weights_sha256,
        "transform_sha256": build_transform(config).digest(),
    }


def _check_provenance(
    config: Config,
    table: FeatureTable,
    path: str | os.PathLike[str],
    weights_sha256: str | None,
) -> None:
    weights = config.net.weights
    if weights is not None and weights_sha256 is None and not os.path.exists(weights):
        raise DataError(
            f"net.weights names {weights}, by which it is checked that these features "
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
    for name, expected in _provenance(config, weights_sha256).items():
        if table.provenance.get(name) != expected:
            raise DataError(
                f"made with {name} {table.provenance.get(name)!r}, the configuration has "
                f"{expected!r}; encode the features again with this configuration",
                path=path,
            )

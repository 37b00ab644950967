"""What is kept of encoded images: CodeTable (packed codes) and FeatureTable (pooled features), as
.npz files."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays
from gluon_hash.errors import DataError
from gluon_hash.retrieval.codes.packing import check_packed

__all__ = ["CodeTable", "FeatureTable", "check_comparable", "load_table"]


@dataclass(frozen=True)
class CodeTable:
    """Packed codes with ids and labels.

    Parameters
    ----------
    ids : int64, shape (N,), unique
    codes : uint8, shape (N, ceil(num_bits / 8))
        Packed as gluon_hash.retrieval.codes.packing.pack does.
    level_labels : int32, shape (N, K)
        Class per level, finest first.
    num_bits : int

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, an id stands twice or a padding bit is set.
    """

    ids: np.ndarray
    codes: np.ndarray
    level_labels: np.ndarray
    num_bits: int

    def __post_init__(self) -> None:
        check_packed(self.codes, self.num_bits)
        _check_columns(len(self.codes), self.ids, self.level_labels)

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write codes.npz (version, num_bits, codes, ids, level_labels), whole or not at all."""
        save_arrays(
            path,
            num_bits=np.array(self.num_bits),
            codes=self.codes,
            ids=self.ids,
            level_labels=self.level_labels,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CodeTable:
        """Read codes.npz; DataError if it is damaged, of a newer version, or does not hold
        codes."""
        arrays = load_arrays(path, ("num_bits", "codes", "ids", "level_labels"))
        try:
            return cls(
                arrays["ids"], arrays["codes"], arrays["level_labels"], int(arrays["num_bits"])
            )
        except ValueError as error:
            raise DataError(str(error), path=path) from error


@dataclass(frozen=True)
class FeatureTable:
    """Pooled features of a backbone.

    Parameters
    ----------
    ids : int64, shape (N,), unique
    features : float16, shape (N, num_features)
    level_labels : int32, shape (N, K)
    provenance : dict
        What they were made of, as JSON values: backbone, weights_sha256, transform,
        transform_sha256, records_sha256.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit or an id stands twice.
    """

    ids: np.ndarray
    features: np.ndarray
    level_labels: np.ndarray
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.dtype != np.float16:
            raise ValueError(
                f"features: expected float16 (N, num_features), got {self.features.dtype} "
                f"{self.features.shape}"
            )
        _check_columns(len(self.features), self.ids, self.level_labels)

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write features.npz, whole or not at all."""
        save_arrays(
            path,
            features=self.features,
            ids=self.ids,
            level_labels=self.level_labels,
            provenance=np.array(json.dumps(self.provenance)),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FeatureTable:
        """Read features.npz; DataError if it is damaged, of a newer version, or does not hold
        features."""
        arrays = load_arrays(path, ("features", "ids", "level_labels", "provenance"))
        try:
            provenance = json.loads(str(arrays["provenance"]))
            return cls(arrays["ids"], arrays["features"], arrays["level_labels"], provenance)
        except ValueError as error:
            raise DataError(str(error), path=path) from error


def load_table(path: str | os.PathLike[str]) -> CodeTable | FeatureTable:
    """A CodeTable, or a FeatureTable if the file holds features; DataError if it is neither."""
    try:
        with np.load(path, allow_pickle=False) as file:
            has_features = "features" in getattr(file, "files", [])
    except (ValueError, OSError, zipfile.BadZipFile, EOFError):
        has_features = False  # CodeTable.load says what is wrong
    return FeatureTable.load(path) if has_features else CodeTable.load(path)


def check_comparable(query: CodeTable, database: CodeTable) -> None:
    """ValueError unless both hold codes of the same length, with labels of as many levels, and are
    not empty."""
    if query.num_bits != database.num_bits:
        raise ValueError(
            f"query codes have {query.num_bits} bits, database codes {database.num_bits}; "
            "encode both with the same network"
        )
    levels = query.level_labels.shape[1]
    if levels != database.level_labels.shape[1]:
        raise ValueError(
            f"query labels have {levels} levels, database labels {database.level_labels.shape[1]}; "
            "expected the same number"
        )
    if not len(query) or not len(database):
        raise ValueError(
            f"expected at least one query and one database image, got {len(query)} and "
            f"{len(database)}"
        )


def _check_columns(count: int, ids: np.ndarray, level_labels: np.ndarray) -> None:
    if ids.dtype != np.int64 or ids.shape != (count,):
        raise ValueError(f"ids: expected int64 ({count},), got {ids.dtype} {ids.shape}")
    if level_labels.dtype != np.int32 or level_labels.ndim != 2 or len(level_labels) != count:
        raise ValueError(
            f"level_labels: expected int32 ({count}, K), got {level_labels.dtype} "
            f"{level_labels.shape}"
        )
    if len(np.unique(ids)) != count:
        raise ValueError("ids: an id stands twice; each image needs one of its own")

"""What is kept of encoded images, as .npz files: CodeTable (packed codes), FeatureTable."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays, scalar
from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, open_npz, parse_json
from gluon_hash.retrieval.codes.packing import check_packed, first_bits
from gluon_hash.retrieval.codes.shards import Shard

__all__ = ["CodeTable", "FeatureTable", "check_comparable", "load_table"]

FLOATS = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class CodeTable:
    """Packed codes with ids, labels and, where they are known, names.

    Parameters
    ----------
    ids : int64, shape (N,), unique
    codes : uint8, shape (N, ceil(num_bits / 8))
        Packed as gluon_hash.retrieval.codes.packing.pack does.
    level_labels : int32, shape (N, K)
        Class per level, finest first; -1 where it is not known, K = 0 where no class is.
    num_bits : int
    names : str, shape (N,), optional
        The path of each image, or its name in a list.
    model : str, optional
        The fingerprint of the model that made the codes.
    shard : Shard, optional
        Which part of a record file this is.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, an id appears twice or a padding bit is set.
    """

    ids: np.ndarray
    codes: np.ndarray
    level_labels: np.ndarray
    num_bits: int
    names: np.ndarray | None = None
    model: str | None = None
    shard: Shard | None = None

    def __post_init__(self) -> None:
        check_packed(self.codes, self.num_bits)
        _check_columns(len(self.codes), self.ids, self.level_labels, self.names)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray | slice) -> CodeTable:
        """Some of the images, in the order of ``rows``; they are no shard."""
        names = None if self.names is None else self.names[rows]
        own = self.ids[rows], self.codes[rows], self.level_labels[rows]
        return CodeTable(*own, self.num_bits, names, self.model)

    def first_bits(self, num_bits: int) -> CodeTable:
        """The same images with the first bits of their codes, which are of the same model.

        Such codes are as good as others of their length where the model's method made them so
        (`loss.nested`).

        Raises
        ------
        ValueError
            If the codes have fewer bits, or ``num_bits`` is not positive.
        """
        cut = first_bits(self.codes, self.num_bits, num_bits)
        return replace(self, codes=cut, num_bits=num_bits)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write codes.npz: version, num_bits, codes, ids, level_labels; the others where known."""
        about = {} if self.model is None else {"model": np.array(self.model)}
        if self.shard is not None:
            about["shard"] = np.array(self.shard.to_json())
        save_arrays(
            path,
            num_bits=np.array(self.num_bits),
            codes=self.codes,
            ids=self.ids,
            level_labels=self.level_labels,
            **_named(self.names),
            **about,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CodeTable:
        """Read codes.npz.

        Raises
        ------
        DataError
            If it is damaged, of a newer version, or does not hold codes.
        """
        optional = ("names", "model", "shard")
        arrays = load_arrays(path, ("num_bits", "codes", "ids", "level_labels"), optional)
        num_bits = scalar(arrays, "num_bits", int, path)
        model = scalar(arrays, "model", str, path) if "model" in arrays else None
        shard = None
        if "shard" in arrays:
            shard = Shard.from_json(scalar(arrays, "shard", str, path), path)
        try:
            return cls(
                arrays["ids"],
                arrays["codes"],
                arrays["level_labels"],
                num_bits,
                arrays.get("names"),
                model,
                shard,
            )
        except ValueError as error:
            raise DataError(str(error), path=path) from error


@dataclass(frozen=True)
class FeatureTable:
    """Features of images: of a backbone of ours, or of any framework's.

    Parameters
    ----------
    ids : int64, shape (N,), unique
    features : float16, float32 or float64, shape (N, num_features)
    level_labels : int32, shape (N, K)
        As of a CodeTable.
    provenance : dict
        What they were made of, as JSON values: backbone, weights_sha256, transform,
        transform_sha256, records_sha256. Empty where that is not known.
    names : str, shape (N,), optional
        As of a CodeTable.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit or an id appears twice.
    """

    ids: np.ndarray
    features: np.ndarray
    level_labels: np.ndarray
    provenance: dict[str, Any]
    names: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.dtype not in FLOATS:
            raise ValueError(
                f"features: expected float16, float32 or float64 (N, num_features), got "
                f"{self.features.dtype} {self.features.shape}"
            )
        _check_columns(len(self.features), self.ids, self.level_labels, self.names)

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
            **_named(self.names),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FeatureTable:
        """Read features.npz.

        Raises
        ------
        DataError
            If it is damaged, of a newer version, or does not hold features.
        """
        arrays = load_arrays(path, ("features", "ids", "level_labels", "provenance"), ("names",))
        about = parse_json(scalar(arrays, "provenance", str, path), path)
        provenance = as_schema(about, dict[str, Any], path)
        try:
            return cls(
                arrays["ids"],
                arrays["features"],
                arrays["level_labels"],
                provenance,
                arrays.get("names"),
            )
        except ValueError as error:
            raise DataError(str(error), path=path) from error


def load_table(path: str | os.PathLike[str]) -> CodeTable | FeatureTable:
    """A CodeTable, or a FeatureTable if the file holds features; DataError if it is neither."""
    try:
        with open_npz(path) as file:
            has_features = "features" in file.names
    except (DataError, OSError):
        has_features = False  # CodeTable.load says what is wrong
    return FeatureTable.load(path) if has_features else CodeTable.load(path)


def check_comparable(query: CodeTable, database: CodeTable) -> None:
    """ValueError unless codes have one length, labels one number of levels, and there are some."""
    if query.num_bits != database.num_bits:
        raise ValueError(
            f"query codes have {query.num_bits} bits, database codes {database.num_bits}; "
            "encode both with the same network"
        )
    num_levels = query.level_labels.shape[1]
    if num_levels != database.level_labels.shape[1]:
        raise ValueError(
            f"query labels have {num_levels} levels, database labels "
            f"{database.level_labels.shape[1]}; expected the same number"
        )
    if not len(query) or not len(database):
        raise ValueError(
            f"expected at least one query and one database image, got {len(query)} and "
            f"{len(database)}"
        )


def _named(names: np.ndarray | None) -> dict[str, np.ndarray]:
    return {} if names is None else {"names": names}


def _check_columns(
    count: int, ids: np.ndarray, level_labels: np.ndarray, names: np.ndarray | None
) -> None:
    if ids.dtype != np.int64 or ids.shape != (count,):
        raise ValueError(f"ids: expected int64 ({count},), got {ids.dtype} {ids.shape}")
    if level_labels.dtype != np.int32 or level_labels.ndim != 2 or len(level_labels) != count:
        raise ValueError(
            f"level_labels: expected int32 ({count}, K), got {level_labels.dtype} "
            f"{level_labels.shape}"
        )
    if names is not None and (names.dtype.kind != "U" or names.shape != (count,)):
        raise ValueError(f"names: expected str ({count},), got {names.dtype} {names.shape}")
    if len(np.unique(ids)) != count:
        raise ValueError("ids: an id appears twice; each image needs one of its own")

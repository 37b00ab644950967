"""Features joined with their labels, ids and names, wherever these come from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.datasets.feature_files import (
    FeatureFile,
    check_features,
    check_form,
    read_features,
)
from gluon_hash.datasets.label_tables import Table, read_table
from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import load_npy
from gluon_hash.records.lists import flaw_of_path

__all__ = ["Labels", "Rows", "read_rows"]

FilePath = str | os.PathLike[str]
Labels = FilePath | Mapping[str, Sequence[Any]] | Sequence[Any] | np.ndarray
NAMES = ("path", "name", "file", "filename", "file_name", "image")
IDS = ("id", "ids")
LONGEST_ID = 18  # digits of a number that int64 surely holds
UNNAMED = "level_{}"  # a column of labels without a header


@dataclass(frozen=True)
class Rows:
    """Features with what is known of each.

    Parameters
    ----------
    features : float16 or float32, shape (N, num_features)
    labels : Table
        A column for each level, finest first.
    ids : int64, shape (N,)
    names : list of N str
    provenance : dict
    """

    features: np.ndarray
    labels: Table
    ids: np.ndarray
    names: list[str]
    provenance: dict[str, Any]


def read_rows(
    array: np.ndarray | FilePath,
    labels: Labels | None,
    *,
    levels: Sequence[str] | None,
    ids: np.ndarray | None,
    names: Sequence[str] | None,
    array_name: str | None,
    first_id: int = 0,
) -> Rows:
    """Features with their labels; arguments and errors as gluon_hash.datasets.features.

    ``first_id`` is the id of the first row, if nothing gives ids.
    """
    path = array if isinstance(array, (str, os.PathLike)) else None
    file = read_features(path, array_name) if path is not None else FeatureFile(np.asarray(array))
    table = file.labels if labels is None else _as_table(labels)
    check_form(file.features, path)
    if table is None:
        raise DataError("no labels came with the features; name a table of labels", path=path)
    name_column = next((name for name in table.columns if name.lower() in NAMES), None)
    id_column = next((name for name in table.columns if name.lower() in IDS), None)
    others = [name for name in table.columns if name not in (name_column, id_column)]
    stem = "row" if path is None else Path(path).stem
    if names is None and name_column is not None:
        names = table.column(name_column)
    row_names = (
        [f"{stem}/{row}" for row in range(len(file.features))] if names is None else list(names)
    )
    if ids is None:
        ids = file.ids if id_column is None else _numbers(table, id_column)
    row_ids = first_id + np.arange(len(file.features)) if ids is None else np.asarray(ids)
    _check_columns(len(file.features), table, row_names, row_ids, path)
    features = check_features(file.features, row_names, path)
    provenance: dict[str, Any] = {"made_by": "gluon_hash.datasets.features"}
    if path is not None:
        provenance.update(name=Path(path).name, sha256=sha256(path))
    chosen = table.select(others if levels is None else list(levels))
    return Rows(features, chosen, row_ids.astype(np.int64), row_names, provenance)


def _as_table(labels: Labels) -> Table:
    """Labels as columns of text, whatever they came as."""
    if isinstance(labels, Mapping):
        return Table({name: _texts(values) for name, values in labels.items()})
    if isinstance(labels, (str, os.PathLike)):
        if Path(labels).suffix.lower() != ".npy":
            return read_table(labels)
        return _unnamed(load_npy(labels), labels)
    return _unnamed(np.asarray(labels), None)


def _unnamed(labels: np.ndarray, path: FilePath | None) -> Table:
    """Labels (N,) or (N, K): columns called level_0, level_1, ..."""
    if labels.ndim == 1:
        labels = labels[:, None]
    if labels.ndim != 2 or np.issubdtype(labels.dtype, np.floating):
        raise DataError(
            f"labels: expected names or integers, (N,) or (N, K), got {labels.dtype} "
            f"{labels.shape}",
            path=path,
        )
    return Table(
        {UNNAMED.format(level): _texts(column) for level, column in enumerate(labels.T)}, path
    )


def _texts(values: Sequence[Any] | np.ndarray) -> list[str]:
    return [str(value).strip() for value in np.asarray(values).tolist()]


def _numbers(table: Table, column: str) -> np.ndarray:
    for position, value in enumerate(table.column(column)):
        if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_ID):
            raise table.error(f"{column}: expected an integer >= 0, got {value!r:.50}", position)
    return np.array(table.column(column), dtype=np.int64)


def _check_columns(
    count: int, table: Table, names: list[str], ids: np.ndarray, path: FilePath | None
) -> None:
    if ids.ndim != 1 or not len(table) == len(names) == len(ids) == count:
        raise DataError(
            f"{count} features, but {len(table)} rows of labels, {len(names)} names and "
            f"ids of shape {ids.shape}; expected as many of each",
            path=table.path or path,
        )
    if not np.issubdtype(ids.dtype, np.integer):
        raise DataError(f"ids: expected integers >= 0, got {ids.dtype}", path=path)
    if ids.min() < 0 or ids.max() > np.iinfo(np.int64).max:
        raise DataError(
            f"ids: expected integers >= 0 of int64, got {ids.min()} to {ids.max()}", path=path
        )
    if len(np.unique(ids)) < count:
        raise DataError("ids: an id appears twice; each row needs one of its own", path=path)
    bad = next((name for name in names if flaw_of_path(name)), None)
    if bad is not None:
        raise DataError(
            f"names: {bad!r} cannot be written into a list: it {flaw_of_path(bad)}", path=path
        )

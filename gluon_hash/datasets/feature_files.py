"""Features as other frameworks write them: .npy, .npz and Parquet files -> arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.datasets.label_tables import Table
from gluon_hash.errors import DataError, MissingPackageError
from gluon_hash.guard import check_unpacking, load_npy, open_npz, reading

__all__ = ["FeatureFile", "check_features", "check_form", "read_features"]

FLOATS = (np.float16, np.float32, np.float64)
ROWS_AT_A_TIME = 4096
ROWS_OF_A_BATCH = 1 << 16


@dataclass(frozen=True)
class FeatureFile:
    """What a file of features holds.

    Parameters
    ----------
    features : float16, float32 or float64, shape (N, num_features)
    ids : int64, shape (N,), optional
    labels : Table, optional
        A column for each level, finest first, if the file has labels.
    """

    features: np.ndarray
    ids: np.ndarray | None = None
    labels: Table | None = field(default=None)


def read_features(path: str | os.PathLike[str], array: str | None = None) -> FeatureFile:
    """Features from a file, with the ids and labels that are in it.

    Parameters
    ----------
    path : path-like
        ``.npy``: the array. ``.npz``: the array called "features", or the only one with two
        dimensions; "ids" and "level_labels" are taken along. ``.parquet``: the column of lists, or
        all columns of floats; all other columns are labels, but "id", and need pyarrow.
    array : str, optional
        The name of the array (.npz) or column of lists (Parquet).

    Raises
    ------
    DataError
        If the file is damaged or of another kind, or has no such array.
    MissingPackageError
        If pyarrow is needed and not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in READERS:
        raise DataError(f"expected {', '.join(READERS)}, got {suffix or 'no suffix'}", path=path)
    if not Path(path).is_file():
        raise DataError("no such file", path=path)
    return READERS[suffix](path, array)


def check_features(
    features: np.ndarray, names: list[str] | None = None, path: str | os.PathLike[str] | None = None
) -> np.ndarray:
    """The features as they are kept: float16 if they are, else float32.

    Raises
    ------
    DataError
        If it is not a table of floats, or a row, which is named, holds NaN or infinity.
    """
    features = np.asarray(features)
    check_form(features, path)
    kept = features if features.dtype == np.float16 else features.astype(np.float32)
    bad = np.concatenate(
        [
            start + np.flatnonzero(~np.isfinite(kept[start : start + ROWS_AT_A_TIME]).all(axis=1))
            for start in range(0, len(kept), ROWS_AT_A_TIME)
        ]
    )
    if len(bad):
        name = f" ({names[bad[0]]})" if names else ""
        raise DataError(
            f"row {bad[0]}{name} holds NaN or infinity, and so do {len(bad) - 1} others of "
            f"{len(kept)}; encode them again",
            path=path,
        )
    return kept


def check_form(features: np.ndarray, path: str | os.PathLike[str] | None = None) -> None:
    """DataError unless features are a table of floats (N, num_features)."""
    if features.ndim != 2 or not features.size or features.dtype not in FLOATS:
        raise DataError(
            "expected features of float16, float32 or float64, shape (N, num_features), got "
            f"{features.dtype} {features.shape}",
            path=path,
        )


def _read_npy(path: str | os.PathLike[str], array: str | None) -> FeatureFile:
    if array is not None:
        raise DataError(f"a .npy file holds one array without a name, not {array!r}", path=path)
    return FeatureFile(load_npy(path))


def _read_npz(path: str | os.PathLike[str], array: str | None) -> FeatureFile:
    with open_npz(path, ".npz file") as file:
        headers = {name: file.header(name) for name in file.names}
        tables = [name for name, of in headers.items() if len(of.shape) == 2 and of.dtype in FLOATS]
        name = array or (
            "features" if "features" in headers else tables[0] if len(tables) == 1 else ""
        )
        if name not in headers:
            raise DataError(
                f"expected the array {name or 'features'!r}, got {', '.join(headers)}; "
                "name it (array)",
                path=path,
            )
        labels = file.read("level_labels") if "level_labels" in headers else None
        return FeatureFile(
            file.read(name),
            file.read("ids") if "ids" in headers else None,
            None if labels is None else _numbered(labels, path),
        )


def _read_parquet(path: str | os.PathLike[str], array: str | None) -> FeatureFile:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"{os.fspath(path)}: reading Parquet needs pyarrow: pip install pyarrow, or save the "
            f"features as .npy ({error})"
        ) from error
    with reading(path, "Parquet file"):
        return _columns(_read_batches(path), array, path)


def _read_batches(path: str | os.PathLike[str]) -> Any:
    """The table of a Parquet file, whose equal values take no room there, looked at as it grows."""
    import pyarrow
    import pyarrow.parquet

    batches, num_bytes = [], 0
    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_OF_A_BATCH):
            num_bytes += batch.nbytes
            check_unpacking(num_bytes, path)
            batches.append(batch)
        return pyarrow.Table.from_batches(batches, file.schema_arrow)


def _columns(table: Any, array: str | None, path: str | os.PathLike[str]) -> FeatureFile:
    """The features, ids and labels of a table of pyarrow."""
    from pyarrow.types import is_floating

    lists = [column.name for column in table.schema if _is_list(column.type)]
    floats = [c.name for c in table.schema if is_floating(c.type)]
    chosen = [array] if array else lists if len(lists) == 1 else [] if lists else floats
    if not chosen or chosen[0] not in lists + floats:
        raise DataError(
            f"expected a column of lists or columns of floats, got {', '.join(table.column_names)};"
            " name the one with the features (array)",
            path=path,
        )
    ids = next((name for name in ID_COLUMNS if name in table.column_names), None)
    left = [c for c in table.column_names if c not in {*chosen, *lists, *floats, *ID_COLUMNS}]
    columns = {name: [_text(value) for value in table[name].to_pylist()] for name in left}
    return FeatureFile(
        np.stack([table[name].to_numpy() for name in chosen], axis=1)
        if chosen[0] in floats
        else _rows_of_lists(table[chosen[0]], chosen[0], path),
        None if ids is None else np.asarray(table[ids].to_numpy()),
        Table(columns, path) if columns else None,
    )


def _is_list(kind: Any) -> bool:
    return any(name in str(kind) for name in ("list<", "fixed_size_list"))


def _rows_of_lists(column: Any, name: str, path: str | os.PathLike[str]) -> np.ndarray:
    """A column of lists of one length as an array, without making Python objects of it."""
    import pyarrow.compute

    lengths = pyarrow.compute.unique(pyarrow.compute.list_value_length(column)).to_pylist()
    if len(lengths) != 1 or lengths[0] is None:
        raise DataError(f"column {name!r} holds lists of different lengths: {lengths}", path=path)
    values = pyarrow.compute.list_flatten(column).to_numpy()
    return values.reshape(-1, lengths[0])


def _numbered(labels: np.ndarray, path: str | os.PathLike[str]) -> Table:
    """Columns called level_0, level_1, ... of an array of numbers (N,) or (N, K)."""
    if labels.ndim == 1:
        labels = labels[:, None]
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"level_labels: expected integers (N, K), got {labels.dtype} {labels.shape}", path=path
        )
    return Table(
        {f"level_{k}": [str(label) for label in column] for k, column in enumerate(labels.T)}, path
    )


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


ID_COLUMNS = ("id", "ids")
READERS = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}

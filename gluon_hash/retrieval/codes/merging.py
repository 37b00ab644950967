"""Code tables of the parts of a record file, put together: every record once, in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.retrieval.codes.shards import Shard
from gluon_hash.retrieval.codes.tables import CodeTable

__all__ = ["merge_shards"]

Parts = list[tuple[Path, CodeTable, Shard]]


def merge_shards(
    paths: Sequence[str | os.PathLike[str]], ids: np.ndarray | None = None
) -> CodeTable:
    """The table that one encoding of the whole file would have made.

    Parameters
    ----------
    paths : sequence of path-like
        Of all parts, in any order.
    ids : int64, shape (N,), optional
        Of the records, in their order, to be compared.

    Raises
    ------
    DataError
        If a table is not of a part, parts are of other records or another model, one is missing or
        there twice, or the ids are not those of the records, each once.
    """
    parts = [_part(Path(path)) for path in paths]
    if not parts:
        raise ValueError("merge: expected at least one part")
    parts.sort(key=lambda part: part[2].number)
    _check_of_one(parts)
    _check_complete(parts)
    tables = [table for _, table, _ in parts]
    names = [table.names for table in tables if table.names is not None]
    if names and len(names) < len(tables):
        raise DataError("has names, and another part has none; encode both again", path=paths[0])
    merged_ids = np.concatenate([table.ids for table in tables])
    _check_ids(parts, merged_ids, ids)
    return CodeTable(
        merged_ids,
        np.concatenate([table.codes for table in tables]),
        np.concatenate([table.level_labels for table in tables]),
        tables[0].num_bits,
        np.concatenate(names) if names else None,
        tables[0].model,
    )


def _part(path: Path) -> tuple[Path, CodeTable, Shard]:
    table = CodeTable.load(path)
    if table.shard is None:
        raise DataError(
            "holds codes of a whole file, not of a part; `gluon-hash encode --shard` makes parts",
            path=path,
        )
    return path, table, table.shard


def _check_of_one(parts: Parts) -> None:
    """DataError unless all parts are of one file of records and of one model."""
    (first, table, shard), *others = parts
    for path, other, its in others:
        for what, ours, theirs in (
            ("records", shard.records_sha256, its.records_sha256),
            ("a number of records", shard.num_records, its.num_records),
            ("a number of parts", shard.total, its.total),
            ("a model", table.model, other.model),
            ("a code length", table.num_bits, other.num_bits),
            ("levels", table.level_labels.shape[1], other.level_labels.shape[1]),
        ):
            if ours != theirs:
                raise DataError(
                    f"part {its} is of {what} other than those of {first}; encode it again",
                    path=path,
                )


def _check_complete(parts: Parts) -> None:
    """DataError unless each part is there once and holds the records that it says."""
    total, numbers = parts[0][2].total, [shard.number for _, _, shard in parts]
    for (path, _, shard), before in zip(parts[1:], numbers):
        if shard.number == before:
            raise DataError(f"part {shard} is there twice", path=path)
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    if missing:
        raise DataError(
            f"of {total} parts, {len(missing)} missing: {', '.join(map(str, missing[:5]))}"
            f"{' ...' if len(missing) > 5 else ''}; encode them with --shard, or name them",
            path=parts[0][0],
        )
    expected = 0
    for path, table, shard in parts:
        if shard.first != expected:
            raise DataError(
                f"part {shard} begins at record {shard.first}, expected {expected}, where the part "
                "before ends; encode all parts with one batch size",
                path=path,
            )
        expected += len(table)
    if expected != parts[0][2].num_records:
        raise DataError(
            f"the parts hold {expected} records, expected {parts[0][2].num_records}",
            path=parts[-1][0],
        )


def _check_ids(parts: Parts, merged: np.ndarray, ids: np.ndarray | None) -> None:
    """DataError unless every id is there once, and they are those of the records."""
    values, counts = np.unique(merged, return_counts=True)
    if len(values) < len(merged):
        raise DataError(f"id {values[counts > 1][0]} is in two parts", path=parts[0][0])
    if ids is not None and not np.array_equal(merged, ids):
        raise DataError(
            f"the ids of the parts are not those of the {len(ids)} records, in their order; encode "
            "the parts again",
            path=parts[0][0],
        )

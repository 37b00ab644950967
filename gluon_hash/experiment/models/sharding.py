"""A part of a record file through a model, so that machines share a large collection."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gluon_hash.errors import DataError
from gluon_hash.experiment.data.fingerprints import digest
from gluon_hash.experiment.models.encoder import BATCH_SIZE, FileEncoder, with_names
from gluon_hash.retrieval import CodeTable
from gluon_hash.retrieval.codes.shards import Shard

__all__ = ["encode_shard", "is_encoded", "shard_rows"]


def encode_shard(
    encoder: FileEncoder,
    path: str | os.PathLike[str],
    number: int,
    total: int,
    batch_size: int = BATCH_SIZE,
) -> CodeTable:
    """Codes of a part of a .rec file or of cached features, with what it is a part of.

    Parameters
    ----------
    encoder : FileEncoder
    path : path-like
    number, total : int
        The part, counted from 1, of so many.
    batch_size : int

    Raises
    ------
    DataError, ValueError
        As Encoder.encode_file; or if there are fewer records than parts.
    """
    loader = encoder.loader(path, batch_size)
    num_records = len(loader.ids)
    rows = shard_rows(num_records, number, total, loader.batch_size)
    shard = Shard(number, total, Path(path).name, digest(path), num_records, rows.start)
    table = encoder.encode_loader(loader.part(rows), f"encode part {shard}")
    return replace(with_names(table, path, rows), shard=shard)


def is_encoded(
    out: str | os.PathLike[str],
    encoder: FileEncoder,
    path: str | os.PathLike[str],
    number: int,
    total: int,
) -> bool:
    """Whether ``out`` holds this part already, whole, of this model and these records.

    Raises
    ------
    DataError
        If there is something else at ``out``: what differs.
    """
    if not os.path.exists(out):
        return False
    table = CodeTable.load(out)
    shard = table.shard
    if shard is None:
        raise DataError("exists already, and is not a part; name another output", path=out)
    for what, found, wanted in (
        ("part", (shard.number, shard.total), (number, total)),
        ("records", shard.records_sha256, digest(path)),
        ("model", table.model, encoder.fingerprint),
    ):
        if found != wanted:
            raise DataError(
                f"exists already and is of another {what} (it is part {shard}); name another "
                "output, or remove it first",
                path=out,
            )
    return True


def shard_rows(num_records: int, number: int, total: int, batch_size: int) -> slice:
    """The rows of a record file that a part holds.

    Parts begin where a batch of the whole file begins, as long as each part can have a batch, so
    that every image is encoded among the same images as without parts.

    Parameters
    ----------
    num_records : int
    number, total : int
        The part, counted from 1, of so many.
    batch_size : int

    Raises
    ------
    ValueError
        If there are fewer records than parts.

    Examples
    --------
    >>> shard_rows(10, 1, 2, 4), shard_rows(10, 2, 2, 4)
    (slice(0, 8, None), slice(8, 10, None))
    """
    if num_records < total:
        raise ValueError(f"shard: {num_records} records cannot be divided into {total} parts")
    unit = batch_size if -(-num_records // batch_size) >= total else 1
    units = -(-num_records // unit)
    begin, end = ((units * part + total - 1) // total * unit for part in (number - 1, number))
    return slice(begin, min(end, num_records))

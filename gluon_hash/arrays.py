"""The .npz files that we write and read: named arrays with a version, no pickles."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path
from gluon_hash.guard import ArrayArchive, open_npz

__all__ = ["array_shape", "evenly", "load_arrays", "save_arrays", "scalar"]

VERSION = 1
EXPECTED = "expected an .npz file that gluon_hash wrote"
ZIP_MAGIC = b"PK"  # an .npz is a zip archive
Scalar = TypeVar("Scalar", int, float, str)


def save_arrays(path: str | os.PathLike[str], **arrays: np.ndarray) -> None:
    """Write named arrays and the version to a new .npz, whole or not at all.

    Raises
    ------
    ValueError
        If the name does not end in .npz, or, as files.atomic_path has it, is taken.
    OSError
        If the disk is full; it names the file.
    """
    if not os.fspath(path).endswith(".npz"):
        raise ValueError(f"{os.fspath(path)}: the name must end in .npz")
    with atomic_path(path) as temporary:
        _write(temporary, {"version": np.array(VERSION, np.int64), **arrays})


def load_arrays(
    path: str | os.PathLike[str], wanted: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The arrays of ``wanted``, and those of ``optional`` that are there, from a .npz of ours.

    Raises
    ------
    DataError
        If the file is damaged, of a newer version, or has not all of them.
    FileNotFoundError
        If there is none.
    """
    with _opened(path) as file:
        missing = [name for name in wanted if name not in file.names]
        if missing:
            raise DataError(
                f"expected the arrays {', '.join(wanted)}; {', '.join(missing)} missing", path=path
            )
        there = [name for name in optional if name in file.names]
        return {name: file.read(name) for name in (*wanted, *there)}


def evenly(count: int, most: int) -> np.ndarray:
    """At most so many positions of ``count``, spread evenly, the first and the last among them.

    Examples
    --------
    >>> evenly(7, 3).tolist(), evenly(2, 3).tolist()
    ([0, 3, 6], [0, 1])
    """
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)


def array_shape(path: str | os.PathLike[str], name: str) -> tuple[int, ...]:
    """The shape of an array of a .npz of ours, without reading the array.

    Raises
    ------
    DataError
        As load_arrays.
    FileNotFoundError
        If there is no such file.
    """
    with _opened(path) as file:
        if name not in file.names:
            raise DataError(f"expected the arrays {name}; {name} missing", path=path)
        return file.header(name).shape


def scalar(
    arrays: Mapping[str, np.ndarray], name: str, kind: type[Scalar], path: str | os.PathLike[str]
) -> Scalar:
    """The int, float or str that an array of one value holds.

    Raises
    ------
    DataError
        If it holds several values, or another kind.

    Examples
    --------
    >>> scalar({"num_bits": np.array(48)}, "num_bits", int, "codes.npz")
    48
    """
    array = arrays[name]
    value = array.item() if array.size == 1 else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(
            f"{name}: expected one {kind.__name__}, got {array.dtype} of shape {array.shape}",
            path=path,
        )
    return value


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[ArrayArchive]:
    """The arrays of a .npz of ours; DataError if it is another file, or of another version."""
    _expect_zip(path)
    with open_npz(path) as file:
        if "version" not in file.names:
            raise DataError(f"{EXPECTED}, but it has no version", path=path)
        header = file.header("version")
        is_number = header.dtype.kind in "iu" and math.prod(header.shape) == 1
        version = file.read("version").item() if is_number else f"{header.dtype} {header.shape}"
        if version != VERSION:
            raise DataError(
                f"expected version {VERSION}, got {version}; use the gluon_hash that wrote it",
                path=path,
            )
        yield file


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As np.savez, which on a full disk leaves an archive open that complains when deleted."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)


def _expect_zip(path: str | os.PathLike[str]) -> None:
    """DataError for what is another kind of file altogether: a list, records, an image."""
    with open(path, "rb") as stream:
        magic = stream.read(len(ZIP_MAGIC))
    if magic != ZIP_MAGIC:
        kind = "an empty file" if not magic else "a file of another kind"
        records = "; `gluon-hash encode` makes it of records"
        advice = records if os.fspath(path).endswith((".rec", ".idx", ".lst")) else ""
        raise DataError(f"{EXPECTED}, got {kind}{advice}", path=path)

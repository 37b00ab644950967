"""The .npz files that we write and read: named arrays with a version, no pickles."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path

__all__ = ["array_shape", "load_arrays", "save_arrays"]

VERSION = 1
EXPECTED = "expected an .npz file that gluon_hash wrote"
ZIP_MAGIC = b"PK"  # an .npz is a zip archive


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
    _expect_zip(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            if "version" not in file.files:
                raise DataError(f"{EXPECTED}, but it has no version", path=path)
            if int(file["version"]) != VERSION:
                raise DataError(
                    f"expected version {VERSION}, got {int(file['version'])}; "
                    "use the gluon_hash that wrote it",
                    path=path,
                )
            missing = [name for name in wanted if name not in file.files]
            if missing:
                raise DataError(
                    f"expected the arrays {', '.join(wanted)}; {', '.join(missing)} missing",
                    path=path,
                )
            there = [name for name in optional if name in file.files]
            return {name: file[name] for name in (*wanted, *there)}
    except DataError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise DataError(f"not a readable .npz, or cut short: {error}", path=path) from error


def array_shape(path: str | os.PathLike[str], name: str) -> tuple[int, ...]:
    """The shape of an array of a .npz of ours, without reading the array.

    Raises
    ------
    DataError
        As load_arrays.
    FileNotFoundError
        If there is no such file.
    """
    load_arrays(path, ())  # is it ours, and of this version?
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            major, _ = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0
            return (read if major == 1 else np.lib.format.read_array_header_2_0)(stream)[0]
    except KeyError as error:
        raise DataError(f"expected the arrays {name}; {name} missing", path=path) from error
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"not a readable .npz, or cut short: {error}", path=path) from error


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

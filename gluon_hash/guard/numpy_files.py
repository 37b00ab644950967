"""The .npy and .npz files: what a header asks for is compared with what the file has, then read."""

from __future__ import annotations

import io
import math
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard.reading import reading

__all__ = ["ArrayArchive", "Header", "check_unpacking", "load_npy", "open_npz"]

NPY, NPZ = ".npy file", ".npz"
SUFFIX = ".npy"  # of the members of an .npz
ZIP_MAGIC = b"PK"
LONGEST_HEADER = 10_000  # bytes, as NumPy has it
# A member may unpack to this many bytes however small it is packed; what is larger, to this many
# times its packed size. Deflate cannot pack better than 1,032 to 1.
FREE_BYTES, HIGHEST_RATIO, DEFLATE_RATIO = 1 << 30, 200, 1032
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of np.savez and np.savez_compressed


class Header(NamedTuple):
    """What an array says of itself: its shape, dtype, order, and where its data start."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    start: int

    @property
    def num_bytes(self) -> int:
        """Of its data."""
        return math.prod(self.shape) * self.dtype.itemsize


def load_npy(path: str | os.PathLike[str], *, memory_mapped: bool = False) -> np.ndarray:
    """The array of a .npy file.

    Parameters
    ----------
    path : path-like
    memory_mapped : bool
        Read-only, and read where it is looked at; an array of texts is read whole all the same.

    Raises
    ------
    DataError
        If there is no such file, it is not a .npy file, holds Python objects, or has less data than
        its header asks for.
    """
    try:
        stream = open(path, "rb")  # noqa: SIM115 - it is closed below
    except FileNotFoundError as error:
        raise DataError("no such file", path=path) from error
    with stream, reading(path, NPY):
        header = _read_header(stream, path)
        _check_size(header, os.fstat(stream.fileno()).st_size - header.start, path)
        if memory_mapped and header.num_bytes and header.dtype.kind != "U":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        stream.seek(0)
        return _with_characters(np.lib.format.read_array(stream, allow_pickle=False))


@contextmanager
def open_npz(path: str | os.PathLike[str], expected: str = NPZ) -> Iterator[ArrayArchive]:
    """The arrays of an .npz file, each read when it is asked for.

    Parameters
    ----------
    path : path-like
    expected : str
        What the file should be, for messages.

    Yields
    ------
    ArrayArchive

    Raises
    ------
    DataError
        If it is not an .npz file, or is damaged.
    FileNotFoundError
        If there is no such file.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        magic = stream.read(len(ZIP_MAGIC))
        if magic != ZIP_MAGIC:
            kind = "a file of another kind" if size else "an empty file"
            raise DataError(f"not a readable {expected}: it is {kind}", path=path)
        with reading(path, expected):
            archive = zipfile.ZipFile(stream)
        with archive:
            yield ArrayArchive(archive, path, expected, size)


class ArrayArchive:
    """The arrays of an open .npz file; open_npz makes one.

    Attributes
    ----------
    names : list of str
    """

    def __init__(
        self, archive: zipfile.ZipFile, path: str | os.PathLike[str], expected: str, size: int
    ) -> None:
        self._archive, self._path, self._expected, self._size = archive, path, expected, size
        self._members = {
            info.filename.removesuffix(SUFFIX): info
            for info in archive.infolist()
            if info.filename.endswith(SUFFIX)
        }
        self.names = list(self._members)

    def header(self, name: str) -> Header:
        """Shape and dtype of an array; DataError if it is not there or is damaged."""
        with self._member(name) as stream:
            return _read_header(stream, self._path, name)

    def read(self, name: str) -> np.ndarray:
        """An array; DataError if it is not there, is damaged, or holds Python objects."""
        header = self.header(name)
        _check_size(header, self._members[name].file_size - header.start, self._path, name)
        with self._member(name) as stream:
            return _with_characters(np.lib.format.read_array(stream, allow_pickle=False))

    @contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        if name not in self._members:
            raise DataError(
                f"expected the array {name!r}, got {', '.join(self.names) or 'none'}",
                path=self._path,
            )
        with reading(self._path, f"{self._expected} ({name})"):
            self._check_packing(name, self._members[name])
            with self._archive.open(self._members[name]) as stream:
                yield stream

    def _check_packing(self, name: str, member: zipfile.ZipInfo) -> None:
        """DataError if a member says that it unpacks to more than it can or may."""
        packed, unpacked = min(member.compress_size, self._size), member.file_size
        if member.compress_type not in METHODS:
            raise DataError(f"{name}: packed by a method that NumPy does not use", path=self._path)
        ratio = DEFLATE_RATIO if member.compress_type == zipfile.ZIP_DEFLATED else 1
        if unpacked > max(packed, 1) * ratio:
            raise DataError(
                f"{name}: {unpacked} bytes cannot come out of {packed}; the file is damaged",
                path=self._path,
            )
        check_unpacking(unpacked, self._path, packed, f"{name}: ")


def check_unpacking(
    unpacked: int, path: str | os.PathLike[str], packed: int | None = None, where: str = ""
) -> None:
    """DataError if more bytes come out of a file than are read: FREE_BYTES, or HIGHEST_RATIO to 1.

    Parameters
    ----------
    unpacked : int
    path : path-like
    packed : int, optional
        Default: the size of the file.
    where : str
        What in the file, for the message.
    """
    packed = os.path.getsize(path) if packed is None else packed
    if unpacked > max(FREE_BYTES, packed * HIGHEST_RATIO):
        raise DataError(
            f"{where}{packed} bytes unpack to {unpacked}, more than {HIGHEST_RATIO} to 1; if that "
            "is meant, save it unpacked (np.save)",
            path=path,
        )


def _read_header(
    stream: IO[bytes], path: str | os.PathLike[str], name: str | None = None
) -> Header:
    """The header of an array; DataError if it holds Python objects."""
    where = "" if name is None else f"{name}: "
    major, _ = np.lib.format.read_magic(stream)
    if major not in (1, 2, 3):
        raise DataError(f"{where}format {major} of .npy is not known", path=path)
    size_bytes = stream.read(2 if major == 1 else 4)
    length = int.from_bytes(size_bytes, "little")
    text = stream.read(length) if length <= LONGEST_HEADER else b""
    if len(text) != length:
        raise DataError(f"{where}a header of {length} bytes cannot be read", path=path)
    read = np.lib.format.read_array_header_1_0
    read = read if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read(io.BytesIO(size_bytes + text))
    if dtype.hasobject:
        raise DataError(
            f"not a readable {NPY if name is None else NPZ}: {where}it holds Python objects, which "
            "only pickle can read; save numbers or texts",
            path=path,
        )
    if dtype.itemsize < 0 or any(isinstance(side, bool) or side < 0 for side in shape):
        raise DataError(f"{where}an array cannot be {dtype} of shape {shape}", path=path)
    return Header(
        shape, dtype, fortran_order, len(np.lib.format.MAGIC_PREFIX) + 2 + len(size_bytes) + length
    )


def _with_characters(array: np.ndarray) -> np.ndarray:
    """The array; ValueError if it holds texts of what is not a character, on which Python fails."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        order = array.dtype.byteorder
        if np.ascontiguousarray(array).reshape(-1).view(f"{order}u4").max() > sys.maxunicode:
            raise ValueError("a text holds what is not a character")
    return array


def _check_size(
    header: Header, there: int, path: str | os.PathLike[str], name: str | None = None
) -> None:
    """DataError if the header asks for more data than there are."""
    if header.num_bytes > there:
        raise DataError(
            f"not a readable {NPY if name is None else f'{NPZ} ({name})'}, or cut short: "
            f"{header.dtype} {header.shape} has {header.num_bytes} bytes, {there} are there; get "
            "it again, or write it again",
            path=path,
        )

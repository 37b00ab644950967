"""The layout of MXNet's .params files, checked before MXNet reads one: it trusts every number.

A file is the word 0x112 and a reserved one (uint64), the count of tensors and the tensors, the
count of names and the names (a length and UTF-8 bytes). A tensor is a magic word, in version 2 its
storage type, its shape (a count and int64 sizes), device, type, and its bytes. Only headers are
read here; the bytes are skipped. Source: MXNet 1.9.1, src/ndarray/ndarray.cc.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from gluon_hash.errors import DataError

__all__ = ["StoredTensor", "check_params"]

LIST_MAGIC = 0x112
VERSION_1, VERSION_2, NUMPY_SHAPES = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE = 0
DEVICES = (1, 2, 3, 5)  # CPU, GPU, pinned and shared memory of the CPU
# the type's number -> it; MXNet's bfloat16, 12, has none in NumPy
TYPES = dict(
    enumerate(("f4", "f8", "f2", "u1", "i4", "i1", "i8", "?", "i2", "u2", "u4", "u8", "V2"))
)
MOST_TENSORS = 1 << 16
MOST_AXES = 32
MOST_NAME_BYTES = 1 << 12
LARGEST_DEVICE = 1 << 8


class StoredTensor(NamedTuple):
    """What the header of a tensor says; the bytes are there."""

    shape: tuple[int, ...]
    dtype: np.dtype


class _LayoutError(ValueError):
    """What is wrong with a file, for the message that names it."""


def check_params(path: str | os.PathLike[str]) -> dict[str, StoredTensor]:
    """The tensors of a .params file by name, from their headers alone.

    Parameters
    ----------
    path : path-like
        Written by ``nd.save``, ``save_parameters`` or ``export``.

    Returns
    -------
    dict
        Name -> shape and type, in the order of the file.

    Raises
    ------
    DataError
        If it is not such a file, was cut short or damaged, asks for more than it holds, or its
        tensors are sparse, empty or have no names.
    FileNotFoundError
        If there is none.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataError("expected a .params file, got a folder or a device", path=path)
    try:
        with open(path, "rb") as stream:
            return _Reader(stream).tensors()
    except _LayoutError as error:
        raise DataError(
            f"not a .params file, or one that was cut short or damaged: {error}", path=path
        ) from error


class _Reader:
    """Walks over a file from header to header."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = os.fstat(stream.fileno()).st_size

    def tensors(self) -> dict[str, StoredTensor]:
        """All of them; the file must end behind the last name."""
        magic, _, count = self._words("<QQQ")
        if magic != LIST_MAGIC:
            raise _LayoutError(f"it begins with {magic:#x}, expected {LIST_MAGIC:#x}")
        if count > MOST_TENSORS:
            raise _LayoutError(f"it promises {count} tensors, more than {MOST_TENSORS}")
        tensors = [self._tensor(number) for number in range(count)]
        (num_names,) = self._words("<Q")
        if num_names == 0 and tensors:
            raise _LayoutError("the tensors have no names; save them with save_parameters")
        if num_names != count:
            raise _LayoutError(f"it has {count} tensors, but {num_names} names")
        names = [self._name() for _ in range(num_names)]
        if len(set(names)) != len(names):
            raise _LayoutError("a name appears twice")
        if self._left:
            raise _LayoutError(f"{self._left} bytes follow the last name")
        return dict(zip(names, tensors))

    def _tensor(self, number: int) -> StoredTensor:
        (magic,) = self._words("<I")
        if magic == NUMPY_SHAPES:
            raise _LayoutError("it was saved in MXNet's NumPy mode; save it without npx.set_np()")
        if magic == VERSION_2:
            (storage,) = self._words("<i")
            if storage != DENSE:
                raise _LayoutError(f"tensor {number} is sparse (storage type {storage})")
        shape = self._shape(magic)
        if not shape or min(shape) < 1:
            raise _LayoutError(f"tensor {number} is empty, its shape is {shape}")
        device, device_number, kind = self._words("<iii")
        if device not in DEVICES or not 0 <= device_number < LARGEST_DEVICE or kind not in TYPES:
            raise _LayoutError(
                f"tensor {number} has type {kind} on device {device}, {device_number}"
            )
        dtype = np.dtype(TYPES[kind])
        num_bytes = math.prod(shape) * dtype.itemsize
        if num_bytes > self._left:
            raise _LayoutError(
                f"tensor {number} of shape {shape} has {num_bytes} bytes, {self._left} are left"
            )
        self._left -= num_bytes
        self._stream.seek(num_bytes, os.SEEK_CUR)
        return StoredTensor(shape, dtype)

    def _shape(self, magic: int) -> tuple[int, ...]:
        """Sizes; before version 1 the number of axes came in place of the magic word."""
        oldest = magic not in (VERSION_1, VERSION_2)
        num_axes = magic if oldest else self._words("<i")[0]
        if not 0 <= num_axes <= MOST_AXES:
            raise _LayoutError(f"a tensor has {num_axes} axes, expected at most {MOST_AXES}")
        return self._words(f"<{num_axes}{'I' if oldest else 'q'}")

    def _name(self) -> str:
        (length,) = self._words("<Q")
        if not 1 <= length <= min(MOST_NAME_BYTES, self._left):
            raise _LayoutError(f"a name has {length} bytes, {self._left} are left")
        data = self._bytes(length)
        try:
            name = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _LayoutError("a name is not UTF-8") from error
        if not name.isprintable():
            raise _LayoutError(f"a name holds control characters: {name!r}")
        return name

    def _words(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._bytes(struct.calcsize(layout)))

    def _bytes(self, count: int) -> bytes:
        data = self._stream.read(count) if count <= self._left else b""
        if len(data) < count:
            raise _LayoutError(f"it ends where {count} bytes were expected")
        self._left -= count
        return data

"""The layout of FAISS's files of binary indexes, checked before FAISS reads one.

FAISS before 1.14 trusts every number in it. A vector is its length (uint64) and its values; numbers
are little-endian. Source: FAISS 1.8 to 1.15, faiss/impl/index_write.cpp; the four kinds here are
written alike by all of them.
"""

from __future__ import annotations

import os

import numpy as np

__all__ = ["LayoutError", "StructureFile", "expect_within"]

FLAT = b"IBxF"
HAMMING = 1  # what a binary index has for a metric
VALUES_AT_A_TIME = 1 << 22


class LayoutError(ValueError):
    """What is wrong with a file, for the message that names it."""


class StructureFile:
    """A cursor over a file; its values stay in the file until they are looked at.

    Parameters
    ----------
    path : path-like
    num_bits : int
        Length of a code, in whole bytes, that the file must be of.
    """

    def __init__(self, path: str | os.PathLike[str], num_bits: int) -> None:
        size = os.path.getsize(path)
        self._data = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
        self._at = 0
        self.num_bits = num_bits

    def numbers(self, dtype: str, count: int) -> np.ndarray:
        """The next ``count`` values."""
        size = count * np.dtype(dtype).itemsize
        left = len(self._data) - self._at
        if size > left:
            raise LayoutError(f"{size} bytes expected at byte {self._at}, {left} are left")
        values = self._data[self._at : self._at + size].view(dtype)
        self._at += size
        return values

    def number(self, dtype: str) -> int:
        """The next value."""
        return int(self.numbers(dtype, 1)[0])

    def vector(self, dtype: str, count: int | None = None) -> np.ndarray:
        """The next vector, of ``count`` values if that is known."""
        length = self.number("<u8")
        if count is not None and length != count:
            raise LayoutError(f"{length} values at byte {self._at}, expected {count}")
        return self.numbers(dtype, length)

    def word(self, *expected: bytes) -> bytes:
        """The next four letters, which are one of ``expected``."""
        letters = self.numbers("u1", 4).tobytes()
        if letters not in expected:
            raise LayoutError(f"{letters!r} at byte {self._at - 4}, expected {expected[0]!r}")
        return letters

    def header(self, letters: bytes) -> tuple[int, bool]:
        """What every structure begins with: its number of codes, and whether it has learnt."""
        self.word(letters)
        num_bits, num_bytes, count = self.number("<i4"), self.number("<i4"), self.number("<i8")
        if (num_bits, num_bytes) != (self.num_bits, self.num_bits // 8):
            raise LayoutError(f"it holds codes of {num_bits} bits, expected {self.num_bits}")
        learnt, metric = self.number("u1"), self.number("<i4")
        fits = 0 <= count * num_bytes <= len(self._data)  # each code is in the file
        if not fits or learnt > 1 or metric != HAMMING:
            raise LayoutError(f"it says that it has {count} codes and metric {metric}")
        return count, bool(learnt)

    def flat(self) -> np.ndarray:
        """The codes of a flat structure: uint8 (N, num_bits / 8)."""
        count, _ = self.header(FLAT)
        width = self.num_bits // 8
        return self.vector("u1", count * width).reshape(count, width)

    def end(self) -> None:
        """LayoutError if something follows."""
        if self._at != len(self._data):
            raise LayoutError(f"{len(self._data) - self._at} bytes follow its end")


def expect_within(values: np.ndarray, lowest: int, end: int, what: str) -> None:
    """LayoutError unless all ``values`` are in [lowest, end); looks at them piece by piece."""
    for start in range(0, len(values), VALUES_AT_A_TIME):
        piece = values[start : start + VALUES_AT_A_TIME]
        if piece.min() < lowest or piece.max() >= end:
            raise LayoutError(f"{what}: expected {lowest} to {end - 1}")

"""Relaxed code -> {-1, +1} -> packed bytes, and back; only here it is said that sign(0) = +1."""

from __future__ import annotations

import numpy as np

__all__ = ["binarize", "check_packed", "first_bits", "num_bytes", "pack", "unpack"]


def num_bytes(num_bits: int) -> int:
    """Bytes that a packed code of ``num_bits`` takes."""
    return (num_bits + 7) // 8


def binarize(relaxed: np.ndarray) -> np.ndarray:
    """The code of a relaxed code: +1 where it is >= 0 (zero too), else -1.

    Parameters
    ----------
    relaxed : ndarray of float, shape (N, num_bits)

    Returns
    -------
    ndarray of int8, shape (N, num_bits), in {-1, +1}

    Raises
    ------
    ValueError
        If a value is NaN; names the first such row.

    Examples
    --------
    >>> binarize(np.array([[0.2, 0.0, -0.0, -3.0]]))
    array([[ 1,  1,  1, -1]], dtype=int8)
    """
    relaxed = np.asarray(relaxed)
    nan_rows = np.flatnonzero(np.isnan(relaxed).any(axis=1))
    if len(nan_rows):
        raise ValueError(
            f"binarize: NaN in row {nan_rows[0]} ({len(nan_rows)} rows have one); "
            "the network diverged, or its input was not finite"
        )
    return np.where(relaxed >= 0, 1, -1).astype(np.int8)


def pack(codes: np.ndarray) -> np.ndarray:
    """Pack codes or relaxed codes: bit j is bit (j mod 8) of byte (j // 8), and 1 where u_j >= 0.

    Parameters
    ----------
    codes : ndarray, shape (N, num_bits)

    Returns
    -------
    ndarray of uint8, shape (N, ceil(num_bits / 8))
        Padding bits are 0.

    Examples
    --------
    >>> pack(np.array([[1, -1, 1, -1, -1, -1, -1, -1, 1]]))
    array([[5, 1]], dtype=uint8)
    """
    return np.packbits(binarize(codes) > 0, axis=1, bitorder="little")


def unpack(packed: np.ndarray, num_bits: int) -> np.ndarray:
    """The inverse of pack.

    Parameters
    ----------
    packed : ndarray of uint8, shape (N, ceil(num_bits / 8))
    num_bits : int

    Returns
    -------
    ndarray of int8, shape (N, num_bits), in {-1, +1}

    Raises
    ------
    ValueError
        If the width does not fit ``num_bits`` or a padding bit is set.
    """
    packed = check_packed(packed, num_bits)
    bits = np.unpackbits(packed, axis=1, count=num_bits, bitorder="little")
    return bits.astype(np.int8) * 2 - 1


def first_bits(packed: np.ndarray, num_bits: int, kept: int) -> np.ndarray:
    """The first ``kept`` bits of packed codes of ``num_bits``.

    Parameters
    ----------
    packed : ndarray of uint8, shape (N, ceil(num_bits / 8))
    num_bits, kept : int

    Returns
    -------
    ndarray of uint8, shape (N, ceil(kept / 8))
        Padding bits are 0.

    Raises
    ------
    ValueError
        If the codes have fewer bits, ``kept`` is not positive, or as check_packed.

    Examples
    --------
    >>> first_bits(np.array([[255, 255]], np.uint8), 16, 11)
    array([[255,   7]], dtype=uint8)
    """
    if not 1 <= kept <= num_bits:
        raise ValueError(f"first bits: expected 1 to {num_bits}, the bits of the codes, got {kept}")
    cut = check_packed(packed, num_bits)[:, : num_bytes(kept)].copy()
    cut[:, -1] &= 255 >> (-kept % 8)
    return cut


def check_packed(packed: np.ndarray, num_bits: int) -> np.ndarray:
    """``packed`` as it is, or ValueError: wrong dtype, width, or a padding bit that is set."""
    packed = np.asarray(packed)
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != num_bytes(num_bits):
        raise ValueError(
            f"packed codes of {num_bits} bits: expected uint8 (N, {num_bytes(num_bits)}), "
            f"got {packed.dtype} {packed.shape}"
        )
    tail = num_bits % 8
    if tail and (packed[:, -1] >> tail).any():
        raise ValueError(
            f"packed codes of {num_bits} bits: a padding bit of the last byte is set; "
            "were they packed in another bit order?"
        )
    return packed

"""What is done to every pixel, compiled: rows of a PNG undone, an image written into a batch.

All that these two call is in this file: Numba notices its changes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from gluon_hash.compiling import inner, kept

__all__ = ["fill", "unfilter"]

NONE, SUB, UP, AVERAGE, PAETH = range(5)  # how a row of a PNG is written
CHANNELS = 3
Byte: TypeAlias = Any  # np.int32, of 0 to 255


@inner
def _predicted(kind: int, left: Byte, above: Byte, corner: Byte) -> Byte:
    """What a byte is expected to be; PAETH: what is nearest to left + above - corner."""
    if kind == SUB:
        return left
    if kind == AVERAGE:
        return (left + above) >> 1
    to_left, to_above = abs(above - corner), abs(left - corner)
    to_corner = abs(left + above - 2 * corner)
    other = above if to_above <= to_corner else corner
    return left if to_left <= min(to_above, to_corner) else other


@inner
def _unfilter_row(kind: int, source: np.ndarray, above: np.ndarray, row: np.ndarray) -> None:
    """A row whose bytes depend on those on their left, which stay in registers."""
    left_r, left_g, left_b = np.int32(0), np.int32(0), np.int32(0)
    corner_r, corner_g, corner_b = np.int32(0), np.int32(0), np.int32(0)
    for x in range(0, len(row), CHANNELS):
        up_r, up_g, up_b = np.int32(above[x]), np.int32(above[x + 1]), np.int32(above[x + 2])
        left_r = (source[x] + _predicted(kind, left_r, up_r, corner_r)) & 255
        left_g = (source[x + 1] + _predicted(kind, left_g, up_g, corner_g)) & 255
        left_b = (source[x + 2] + _predicted(kind, left_b, up_b, corner_b)) & 255
        row[x], row[x + 1], row[x + 2] = left_r, left_g, left_b
        corner_r, corner_g, corner_b = up_r, up_g, up_b


@kept
def unfilter(rows: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether the rows of a PNG of 8-bit RGB, of which ``pixels`` become the image, are right.

    Parameters
    ----------
    rows : uint8, shape (height * (1 + 3 * width),)
        Each row behind the byte that says how it is written.
    pixels : uint8, shape (height, width, 3)

    Source: PNG (ISO/IEC 15948), 9 Filtering.
    """
    height, width = pixels.shape[:2]
    length = CHANNELS * width
    image = pixels.reshape(height, length)
    above = np.zeros(length, np.uint8)
    for y in range(height):
        begin = y * (length + 1)
        kind, source, row = rows[begin], rows[begin + 1 : begin + 1 + length], image[y]
        if kind == NONE or kind == UP:
            for x in range(length):
                row[x] = source[x] + (above[x] if kind == UP else 0)
        elif kind <= PAETH:
            _unfilter_row(kind, source, above, row)
        else:
            return False
        above = row
    return True


@kept
def fill(
    image: np.ndarray,
    top: int,
    left: int,
    mirrored: bool,
    scale: np.ndarray,
    offset: np.ndarray,
    planes: np.ndarray,
) -> None:
    """A window of an image as planes of ``pixel * scale + offset``; beyond the image lies black.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        Not to be written to, so that one compiled form serves all.
    top, left : int
        Where the window begins; it may be outside.
    mirrored : bool
    scale, offset : float32, shape (3, 1, 1)
    planes : float32 (or uint8, with a scale of 1 and an offset of 0), shape (3, rows, columns)
        What is filled.
    """
    height, width = image.shape[:2]
    rows, columns = planes.shape[1:]
    first, last = max(0, -left), min(columns, width - left)  # columns inside of the image
    begin = columns - last if mirrored else first  # of these among the planes' columns
    end = begin + last - first
    scale_r, scale_g, scale_b = scale[0, 0, 0], scale[1, 0, 0], scale[2, 0, 0]
    offset_r, offset_g, offset_b = offset[0, 0, 0], offset[1, 0, 0], offset[2, 0, 0]
    for y in range(rows):
        inside = 0 <= top + y < height and first < last
        if not inside or last - first < columns:
            for x in range(columns):
                planes[0, y, x], planes[1, y, x], planes[2, y, x] = offset_r, offset_g, offset_b
        if not inside:
            continue
        source = image[top + y].reshape(-1)[CHANNELS * (left + first) :]
        red, green, blue = planes[0, y, begin:end], planes[1, y, begin:end], planes[2, y, begin:end]
        count = len(red)
        for x in range(count):
            red[x] = np.float32(source[CHANNELS * x]) * scale_r + offset_r
            green[x] = np.float32(source[CHANNELS * x + 1]) * scale_g + offset_g
            blue[x] = np.float32(source[CHANNELS * x + 2]) * scale_b + offset_b
        if mirrored:
            for plane in (red, green, blue):
                for x in range(count // 2):
                    at = count - 1 - x
                    plane[x], plane[at] = plane[at], plane[x]

"""Ordinary PNG and JPEG files, decoded sooner than Pillow does it: the same pixels, or none.

What is not as encoders write it by default, or is damaged, is left to gluon_hash.records.images.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["MAX_PIXELS", "decode_ordinary", "expect_many"]

# A PNG: IHDR (8 bits of RGB, in rows), one IDAT, IEND
PNG_BEGIN, PNG_MODE, PNG_END = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x08\x02\0\0\0", b"\0\0\0\0IEND"
PNG_HEADER, PNG_KIND = slice(12, 29), slice(37, 41)
PNG_CONTENT = 41  # where that of IDAT begins
PNG_REST = 57  # bytes beside it
PNG_PIXELS = 1 << 20  # up to which it matters how long Pillow takes to open an image
MAX_PIXELS = 1 << 26  # 8192 x 8192: decoding takes half a GB, of a WebP 1 GB
JPEG_BEGIN, JPEG_END, JPEG_FRAME, JPEG_SCAN = b"\xff\xd8\xff", b"\xff\xd9", 0xC0, 0xDA
# quantisation, Huffman tables, JFIF, colour profile, comment: none changes how it is read
JPEG_SEGMENTS = (0xDB, 0xC4, 0xE0, 0xE2, 0xFE)
# of a frame: luma and two colours, these in full, half, or half of both sides
JPEG_COMPONENTS = tuple(
    bytes([1, sampling, first, 2, 0x11, second, 3, 0x11, second])
    for sampling in (0x11, 0x21, 0x22)
    for first, second in ((0, 1), (0, 0))
)


@dataclass
class _Tools:
    """What expect_many has loaded."""

    unfilter: Callable[[np.ndarray, np.ndarray], bool] | None = None
    opencv: Any = None


_tools = _Tools()


def expect_many() -> None:
    """Have ordinary images decoded without Pillow from now on.

    A PNG of 32 px takes 30 us in place of 80, most of which keep other threads waiting; a JPEG of
    256 px, where OpenCV is installed, 0.5 ms in place of 0.75. But what does it takes a quarter of
    a second to import, and in the first run of a version some seconds to compile.
    """
    if _tools.unfilter is not None:
        return
    with suppress(ImportError):
        opencv = import_module("cv2")
        # older ones give blue, green, red; of a build with another library, pixels may be others
        if hasattr(opencv, "IMREAD_COLOR_RGB") and _agrees(opencv):
            _tools.opencv = opencv
    from gluon_hash.records.kernels import unfilter

    _tools.unfilter = unfilter


def decode_ordinary(data: bytes) -> np.ndarray | None:
    """The pixels of an encoded image, uint8 RGB (height, width, 3), to be decoded by what is here.

    None before expect_many was called, and of an image that is damaged or not ordinary.
    """
    if _tools.unfilter is not None and data[: len(PNG_BEGIN)] == PNG_BEGIN:
        return _png(data, _tools.unfilter)
    if _tools.opencv is not None and _is_plain_jpeg(data):
        return _by_opencv(data, _tools.opencv)
    return None


def _png(data: bytes, unfilter: Callable[[np.ndarray, np.ndarray], bool]) -> np.ndarray | None:
    end = len(data) - PNG_REST + PNG_CONTENT  # of the content of IDAT
    if (
        data[24:29] != PNG_MODE
        or data[PNG_KIND] != b"IDAT"
        or data[-12:-4] != PNG_END
        or int.from_bytes(data[33:37], "big") != end - PNG_CONTENT
    ):
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    view = memoryview(data)
    if (
        not 1 <= width * height <= PNG_PIXELS
        or zlib.crc32(view[PNG_HEADER]).to_bytes(4, "big") != data[29:33]
        or zlib.crc32(view[PNG_KIND.start : end]).to_bytes(4, "big") != data[end : end + 4]
    ):
        return None
    length = height * (1 + 3 * width)
    stream = zlib.decompressobj()
    try:
        rows = stream.decompress(view[PNG_CONTENT:end], length + 1)  # never more than that
    except zlib.error:
        return None
    if len(rows) != length or not stream.eof or stream.unused_data:
        return None
    pixels = np.empty((height, width, 3), np.uint8)
    return pixels if unfilter(np.frombuffer(rows, np.uint8), pixels) else None


def _is_plain_jpeg(data: bytes) -> bool:
    """Whether it is a whole baseline JPEG of three components that nothing says more about.

    A block of EXIF may turn the image, one of Adobe's may change its colours.
    """
    if data[:3] != JPEG_BEGIN or data[-2:] != JPEG_END:
        return False
    at, framed = 2, False
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == JPEG_SCAN:
            # of all components at once, and no marker before that of the end
            markers = data.count(b"\xff", at + 2) - data.count(b"\xff\0", at + 2)
            return framed and data[at + 4 : at + 5] == b"\x03" and markers == 1
        if kind == JPEG_FRAME and not framed:
            framed = _is_plain_frame(data[at + 4 : at + 2 + length])
            if not framed:
                return False
        elif kind not in JPEG_SEGMENTS or length < 2:
            return False
        at += 2 + length
    return False


def _is_plain_frame(frame: bytes) -> bool:
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return (
        frame[:1] == b"\x08"  # bits
        and 1 <= width * height <= MAX_PIXELS
        and frame[5:6] == b"\x03"
        and frame[6:] in JPEG_COMPONENTS
    )


def _by_opencv(data: bytes, opencv: Any) -> np.ndarray | None:
    try:
        return opencv.imdecode(np.frombuffer(data, np.uint8), opencv.IMREAD_COLOR_RGB)
    except opencv.error:
        return None


def _agrees(opencv: Any) -> bool:
    """Whether OpenCV gives the pixels that Pillow gives, of JPEGs of each kind."""
    pixels = np.random.RandomState(0).randint(0, 256, (33, 35, 3)).astype(np.uint8)
    for subsampling in range(3):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90, subsampling=subsampling)
        found = _by_opencv(buffer.getvalue(), opencv)
        if found is None or not np.array_equal(found, np.asarray(Image.open(buffer))):
            return False
    return True

"""Writing .rec/.idx, and rebuilding an index."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path, replace_text
from gluon_hash.progress import track
from gluon_hash.records.frames import FrameError, frame, pack_payload, unpack_payload, walk_frames
from gluon_hash.records.images import WHITE, Color, decode_image, has_transparency
from gluon_hash.records.lists import read_list
from gluon_hash.records.prefetch import mapped
from gluon_hash.records.reader import map_file

__all__ = [
    "encode_jpeg",
    "encode_png",
    "pack_list",
    "rebuild_index",
    "record_image",
    "shrink",
    "write_payloads",
    "write_records",
]

SMALL_PIXELS = 1 << 14  # of an image, of which what Pillow does beside compressing takes long
PAETH = 4  # how a row is written


def write_records(
    rec_path: str | os.PathLike[str], entries: Iterable[tuple[int, np.ndarray, bytes]], total: int
) -> None:
    """Write FILE.rec and FILE.idx, both whole or neither.

    Parameters
    ----------
    rec_path : path-like
    entries : iterable of (id, labels, image)
        Id >= 0, integer labels (K,) finest first, encoded image.
    total : int
        Number of entries, for the progress shown.
    """
    payloads = (
        (record_id, pack_payload(record_id, labels, image)) for record_id, labels, image in entries
    )
    write_payloads(rec_path, payloads, total)


def write_payloads(
    rec_path: str | os.PathLike[str], payloads: Iterable[tuple[int, bytes]], total: int
) -> None:
    """As write_records, of (id, payload), where a payload is a header, labels and an image."""
    rec_path = Path(rec_path)
    with ExitStack() as stack:
        # renamed in reverse order of entering: the index comes into place last
        index_path = stack.enter_context(atomic_path(rec_path.with_suffix(".idx")))
        data_path = stack.enter_context(atomic_path(rec_path))
        with open(data_path, "wb") as data, open(index_path, "w", encoding="utf-8") as index:
            for record_id, payload in track(payloads, f"write {rec_path.name}", total):
                index.write(f"{record_id}\t{data.tell()}\n")
                data.write(frame(payload))


def pack_list(
    list_path: str | os.PathLike[str],
    image_root: str | os.PathLike[str],
    rec_path: str | os.PathLike[str],
    *,
    short_side: int | None = None,
    background: Color = WHITE,
) -> None:
    """Pack the images that a .lst file names.

    Parameters
    ----------
    list_path, image_root : path-like
        Paths in the list are relative to ``image_root``.
    rec_path : path-like
    short_side, background
        As record_image.

    Raises
    ------
    DataError
        With the line of the list: an image that is missing or unreadable. Nothing is written then.
    """
    images = read_list(list_path)

    def entry(number: int) -> tuple[int, np.ndarray, bytes]:
        name = images.paths[number]
        try:
            data = (Path(image_root) / name).read_bytes()
            data = record_image(data, short_side=short_side, background=background)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{name}: {error}; repair the image or take the line out",
                path=list_path,
                line=number + 1,
            ) from error
        return int(images.ids[number]), images.level_labels[number], data

    write_records(rec_path, mapped(entry, len(images)), len(images))


def record_image(data: bytes, *, short_side: int | None = None, background: Color = WHITE) -> bytes:
    """What a record keeps of an image file: its own bytes where that gives the same pixels later.

    An image with transparency becomes a PNG over the background, so that what reads the record need
    not know of either; one that is too large becomes a JPEG of quality 95.

    Parameters
    ----------
    data : bytes
        The encoded image.
    short_side : int, optional
        Of the largest image that is kept as it is, in pixels; larger ones are shrunk to it.
    background : Color

    Raises
    ------
    ValueError
        If it is not a readable image.
    """
    pixels = decode_image(data, background)
    smaller = None if short_side is None else shrink(pixels, short_side)
    if smaller is not None:
        return smaller
    return encode_png(pixels) if has_transparency(data) else data


def shrink(pixels: np.ndarray, short_side: int) -> bytes | None:
    """An RGB image as a JPEG with this short side; None of one that is not larger."""
    height, width = pixels.shape[:2]
    if min(height, width) <= short_side:
        return None
    scale = short_side / min(height, width)
    size = (max(round(width * scale), short_side), max(round(height * scale), short_side))
    return encode_jpeg(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)))


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 RGB image (height, width, 3) as PNG: exact."""
    height, width = image.shape[:2]
    if height * width <= SMALL_PIXELS:
        return _small_png(image)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _small_png(image: np.ndarray) -> bytes:
    """One IDAT, all rows written by Paeth's predictor: two thirds of Pillow's time, no more bytes.

    Source: PNG (ISO/IEC 15948), 9.4.
    """
    height, width = image.shape[:2]
    flat = image.reshape(height, 3 * width)
    around = np.zeros((height + 1, 3 * width + 3), np.int16)
    around[1:, 3:] = flat
    left, above, corner = around[1:, :-3], around[:-1, 3:], around[:-1, :-3]
    to_left, to_above = above - corner, left - corner
    to_corner = np.abs(to_left + to_above)
    np.abs(to_left, out=to_left), np.abs(to_above, out=to_above)
    guess = np.where(to_above <= to_corner, above, corner)
    np.copyto(guess, left, where=to_left <= np.minimum(to_above, to_corner))
    rows = np.full((height, 1 + 3 * width), PAETH, np.uint8)
    np.subtract(flat, guess, out=rows[:, 1:], casting="unsafe")
    compressor = zlib.compressobj(1, strategy=zlib.Z_RLE)  # noise repeats nothing else
    content = compressor.compress(rows.tobytes()) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits of RGB, in rows
    chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def encode_jpeg(image: np.ndarray) -> bytes:
    """A uint8 RGB image (height, width, 3) as JPEG of quality 95."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def rebuild_index(rec_path: str | os.PathLike[str]) -> int:
    """Write FILE.idx again from FILE.rec; returns the number of records.

    Raises
    ------
    DataError
        If the file is damaged: the record before which it breaks.
    """
    rec_path = Path(rec_path)
    lines = [f"{record_id}\t{offset}\n" for record_id, offset in _walk(rec_path)]
    replace_text(rec_path.with_suffix(".idx"), "".join(lines))
    return len(lines)


def _walk(rec_path: Path) -> Iterator[tuple[int, int]]:
    """Id and offset of every record; DataError for the first that cannot be read."""
    record = 0
    try:
        for offset, payload in walk_frames(map_file(rec_path)):
            yield unpack_payload(payload)[0], offset
            record += 1
    except FrameError as error:
        raise DataError(
            f"{error}; the file is damaged from here on: `gluon-hash check --repair` writes the "
            "good records into a new file",
            path=rec_path,
            record=record,
        ) from error

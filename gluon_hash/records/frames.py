"""The RecordIO frame format, as MXNet defines it: magic word, length, payload; no checksum.

A record is a 32-bit magic word, a 32-bit word of 3 flag bits and 29 length bits, and the payload,
padded to four bytes. A payload that holds the magic word at a multiple of four is cut there into
parts (flags 1 first, 2 middle, 3 last). The payload of an image is IRHeader (flag uint32, label
float32, id uint64, id2 uint64; flag > 0 is the number of float32 labels that follow) and the
encoded image. Source: dmlc-core recordio.h, mxnet recordio.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = [
    "Damage",
    "FrameError",
    "LENGTH_MASK",
    "MAGIC",
    "frame",
    "header_type",
    "is_plain",
    "pack_payload",
    "parse_frame",
    "salvage_frames",
    "unpack_payload",
    "walk_frames",
]

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
HEADER = struct.Struct("<IfQQ")
WORDS = struct.Struct("<II")
LENGTH_MASK = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
MOST_LABELS = 1 << 16  # of a header that is believed after damage
LARGEST_ID = (1 << 63) - 1
BYTES_AT_A_TIME = 1 << 22


class FrameError(ValueError):
    """The bytes at an offset are not a record."""


class Damage(NamedTuple):
    """Bytes ``begin`` to before ``end`` that are not a record, and why."""

    begin: int
    end: int
    why: str


def pack_payload(record_id: int, labels: np.ndarray, image: bytes) -> bytes:
    """IRHeader with ``labels`` (K,) and ``record_id``, then the encoded image."""
    labels = np.asarray(labels, dtype="<f4")
    return HEADER.pack(len(labels), 0.0, record_id, 0) + labels.tobytes() + image


def unpack_payload(payload: bytes) -> tuple[int, np.ndarray, bytes]:
    """The id, the float32 labels (K,) and the encoded image of a payload."""
    if len(payload) < HEADER.size:
        raise FrameError(f"expected a header of {HEADER.size} bytes, got {len(payload)} bytes")
    flag, label, record_id, _ = HEADER.unpack_from(payload)
    end = HEADER.size + 4 * flag
    if end > len(payload):
        raise FrameError(f"the header promises {flag} labels, but only {len(payload)} bytes follow")
    if record_id > LARGEST_ID:
        raise FrameError(f"expected an id below 2^63, got {record_id}")
    # a copy: a view would keep the image in memory for the sake of its labels
    labels = (
        np.frombuffer(payload, "<f4", flag, HEADER.size).copy()
        if flag
        else np.array([label], np.float32)
    )
    return record_id, labels, bytes(payload[end:])


def header_type(num_labels: int) -> np.dtype:
    """How a record begins that holds ``num_labels`` labels, and a payload that was not cut."""
    words = [("magic", "<u4"), ("word", "<u4"), ("flag", "<u4"), ("label", "<f4")]
    return np.dtype([*words, ("id", "<u8"), ("id2", "<u8"), ("labels", "<f4", (num_labels,))])


def is_plain(rows: np.ndarray, num_labels: int) -> np.ndarray:
    """Which rows of header_type say what it expects: bool (N,); the others need parse_frame."""
    flag, length = rows["flag"], rows["word"] & LENGTH_MASK
    return (
        (rows["magic"] == MAGIC)
        & (rows["word"] >> 29 == WHOLE)
        & ((flag == num_labels) | ((flag == 0) & (num_labels == 1)))
        & (length >= HEADER.size + 4 * flag.astype(np.int64))
        & (rows["id"] <= LARGEST_ID)
    )


def frame(payload: bytes) -> bytes:
    """The record that holds ``payload``; ValueError if that is longer than a record can be."""
    if len(payload) > LENGTH_MASK:
        raise ValueError(f"a record holds less than 512 MB, got {len(payload)} bytes")
    cuts = [position for position in _find_all(payload) if position % 4 == 0]
    if not cuts:
        return _part(WHOLE, payload)
    starts = [0] + [cut + 4 for cut in cuts]
    ends = cuts + [len(payload)]
    flags = [FIRST] + [MIDDLE] * (len(cuts) - 1) + [LAST]
    return b"".join(
        _part(flag, payload[start:end]) for flag, start, end in zip(flags, starts, ends)
    )


def parse_frame(data: memoryview, offset: int) -> tuple[bytes, int]:
    """The payload of the record at ``offset``, and the offset of the next one.

    Raises
    ------
    FrameError
        If there is no magic word, the data ends too early, or parts are out of order.
    """
    parts: list[bytes] = []
    while True:
        if offset + 8 > len(data):
            raise FrameError(
                f"the file ends at byte {len(data)}, inside a record that began before"
            )
        magic, word = WORDS.unpack_from(data, offset)
        if magic != MAGIC:
            raise FrameError(f"expected the magic word at byte {offset}, got {magic:#010x}")
        flag, length = word >> 29, word & LENGTH_MASK
        end = offset + 8 + length
        if end > len(data):
            raise FrameError(
                f"the record at byte {offset} should end at byte {end}, the file ends at "
                f"{len(data)}"
            )
        if (flag in (WHOLE, FIRST)) == bool(parts):
            raise FrameError(
                f"expected {'another part' if parts else 'the beginning'} of a record at byte "
                f"{offset}, got {'the beginning of one' if parts else 'a later part'}"
            )
        parts.append(bytes(data[offset + 8 : end]))
        offset = end + (-length) % 4
        if flag in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts), offset


def walk_frames(data: memoryview) -> Iterator[tuple[int, bytes]]:
    """Offset and payload of every record, from the first byte to the last."""
    offset = 0
    while offset < len(data):
        start = offset
        payload, offset = parse_frame(data, offset)
        yield start, payload


def salvage_frames(data: memoryview) -> Iterator[tuple[int, bytes] | Damage]:
    """As walk_frames, but what is not a record is a Damage, and the next record follows it.

    A part never holds the magic word at a multiple of four, so that one which does has a wrong
    length, and hides the records after it.
    """
    offset = 0
    while offset < len(data):
        try:
            payload, end = parse_frame(data, offset)
            _refuse_hidden(data, offset)
            _refuse_overlap(data, offset, end)
        except FrameError as error:
            end = _next_record(data, offset + 1)
            yield Damage(offset, end, str(error))
        else:
            yield offset, payload
        offset = end


def _refuse_hidden(data: memoryview, offset: int) -> None:
    """FrameError if a part of the record at ``offset``, which can be parsed, is too long."""
    flag = FIRST
    while flag not in (WHOLE, LAST):
        _, word = WORDS.unpack_from(data, offset)
        flag, length = word >> 29, word & LENGTH_MASK
        part = bytes(data[offset + 8 : offset + 8 + length])
        hidden = next((at for at in _find_all(part) if at % 4 == 0), None)
        if hidden is not None:
            raise FrameError(
                f"the record at byte {offset} runs into one at byte {offset + 8 + hidden}, so "
                "that its length is wrong"
            )
        offset += 8 + length + (-length) % 4


def _refuse_overlap(data: memoryview, offset: int, end: int) -> None:
    """FrameError if no record follows that at ``offset``, but one begins inside: bytes are gone."""
    if end >= len(data) or data[end : end + len(MAGIC_BYTES)] == MAGIC_BYTES:
        return
    inside = _next_record(data[:end], offset + 8, data)
    if inside < end:
        raise FrameError(f"the record at byte {offset} runs into one at byte {inside}")


def _next_record(searched: memoryview, offset: int, data: memoryview | None = None) -> int:
    """Where a record begins, at ``offset`` or later; the end of what is searched if none does.

    ``data``: what is searched and what follows it.
    """
    while offset < len(searched):
        block = bytes(searched[offset : offset + BYTES_AT_A_TIME])
        found = block.find(MAGIC_BYTES)
        if found < 0:
            offset += max(len(block) - len(MAGIC_BYTES) + 1, 1)
            continue
        offset += found
        if _is_record(searched if data is None else data, offset):
            return offset
        offset += 1
    return len(searched)


def _is_record(data: memoryview, offset: int) -> bool:
    """Whether the bytes at ``offset`` can be parsed, and say what a record says."""
    try:
        payload, _ = parse_frame(data, offset)
        return HEADER.unpack_from(payload)[0] <= MOST_LABELS and bool(unpack_payload(payload))
    except (FrameError, struct.error):
        return False


def _part(flag: int, payload: bytes) -> bytes:
    return WORDS.pack(MAGIC, flag << 29 | len(payload)) + payload + b"\0" * (-len(payload) % 4)


def _find_all(payload: bytes) -> Iterator[int]:
    position = payload.find(MAGIC_BYTES)
    while position >= 0:
        yield position
        position = payload.find(MAGIC_BYTES, position + 4 - position % 4)

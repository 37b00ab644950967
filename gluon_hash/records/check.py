"""Everything that is wrong with record files, with positions; and a new file of what is good."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import refuse_existing
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import track
from gluon_hash.records.frames import (
    Damage,
    FrameError,
    parse_frame,
    salvage_frames,
    unpack_payload,
)
from gluon_hash.records.images import decode_image
from gluon_hash.records.pack import write_payloads
from gluon_hash.records.reader import EXPECTED_LABELS, REBUILD, are_labels, map_file, read_index

__all__ = ["Entry", "Problem", "RecordCheck", "check_records", "repair_records", "shared_images"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    path : Path
        The file.
    message : str
    record : int, optional
        Position among the records of the file, damaged ones counted, from 0.
    byte : int, optional
        Where the record begins, or should.
    """

    path: Path
    message: str
    record: int | None = None
    byte: int | None = None

    def __str__(self) -> str:
        where = "" if self.record is None else f": record {self.record} (byte {self.byte})"
        return f"{self.path}{where}: {self.message}"


@dataclass
class Entry:
    """A record that can be parsed.

    Parameters
    ----------
    record, byte : int
        As of a Problem.
    id : int
    labels : float32, shape (K,)
    size : (int, int) or None
        Height and width of the image, in pixels; None: it cannot be decoded.
    content : bytes
        Of the pixels: equal for equal images; b"" if they cannot be decoded.
    wrong : list of str
        What is wrong with it.
    """

    record: int
    byte: int
    id: int
    labels: np.ndarray
    size: tuple[int, int] | None
    content: bytes
    wrong: list[str]


@dataclass(frozen=True)
class RecordCheck:
    """What check_records found.

    Parameters
    ----------
    path : Path
    entries : list of Entry
        In the order of the file.
    problems : list of Problem
        By position, those of the index last.
    """

    path: Path
    entries: list[Entry]
    problems: list[Problem]

    @property
    def good(self) -> list[Entry]:
        """The records with which nothing is wrong."""
        return [entry for entry in self.entries if not entry.wrong]

    @property
    def num_classes(self) -> tuple[int, ...]:
        """Different labels at each level, of the good records."""
        labels = [entry.labels for entry in self.good]
        return tuple(len(np.unique(column)) for column in zip(*labels))

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Smallest and largest (height, width) of an image."""
        sizes = np.array([entry.size for entry in self.entries if entry.size] or [(0, 0)])
        (low_height, low_width), (height, width) = sizes.min(axis=0), sizes.max(axis=0)
        return (int(low_height), int(low_width)), (int(height), int(width))


def check_records(path: str | os.PathLike[str], hierarchy: Hierarchy | None = None) -> RecordCheck:
    """Read a .rec file from its first byte to its last, decode every image, compare the index.

    Found are records that were cut short or whose magic word is gone (the next one is looked for),
    wrong labels, ids that appear twice, images that cannot be decoded, and an .idx of another file.

    Parameters
    ----------
    path : path-like
    hierarchy : Hierarchy, optional
        Of the labels; default: as many as most records have, of any class.

    Raises
    ------
    DataError
        If there is no such file, it is empty, or no record is in it.
    """
    path = Path(path)
    entries: list[Entry] = []
    damages: list[Problem] = []
    found = salvage_frames(map_file(path))
    for position, item in enumerate(track(found, f"check {path.name}", _expected(path))):
        if isinstance(item, Damage):
            lost = f"{item.why}; {item.end - item.begin} bytes are lost"
            damages.append(Problem(path, lost, position, item.begin))
            continue
        try:
            entries.append(_entry(position, *item))
        except FrameError as error:
            damages.append(Problem(path, str(error), position, item[0]))
    if not entries:
        raise DataError("no record can be read in this file; is it a .rec file?", path=path)
    _judge_labels(entries, hierarchy)
    _judge_ids(entries)
    problems = damages + [
        Problem(path, f"id {entry.id}: {wrong}", entry.record, entry.byte)
        for entry in entries
        for wrong in entry.wrong
    ]
    problems.sort(key=lambda problem: problem.byte or 0)
    return RecordCheck(path, entries, problems + _index_problems(path, entries))


def shared_images(one: RecordCheck, other: RecordCheck) -> list[Problem]:
    """The images of ``other`` whose pixels are those of an image of ``one``."""
    first = {entry.content: entry for entry in reversed(one.entries) if entry.content}
    return [
        Problem(
            other.path,
            f"id {entry.id}: the same image as id {first[entry.content].id} of {one.path.name}, "
            f"record {first[entry.content].record}",
            entry.record,
            entry.byte,
        )
        for entry in other.entries
        if entry.content in first
    ]


def repair_records(check: RecordCheck, out: str | os.PathLike[str]) -> int:
    """Write the good records, byte for byte, and their index; returns how many.

    Parameters
    ----------
    check : RecordCheck
        As check_records gave it; its file is read again, and left as it is.
    out : path-like
        A .rec file that does not exist yet.

    Raises
    ------
    ValueError
        If ``out`` or its .idx exists, or is not called .rec.
    DataError
        If no record is good.
    """
    out = Path(out)
    if out.suffix != ".rec":
        raise ValueError(f"{out}: expected a name that ends in .rec")
    refuse_existing(out, out.with_suffix(".idx"))
    good = check.good
    if not good:
        raise DataError("no record of this file is good; nothing was written", path=check.path)
    data = map_file(check.path)
    payloads = ((entry.id, parse_frame(data, entry.byte)[0]) for entry in good)
    write_payloads(out, payloads, len(good))
    return len(good)


def _expected(path: Path) -> int:
    """About how many records there are, for the progress shown: the lines of the index."""
    index = path.with_suffix(".idx")
    return index.read_bytes().count(b"\n") if index.is_file() else 0


def _entry(record: int, byte: int, payload: bytes) -> Entry:
    """A record with what is wrong with its image; FrameError if its header cannot be read."""
    record_id, labels, image = unpack_payload(payload)
    if not image:
        return Entry(record, byte, record_id, labels, None, b"", ["its image has no bytes"])
    try:
        pixels = decode_image(image)
    except ValueError as error:
        return Entry(record, byte, record_id, labels, None, b"", [str(error)])
    content = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    content.update(pixels.tobytes())
    size = (pixels.shape[0], pixels.shape[1])
    return Entry(record, byte, record_id, labels, size, content.digest(), [])


def _judge_labels(entries: list[Entry], hierarchy: Hierarchy | None) -> None:
    """Say of each entry whether its labels are as many as there must be, and of classes."""
    counts = Counter(len(entry.labels) for entry in entries)
    num_levels = counts.most_common(1)[0][0] if hierarchy is None else hierarchy.num_levels
    of_whom = "most records have" if hierarchy is None else "the hierarchy has"
    for entry in entries:
        if len(entry.labels) != num_levels:
            entry.wrong.append(f"{len(entry.labels)} labels, {of_whom} {num_levels}")
        elif not are_labels(entry.labels).all():
            entry.wrong.append(f"{EXPECTED_LABELS}, got {entry.labels.tolist()}")
        elif hierarchy is not None:
            try:
                hierarchy.check_partial_labels(entry.labels.astype(np.int32)[None])
            except DataError as error:
                entry.wrong.append(error.message)


def _judge_ids(entries: list[Entry]) -> None:
    """Say of each entry whether an earlier one has its id."""
    first: dict[int, Entry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.id, entry)
        if earlier is not entry:
            entry.wrong.append(f"record {earlier.record} has this id too; it must be unique")


def _index_problems(path: Path, entries: list[Entry]) -> list[Problem]:
    """Where the .idx file and the records differ."""
    index = path.with_suffix(".idx")
    try:
        rows = read_index(index).tolist()
    except DataError as error:
        return [Problem(path, f"{error.path}: {error.message}")]
    return [Problem(index, f"{text}; {REBUILD}") for text in _differences(rows, entries)]


def _differences(rows: Iterable[tuple[int, int]], entries: list[Entry]) -> Iterator[str]:
    at = {entry.byte: entry for entry in entries}
    listed: set[int] = set()
    for number, (key, offset) in enumerate(rows, start=1):
        if offset not in at:
            yield f"line {number}: no whole record begins at byte {offset}"
        elif offset in listed:
            yield f"line {number}: byte {offset} is on a line before, too"
        elif at[offset].id != key:
            found = at[offset].id
            yield f"line {number}: key {key}, but the record at byte {offset} has id {found}"
        listed.add(offset)
    for entry in entries:
        if entry.byte not in listed:
            yield f"record {entry.record} (byte {entry.byte}, id {entry.id}) is not listed"

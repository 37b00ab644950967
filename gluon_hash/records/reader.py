"""RecordFile: random access to the images and labels of a .rec file, from several threads too."""

from __future__ import annotations

import mmap
import os
import re
import weakref
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines
from gluon_hash.records.frames import (
    LENGTH_MASK,
    FrameError,
    header_type,
    is_plain,
    parse_frame,
    unpack_payload,
)
from gluon_hash.records.images import decode_image

__all__ = ["EXPECTED_LABELS", "RecordFile", "are_labels", "map_file", "read_index"]

CHECK = "`gluon-hash check` lists every such record"
REBUILD = "`gluon-hash check FILE.rec --rebuild-index` writes it"
EXPECTED_LABELS = "expected labels that are whole numbers >= 0 (or -1: not known)"
NUMBER = re.compile("[0-9]{1,18}")  # below 2^63
CUT = -1  # where an image begins that lies in several parts
LARGEST_LABEL = 1 << 24  # up to which a float32 holds every whole number


class RecordFile:
    """A .rec file with its .idx: ids and labels in memory, each image read when it is asked for.

    Parameters
    ----------
    path : path-like
        ``train.rec``; ``train.idx`` lies beside it.

    Attributes
    ----------
    path : Path
    ids : int64, shape (N,)
    level_labels : int32, shape (N, K)
    offsets : int64, shape (N,)
        Where each record begins in the file, in bytes.

    Raises
    ------
    DataError
        If the file or its index is missing, the index points beside a record, an id appears twice,
        or labels are missing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.suffix != ".rec":
            raise DataError("expected a .rec file", path=self.path)
        self._size = len(map_file(self.path))
        self._descriptor = os.open(self.path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._opened = self  # by a view too, so that the file stays open
        self.offsets = read_index(self.path.with_suffix(".idx"))[:, 1]
        self._numbers = np.arange(len(self.offsets))  # of the records, in messages
        self.ids, self._begins, self._ends, labels = self._read_headers()
        self.level_labels = self._whole(labels)
        unique, first = np.unique(self.ids, return_index=True)
        if len(unique) < len(self.ids):
            position = int(np.setdiff1d(np.arange(len(self.ids)), first)[0])
            raise DataError(
                f"id {self.ids[position]} appears twice; every image needs an id of its own",
                path=self.path,
                record=position,
            )

    def __len__(self) -> int:
        return len(self.ids)

    def image_bytes(self, position: int) -> bytes:
        """The encoded image at ``position``."""
        begin, end = int(self._begins[position]), int(self._ends[position])
        if begin != CUT:
            image = os.pread(self._descriptor, end - begin, begin)
            if len(image) == end - begin:
                return image
        return self._parse(position)[2]  # or the file has changed, and it says what is wrong

    def image(self, position: int) -> np.ndarray:
        """The image at ``position``: uint8 RGB, shape (height, width, 3).

        Raises
        ------
        DataError
            With the record: it is unreadable.
        """
        try:
            return decode_image(self.image_bytes(position))
        except ValueError as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"id {self.ids[position]}: {error}; {CHECK}",
                path=self.path,
                record=int(self._numbers[position]),
            ) from error

    def take(self, positions: np.ndarray) -> RecordFile:
        """A view of the records at ``positions``; the file is shared."""
        view = object.__new__(RecordFile)
        view.path, view._opened = self.path, self._opened
        view._descriptor, view._size = self._descriptor, self._size
        for name in ("offsets", "ids", "level_labels", "_begins", "_ends", "_numbers"):
            setattr(view, name, getattr(self, name)[positions])
        return view

    def with_labels(self, level_labels: np.ndarray) -> RecordFile:
        """The same records under other labels: int32 (N, K)."""
        view = self.take(np.arange(len(self)))
        view.level_labels = level_labels
        return view

    def _whole(self, labels: np.ndarray) -> np.ndarray:
        """Labels, float (N, K), as int32; DataError for the first that is not a class or -1."""
        wrong = np.flatnonzero(~are_labels(labels).all(axis=1))
        if len(wrong):
            raise DataError(
                f"{EXPECTED_LABELS}, got {labels[wrong[0]].tolist()}; {CHECK}",
                path=self.path,
                record=int(wrong[0]),
            )
        return labels.astype(np.int32)

    def _read_headers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Ids (N,), begins and ends of images in the file (N,), float labels (N, K); reads none."""
        width = len(self._parse(0)[1])
        kind = header_type(width)
        headers, size = bytearray(kind.itemsize * len(self.offsets)), kind.itemsize
        for position, offset in enumerate(self.offsets.tolist()):
            header = os.pread(self._descriptor, size, offset)
            headers[position * size : position * size + len(header)] = header
        rows = np.frombuffer(headers, kind)
        ids, labels = rows["id"].astype(np.int64), rows["labels"].copy()
        if width == 1:
            labels = np.where(rows["flag"][:, None] == 0, rows["label"][:, None], labels)
        begins = self.offsets + header_type(0).itemsize + 4 * rows["flag"].astype(np.int64)
        ends = self.offsets + 8 + (rows["word"] & LENGTH_MASK)
        for position in np.flatnonzero(~(is_plain(rows, width) & (ends <= self._size))).tolist():
            ids[position], label, _, ends[position] = self._parse(position)
            begins[position] = CUT
            if len(label) != width:
                raise DataError(
                    f"expected {width} labels as in record 0, got {len(label)}; {CHECK}",
                    path=self.path,
                    record=position,
                )
            labels[position] = label
        return ids, begins, ends, labels

    def _parse(self, position: int) -> tuple[int, np.ndarray, bytes, int]:
        """Id, labels and image of the record at ``position``, and where it ends in the file."""
        try:
            payload, end = parse_frame(map_file(self.path), int(self.offsets[position]))
            return *unpack_payload(payload), end
        except FrameError as error:
            raise DataError(
                f"{error}; the file is damaged or its .idx is of another file: "
                "`gluon-hash check` tells which",
                path=self.path,
                record=int(self._numbers[position]),
            ) from error


def map_file(path: Path) -> memoryview:
    """The bytes of a .rec file, of which memory holds those that are looked at.

    Raises
    ------
    DataError
        If there is no such file, or it is empty.
    """
    if not path.exists():
        raise DataError("no such file; `gluon-hash prepare` makes it", path=path)
    with open(path, "rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise DataError("the file is empty; write it again with `prepare`", path=path)
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


def are_labels(labels: np.ndarray) -> np.ndarray:
    """Which values, float of any shape, are labels: classes, or -1 for one that is not known."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return (labels >= -1) & (labels <= LARGEST_LABEL) & (np.trunc(labels) == labels)


def read_index(path: Path) -> np.ndarray:
    """Keys and offsets of an .idx file, in its order: int64 (N, 2); DataError if it is damaged."""
    if not path.exists():
        raise DataError(f"the index is missing; {REBUILD}", path=path)
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split("\t")
        if len(fields) != 2 or not all(NUMBER.fullmatch(field) for field in fields):
            raise DataError(
                f"expected key<TAB>offset, got {line[:80]!r}; {REBUILD}", path=path, line=number
            )
        rows.append((int(fields[0]), int(fields[1])))
    if not rows:
        raise DataError(f"the index is empty; {REBUILD}", path=path)
    return np.array(rows, dtype=np.int64)

"""RecordFile: random access to the images and labels of a .rec file, from several threads too."""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines
from gluon_hash.records.frames import FrameError, parse_frame, unpack_payload
from gluon_hash.records.images import decode_image

__all__ = ["EXPECTED_LABELS", "RecordFile", "are_labels", "map_file", "read_index"]

CHECK = "`gluon-hash check` lists every such record"
REBUILD = "`gluon-hash check FILE.rec --rebuild-index` writes it"
EXPECTED_LABELS = "expected labels that are whole numbers >= 0 (or -1: not known)"
NUMBER = re.compile("[0-9]{1,18}")  # below 2^63
LARGEST_LABEL = 1 << 24  # up to which a float32 holds every whole number


class RecordFile:
    """A .rec file with its .idx, memory-mapped.

    Parameters
    ----------
    path : path-like
        ``train.rec``; ``train.idx`` lies beside it.

    Attributes
    ----------
    path : Path
    ids : int64, shape (N,)
    level_labels : int32, shape (N, K)

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
        self._data = map_file(self.path)
        self._offsets = read_index(self.path.with_suffix(".idx"))[:, 1]
        ids, labels = [], []
        for position in range(len(self._offsets)):
            record_id, label, _ = self._unpack(position)
            ids.append(record_id)
            labels.append(label)
            if len(label) != len(labels[0]):
                raise DataError(
                    f"expected {len(labels[0])} labels as in record 0, got {len(label)}; {CHECK}",
                    path=self.path,
                    record=position,
                )
        self.ids = np.array(ids, dtype=np.int64)
        self.level_labels = self._whole(np.array(labels))
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
        return self._unpack(position)[2]

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
                record=position,
            ) from error

    def take(self, positions: np.ndarray) -> RecordFile:
        """A view of the records at ``positions``; the file is shared."""
        view = object.__new__(RecordFile)
        view.path, view._data = self.path, self._data
        view._offsets, view.ids, view.level_labels = (
            self._offsets[positions],
            self.ids[positions],
            self.level_labels[positions],
        )
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

    def _unpack(self, position: int) -> tuple[int, np.ndarray, bytes]:
        try:
            payload, _ = parse_frame(self._data, int(self._offsets[position]))
            return unpack_payload(payload)
        except FrameError as error:
            raise DataError(
                f"{error}; the file is damaged or its .idx is of another file: "
                "`gluon-hash check` tells which",
                path=self.path,
                record=position,
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

"""RecordFile: random access to the images and labels of a .rec file, from several threads too."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import read_text
from gluon_hash.records.frames import FrameError, parse_frame, unpack_payload
from gluon_hash.records.images import decode_image

__all__ = ["RecordFile"]


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
        if not self.path.exists():
            raise DataError("no such file; `gluon-hash prepare` makes it", path=self.path)
        with open(self.path, "rb") as stream:
            if os.fstat(stream.fileno()).st_size == 0:
                raise DataError("the file is empty; write it again with `prepare`", path=self.path)
            self._data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        self._offsets = _read_index(self.path.with_suffix(".idx"))
        ids, labels = [], []
        for position in range(len(self._offsets)):
            record_id, label, _ = self._unpack(position)
            ids.append(record_id)
            labels.append(label)
            if len(label) != len(labels[0]):
                raise DataError(
                    f"expected {len(labels[0])} labels as in record 0, got {len(label)}",
                    path=self.path,
                    record=position,
                )
        self.ids = np.array(ids, dtype=np.int64)
        self.level_labels = np.array(labels, dtype=np.int32)
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
                f"id {self.ids[position]}: {error}; `gluon-hash check` lists every such record",
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


def _read_index(path: Path) -> np.ndarray:
    """Offsets in the order of the .idx file, int64."""
    if not path.exists():
        raise DataError(
            "the index is missing; `gluon-hash check FILE.rec --rebuild-index` writes it", path=path
        )
    offsets = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            raise DataError(f"expected key<TAB>offset, got {line!r}", path=path, line=number)
        offsets.append(int(fields[1]))
    if not offsets:
        raise DataError(
            "the index is empty; `gluon-hash check FILE.rec --rebuild-index` writes it", path=path
        )
    return np.array(offsets, dtype=np.int64)

"""Batches as NumPy arrays, each image exactly once: for what encodes without MXNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gluon_hash.records.prefetch import prefetched
from gluon_hash.records.reader import RecordFile

__all__ = ["ArrayBatch", "FeatureRows", "PreparedImages"]


class ArrayBatch(NamedTuple):
    """One batch.

    inputs : uint8, (B, crop, crop, 3), or float32 features, (B, num_features)
    level_labels : int32, (B, K)
    id : int64, (B,)
    """

    inputs: np.ndarray
    level_labels: np.ndarray
    id: np.ndarray


class PreparedImages:
    """The images of a record file as a network sees them, decoded ahead in threads.

    Parameters
    ----------
    records : RecordFile
    prepare : callable
        RGB pixels, uint8 (height, width, 3) -> uint8 (crop, crop, 3).
    batch_size : int
    num_threads : int
    """

    def __init__(
        self,
        records: RecordFile,
        prepare: Callable[[np.ndarray], np.ndarray],
        batch_size: int,
        num_threads: int = 2,
    ) -> None:
        self._records, self._prepare, self._num_threads = records, prepare, num_threads
        self.ids, self.batch_size = records.ids, batch_size

    def part(self, rows: slice) -> PreparedImages:
        """A loader of these rows of the file, ``start:stop``, alone."""
        positions = np.arange(len(self.ids))[rows]
        records = self._records.take(positions)
        return PreparedImages(records, self._prepare, self.batch_size, self._num_threads)

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[ArrayBatch]:
        return prefetched(self._batches)

    def _batches(self) -> Iterator[ArrayBatch]:
        records = self._records
        with ThreadPoolExecutor(self._num_threads) as threads:
            for start in range(0, len(self.ids), self.batch_size):
                rows = range(start, min(start + self.batch_size, len(self.ids)))
                images = list(threads.map(lambda row: self._prepare(records.image(row)), rows))
                place = slice(rows.start, rows.stop)
                yield ArrayBatch(np.stack(images), records.level_labels[place], self.ids[place])


class FeatureRows:
    """Features, float32, a batch at a time."""

    def __init__(
        self, features: np.ndarray, level_labels: np.ndarray, ids: np.ndarray, batch_size: int
    ) -> None:
        self._features, self._level_labels = features, level_labels
        self.ids, self.batch_size = ids, batch_size

    def part(self, rows: slice) -> FeatureRows:
        """A loader of these rows alone."""
        own = self._features[rows], self._level_labels[rows], self.ids[rows]
        return FeatureRows(*own, self.batch_size)

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[ArrayBatch]:
        for start in range(0, len(self.ids), self.batch_size):
            rows = slice(start, start + self.batch_size)
            features = self._features[rows].astype(np.float32)
            yield ArrayBatch(features, self._level_labels[rows], self.ids[rows])

"""Batches from records or cached features: shuffled for training, each image exactly once for
evaluation.

MXNet's ImageRecordIter is not used: it fills the last batch with stale or foreign images without
saying so, and gives no ids. Here order and augmentation depend on (seed, epoch, id) alone: not on
threads, workers or history.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gluon_hash.engine import nd
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.samplers import Order, shuffled
from gluon_hash.records.transforms import ImageTransform

__all__ = ["Batch", "TrainLoader", "EvalLoader", "FeatureTrainLoader", "FeatureEvalLoader"]

BATCHES_AHEAD = 4
AUGMENTATION = 1  # keeps the numbers of the augmentation apart from those of the order
LARGEST_KEPT_BYTES = (
    64 * 64 * 3
)  # decoded images up to this size are kept: 50,000 of 32 px are 150 MB


class Batch(NamedTuple):
    """One batch.

    image : NDArray float32, (B, 3, height, width), or features (B, num_features)
    level_labels : NDArray float32, (B, K)
    id : int64 array, (B,)
    """

    image: nd.NDArray
    level_labels: nd.NDArray
    id: np.ndarray


class _Images:
    """Decoded and transformed images of a record file, by position."""

    def __init__(self, records: RecordFile, transform: ImageTransform, num_threads: int) -> None:
        self.records, self.transform = records, transform
        self._kept: dict[int, np.ndarray] = {}
        self._num_threads = num_threads
        self._pool = ThreadPoolExecutor(num_threads) if num_threads > 1 else None

    def batch(
        self, positions: np.ndarray, transform: Callable[[int, np.ndarray], np.ndarray]
    ) -> Batch:
        """The images at ``positions``, each through ``transform(position, image)``."""

        def work(part: np.ndarray) -> list[np.ndarray]:
            return [transform(position, self._decoded(position)) for position in part.tolist()]

        if self._pool is None:
            images = work(positions)
        else:
            parts = self._pool.map(work, np.array_split(positions, self._num_threads))
            images = [image for part in parts for image in part]
        return _batch(self.transform.normalize(np.stack(images)), self.records, positions)

    def _decoded(self, position: int) -> np.ndarray:
        image = self._kept.get(position)
        if image is None:
            image = self.records.image(position)
            if image.nbytes <= LARGEST_KEPT_BYTES:
                self._kept[position] = image
        return image


class _Features:
    """Cached features, held as float32, with the fields of a RecordFile that a batch needs."""

    def __init__(self, features: np.ndarray, level_labels: np.ndarray, ids: np.ndarray) -> None:
        if not (len(features) == len(level_labels) == len(ids)) or features.ndim != 2:
            raise ValueError(
                "features: expected (N, num_features) with N labels and ids, got "
                f"{features.shape}, "
                f"{level_labels.shape} and {ids.shape}"
            )
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(bad):
            raise ValueError(
                f"features of id {ids[bad[0]]} hold NaN or infinity ({len(bad)} images do); "
                "encode them anew"
            )
        # converted once: float16 to float32 takes longer than an epoch of a linear head
        self.features, self.level_labels, self.ids = (
            np.asarray(features, np.float32),
            level_labels,
            ids,
        )

    def batch(self, positions: np.ndarray) -> Batch:
        return _batch(self.features[positions], self, positions)


def _batch(images: np.ndarray, source: RecordFile | _Features, positions: np.ndarray) -> Batch:
    labels = source.level_labels[positions].astype(np.float32)
    return Batch(nd.array(images, dtype="float32"), nd.array(labels), source.ids[positions])


class TrainLoader:
    """Shuffled, augmented batches of one size.

    Parameters
    ----------
    records : RecordFile
    transform : ImageTransform
        Its training side.
    batch_size : int
        The last, incomplete batch of an epoch is left out; the next epoch is shuffled anew.
    seed : int
    num_threads : int
        That decode; the result does not depend on it.
    order : Order, optional
        See gluon_hash.records.samplers; default: shuffled.
    num_parts, part_index : int
        This loader's share when several workers train: disjoint, with equally many batches.

    Raises
    ------
    ValueError
        If a part has fewer images than a batch.
    """

    def __init__(
        self,
        records: RecordFile,
        transform: ImageTransform,
        batch_size: int,
        seed: int,
        *,
        num_threads: int = 2,
        order: Order | None = None,
        num_parts: int = 1,
        part_index: int = 0,
    ) -> None:
        self._images = _Images(records, transform, num_threads)
        self._order = _Order(len(records), batch_size, seed, order, num_parts, part_index)
        self._seed = seed

    def __len__(self) -> int:
        return self._order.num_batches

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of epoch ``epoch`` (from 0): the same for the same seed, whatever came
        before."""
        rng = np.random.RandomState((self._seed % 2**32, epoch, AUGMENTATION))
        draws = rng.random_sample(
            (len(self._images.records), 3)
        ).tolist()  # a row for each image, whatever its place

        def transform(position: int, image: np.ndarray) -> np.ndarray:
            return self._images.transform.train(image, draws[position])

        return _ahead(
            lambda: (
                self._images.batch(positions, transform) for positions in self._order.epoch(epoch)
            )
        )


class EvalLoader:
    """Every image exactly once, in the order of the file; the last batch is as small as it must be.

    Parameters
    ----------
    records : RecordFile
    transform : ImageTransform
        Its evaluation side.
    batch_size : int
    num_threads : int
        That decode.
    """

    def __init__(
        self,
        records: RecordFile,
        transform: ImageTransform,
        batch_size: int,
        *,
        num_threads: int = 2,
    ) -> None:
        self._images = _Images(records, transform, num_threads)
        self.ids, self._batch_size = records.ids, batch_size

    def __len__(self) -> int:
        return -(-len(self.ids) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        def transform(position: int, image: np.ndarray) -> np.ndarray:
            return self._images.transform.evaluate(image)

        return _ahead(
            lambda: (
                self._images.batch(positions, transform)
                for positions in _in_order(len(self.ids), self._batch_size)
            )
        )


class FeatureTrainLoader:
    """TrainLoader's twin for cached features: float (N, num_features), labels (N, K), ids (N,)."""

    def __init__(
        self,
        features: np.ndarray,
        level_labels: np.ndarray,
        ids: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        order: Order | None = None,
    ) -> None:
        self._features = _Features(features, level_labels, ids)
        self._order = _Order(len(ids), batch_size, seed, order, 1, 0)

    def __len__(self) -> int:
        return self._order.num_batches

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of epoch ``epoch`` (from 0)."""
        return (self._features.batch(positions) for positions in self._order.epoch(epoch))


class FeatureEvalLoader:
    """EvalLoader's twin for cached features: float (N, num_features), labels (N, K), ids (N,)."""

    def __init__(
        self, features: np.ndarray, level_labels: np.ndarray, ids: np.ndarray, batch_size: int
    ) -> None:
        self._features = _Features(features, level_labels, ids)
        self.ids, self._batch_size = ids, batch_size

    def __len__(self) -> int:
        return -(-len(self.ids) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._features.batch, _in_order(len(self.ids), self._batch_size))


class _Order:
    """The positions of every batch of an epoch: an order by (seed, epoch), its batches dealt out to
    the parts."""

    def __init__(
        self,
        num_images: int,
        batch_size: int,
        seed: int,
        order: Order | None,
        num_parts: int,
        part_index: int,
    ) -> None:
        if not 0 <= part_index < num_parts:
            raise ValueError(f"part_index must be in [0, {num_parts}), got {part_index}")
        self._order, self._batch_size, self._seed = order or shuffled(num_images), batch_size, seed
        self._num_parts, self._part_index = num_parts, part_index
        self.num_batches = num_images // num_parts // batch_size
        if self.num_batches == 0:
            raise ValueError(
                f"a batch of {batch_size} needs as many images, this part has "
                f"{num_images // num_parts}; "
                "lower training.batch_size"
            )

    def epoch(self, epoch: int) -> Iterator[np.ndarray]:
        rng = np.random.RandomState((self._seed % 2**32, epoch))
        order = self._order(self.num_batches * self._num_parts * self._batch_size, rng)
        return iter(order.reshape(-1, self._batch_size)[self._part_index :: self._num_parts])


def _in_order(num_images: int, batch_size: int) -> Iterator[np.ndarray]:
    return (
        np.arange(start, min(start + batch_size, num_images))
        for start in range(0, num_images, batch_size)
    )


def _ahead(make: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    """The batches of ``make()``, made in a thread that stays a few ahead; its errors are raised
    here."""
    ready: queue.Queue = queue.Queue(BATCHES_AHEAD)
    stop = threading.Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for batch in make():
                if not put(batch):
                    return
            put(None)
        except BaseException as error:  # handed over, raised by the consumer
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()

"""Batches from records or features: shuffled for training, each image exactly once for evaluation.

MXNet's ImageRecordIter is not used: it fills the last batch with stale or foreign images without
saying so, and gives no ids. Here order and augmentation depend on (seed, epoch, id) alone: not on
threads, workers or history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gluon_hash.engine import nd
from gluon_hash.records.prefetch import prefetched
from gluon_hash.records.protocols import Batch
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.samplers import Order, shuffled
from gluon_hash.records.transforms import ImageTransform

__all__ = ["Batch", "EvalLoader", "FeatureEvalLoader", "FeatureTrainLoader", "TrainLoader"]

AUGMENTATION = 1  # keeps the numbers of the augmentation apart from those of the order
# decoded images up to this size are kept: 50,000 of 32 px are 150 MB
LARGEST_KEPT_BYTES = 64 * 64 * 3
ALL = slice(None)
Transform = Callable[[int, np.ndarray], np.ndarray]  # (position, image) -> image


class TrainLoader:
    """Shuffled, augmented batches of one size.

    Parameters
    ----------
    records : RecordFile
    transform : ImageTransform
        Its training side.
    batch_size : int
        The last, incomplete batch of an epoch is left out; the next epoch is shuffled again.
    seed : int
    num_threads : int
        That decode; the result does not depend on it.
    order : Order, optional
        See gluon_hash.records.samplers; default: shuffled.
    rows : slice, optional
        Of each batch, the images that are read here: those of one worker; default: all.

    Raises
    ------
    ValueError
        If there are fewer images than a batch has.
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
        rows: slice = ALL,
    ) -> None:
        self._images = _Images(records, transform, num_threads)
        self._batches = _ShuffledBatches(len(records), batch_size, seed, order, rows)
        self._seed = seed

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of epoch ``epoch`` (from 0), which the seed and the epoch decide alone."""
        return self.epoch_from(epoch, 0)

    def epoch_from(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch without the first ``start``, which are not read."""
        rng = np.random.RandomState((self._seed % 2**32, epoch, AUGMENTATION))
        # a row for each image of the file, wherever it comes in the epoch
        draws = rng.random_sample((len(self._images.records), 3)).tolist()

        def transform(position: int, image: np.ndarray) -> np.ndarray:
            return self._images.transform.train(image, draws[position])

        return prefetched(
            lambda: (
                self._images.batch(positions, transform)
                for positions in self._batches.of(epoch, start)
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
        self.ids, self.batch_size, self._num_threads = records.ids, batch_size, num_threads

    def part(self, rows: slice) -> EvalLoader:
        """A loader of these rows of the file, ``start:stop``, alone."""
        return EvalLoader(
            self._images.records.take(np.arange(len(self.ids))[rows]),
            self._images.transform,
            self.batch_size,
            num_threads=self._num_threads,
        )

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        def transform(position: int, image: np.ndarray) -> np.ndarray:
            return self._images.transform.evaluate(image)

        return prefetched(
            lambda: (
                self._images.batch(positions, transform)
                for positions in _in_order(len(self.ids), self.batch_size)
            )
        )


class FeatureTrainLoader:
    """TrainLoader's twin for features: float (N, num_features), labels (N, K), ids (N,)."""

    def __init__(
        self,
        features: np.ndarray,
        level_labels: np.ndarray,
        ids: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        order: Order | None = None,
        rows: slice = ALL,
    ) -> None:
        self._features = _Features(features, level_labels, ids)
        self._batches = _ShuffledBatches(len(ids), batch_size, seed, order, rows)

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of epoch ``epoch`` (from 0)."""
        return self.epoch_from(epoch, 0)

    def epoch_from(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch without the first ``start``."""
        return (self._features.batch(positions) for positions in self._batches.of(epoch, start))


class FeatureEvalLoader:
    """EvalLoader's twin for features: float (N, num_features), labels (N, K), ids (N,)."""

    def __init__(
        self, features: np.ndarray, level_labels: np.ndarray, ids: np.ndarray, batch_size: int
    ) -> None:
        self._features = _Features(features, level_labels, ids)
        self.ids, self.batch_size = ids, batch_size

    def part(self, rows: slice) -> FeatureEvalLoader:
        """A loader of these rows alone."""
        own = self._features
        return FeatureEvalLoader(
            own.features[rows], own.level_labels[rows], self.ids[rows], self.batch_size
        )

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._features.batch, _in_order(len(self.ids), self.batch_size))


class _Images:
    """Decoded and transformed images of a record file, by position."""

    def __init__(self, records: RecordFile, transform: ImageTransform, num_threads: int) -> None:
        self.records, self.transform = records, transform
        self._kept: dict[int, np.ndarray] = {}
        self._num_threads = num_threads
        self._pool = ThreadPoolExecutor(num_threads) if num_threads > 1 else None

    def batch(self, positions: np.ndarray, transform: Transform) -> Batch:
        """The images at ``positions``, each through ``transform(position, image)``."""

        def work(share: np.ndarray) -> list[np.ndarray]:
            return [transform(position, self._decoded(position)) for position in share.tolist()]

        if self._pool is None:
            images = work(positions)
        else:
            shares = self._pool.map(work, np.array_split(positions, self._num_threads))
            images = [image for share in shares for image in share]
        return _batch(self.transform.normalize(np.stack(images)), self.records, positions)

    def _decoded(self, position: int) -> np.ndarray:
        image = self._kept.get(position)
        if image is None:
            image = self.records.image(position)
            if image.nbytes <= LARGEST_KEPT_BYTES:
                self._kept[position] = image
        return image


class _Features:
    """Features, held as float32, with the fields of a RecordFile that a batch needs."""

    def __init__(self, features: np.ndarray, level_labels: np.ndarray, ids: np.ndarray) -> None:
        if not (len(features) == len(level_labels) == len(ids)) or features.ndim != 2:
            raise ValueError(
                "features: expected (N, num_features) with N labels and ids, got "
                f"{features.shape}, {level_labels.shape} and {ids.shape}"
            )
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(bad):
            raise ValueError(
                f"features of id {ids[bad[0]]} hold NaN or infinity ({len(bad)} images do); "
                "encode them again"
            )
        # converted once: float16 to float32 takes longer than an epoch of a linear head
        self.features = np.asarray(features, np.float32)
        self.level_labels, self.ids = level_labels, ids

    def batch(self, positions: np.ndarray) -> Batch:
        return _batch(self.features[positions], self, positions)


class _ShuffledBatches:
    """The positions of every batch of an epoch, in an order drawn from (seed, epoch)."""

    def __init__(
        self, num_images: int, batch_size: int, seed: int, order: Order | None, rows: slice
    ) -> None:
        self._order, self._batch_size, self._seed = order or shuffled(num_images), batch_size, seed
        self._rows = rows
        self._num_batches = num_images // batch_size
        if self._num_batches == 0:
            raise ValueError(
                f"a batch of {batch_size} needs as many images, there are {num_images}; "
                "lower training.batch_size"
            )

    def __len__(self) -> int:
        return self._num_batches

    def of(self, epoch: int, start: int) -> Iterator[np.ndarray]:
        rng = np.random.RandomState((self._seed % 2**32, epoch))
        positions = self._order(self._num_batches * self._batch_size, rng)
        return iter(positions.reshape(-1, self._batch_size)[start:, self._rows])


def _batch(images: np.ndarray, source: RecordFile | _Features, positions: np.ndarray) -> Batch:
    labels = source.level_labels[positions].astype(np.float32)
    return Batch(nd.array(images, dtype="float32"), nd.array(labels), source.ids[positions])


def _in_order(num_images: int, batch_size: int) -> Iterator[np.ndarray]:
    return (
        np.arange(start, min(start + batch_size, num_images))
        for start in range(0, num_images, batch_size)
    )

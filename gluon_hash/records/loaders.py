"""Batches from records or features: shuffled for training, each image exactly once for evaluation.

MXNet's ImageRecordIter is not used: it fills the last batch with stale or foreign images without
saying so, and gives no ids. Here order and augmentation depend on (seed, epoch, id) alone: not on
threads, workers or history.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from gluon_hash.records.decoded import DecodedImages
from gluon_hash.records.features import Features, OfFeatures
from gluon_hash.records.image_batches import ImageBatches, Upload, batch_of
from gluon_hash.records.prefetch import prefetched
from gluon_hash.records.protocols import Batch
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.samplers import Order, shuffled
from gluon_hash.records.transforms import ImageTransform, Window

__all__ = ["Batch", "EvalLoader", "FeatureEvalLoader", "FeatureTrainLoader", "TrainLoader"]

AUGMENTATION = 1  # keeps the numbers of the augmentation apart from those of the order
ALL = slice(None)


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
    decoded : DecodedImages, optional
        Where decoded images are kept, of the same transform; default: a store of its own.
    upload : "float32" or "uint8"
        What a batch holds; uint8 is normalized on the device (batch.normalize).

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
        decoded: DecodedImages | None = None,
        upload: Upload = "float32",
    ) -> None:
        self._images = ImageBatches(records, transform, num_threads, decoded, upload)
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

        def crop(position: int, height: int, width: int) -> Window:
            return self._images.transform.random(height, width, draws[position])

        return prefetched(
            lambda: (
                self._images.batch(positions, crop) for positions in self._batches.of(epoch, start)
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
    decoded, upload :
        As of TrainLoader.
    """

    def __init__(
        self,
        records: RecordFile,
        transform: ImageTransform,
        batch_size: int,
        *,
        num_threads: int = 2,
        decoded: DecodedImages | None = None,
        upload: Upload = "float32",
    ) -> None:
        self._images = ImageBatches(records, transform, num_threads, decoded, upload)
        self.ids, self.batch_size, self._num_threads = records.ids, batch_size, num_threads

    def part(self, rows: slice | np.ndarray) -> EvalLoader:
        """A loader of these rows of the file alone."""
        return EvalLoader(
            self._images.records.take(np.arange(len(self.ids))[rows]),
            self._images.transform,
            self.batch_size,
            num_threads=self._num_threads,
            decoded=self._images.decoded,
            upload=self._images.upload,
        )

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        def crop(position: int, height: int, width: int) -> Window:
            return self._images.transform.center(height, width)

        return prefetched(
            lambda: (
                self._images.batch(positions, crop)
                for positions in _in_order(len(self.ids), self.batch_size)
            )
        )


class FeatureTrainLoader(OfFeatures):
    """TrainLoader's twin for features: float (N, num_features), labels (N, K), ids (N,).

    Parameters
    ----------
    features, level_labels, ids, positions :
        As gluon_hash.records.features.Features; several loaders share one array.
    batch_size, seed, order, rows :
        As TrainLoader's.
    """

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
        positions: np.ndarray | None = None,
    ) -> None:
        self._features = Features(features, level_labels, ids, positions)
        self._batches = _ShuffledBatches(len(ids), batch_size, seed, order, rows)

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of epoch ``epoch`` (from 0)."""
        return self.epoch_from(epoch, 0)

    def epoch_from(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch without the first ``start``."""
        return map(self._batch, self._batches.of(epoch, start))

    def _batch(self, positions: np.ndarray) -> Batch:
        return batch_of(self._features.inputs(positions), self._features, positions)


class FeatureEvalLoader(OfFeatures):
    """EvalLoader's twin for features; arguments as FeatureTrainLoader's."""

    def __init__(
        self,
        features: np.ndarray,
        level_labels: np.ndarray,
        ids: np.ndarray,
        batch_size: int,
        *,
        positions: np.ndarray | None = None,
    ) -> None:
        self._features = Features(features, level_labels, ids, positions)
        self.ids, self.batch_size = ids, batch_size

    def part(self, rows: slice | np.ndarray) -> FeatureEvalLoader:
        """A loader of these rows alone."""
        other = copy.copy(self)
        other._features, other.ids = self._features.part(rows), self.ids[rows]
        return other

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._batch, _in_order(len(self.ids), self.batch_size))

    def _batch(self, positions: np.ndarray) -> Batch:
        return batch_of(self._features.inputs(positions), self._features, positions)


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


def _in_order(num_images: int, batch_size: int) -> Iterator[np.ndarray]:
    return (
        np.arange(start, min(start + batch_size, num_images))
        for start in range(0, num_images, batch_size)
    )

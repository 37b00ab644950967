"""Batches of images: decoded, cut and normalized in threads; or normalized on their device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

import numpy as np

from gluon_hash.engine import gluon, mx, nd, new_batch
from gluon_hash.records.decoded import DecodedImages
from gluon_hash.records.features import Features
from gluon_hash.records.ordinary import expect_many
from gluon_hash.records.protocols import Batch
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.transforms import ImageTransform, Window

__all__ = ["Crop", "ImageBatches", "Normalize", "Upload", "batch_of", "on_devices"]

Crop = Callable[[int, int, int], Window]  # of (position, height, width) of a resized image
Upload: TypeAlias = Literal["float32", "uint8"]  # what of an image goes to its device
AS_THEY_ARE = np.ones((3, 1, 1), np.float32), np.zeros((3, 1, 1), np.float32)


class Normalize:
    """Planes of pixels, uint8 (B, 3, height, width), normalized on the device that they are on.

    On a CPU to the bits that ImageTransform.normalize gives.

    Parameters
    ----------
    transform : ImageTransform
        Its mean and std.
    """

    def __init__(self, transform: ImageTransform) -> None:
        self._factors = transform.scale_and_offset()
        self._on: dict[mx.Context, list[nd.NDArray]] = {}

    def __call__(self, pixels: nd.NDArray) -> nd.NDArray:
        """float32, the same shape; not waited for."""
        context = pixels.context
        if context not in self._on:
            self._on[context] = [nd.array(factor[None], context) for factor in self._factors]
        scale, offset = self._on[context]
        planes = nd.broadcast_mul(pixels.astype("float32"), scale)
        return nd.broadcast_add(planes, offset, out=planes)


class ImageBatches:
    """Batches of a record file's images.

    Parameters
    ----------
    records, transform, num_threads, decoded :
        As of gluon_hash.records.TrainLoader.
    upload : "float32" or "uint8"
        uint8: a batch holds bytes, and what normalizes them: a quarter of the memory.

    Raises
    ------
    ValueError
        If ``upload`` is neither.
    """

    def __init__(
        self,
        records: RecordFile,
        transform: ImageTransform,
        num_threads: int,
        decoded: DecodedImages | None,
        upload: Upload,
    ) -> None:
        from gluon_hash.records.kernels import fill  # compiled; features need none

        if upload not in ("float32", "uint8"):
            raise ValueError(f"upload: expected float32 or uint8, got {upload!r}")
        expect_many()
        self.records, self.transform, self.upload, self._fill = records, transform, upload, fill
        self.decoded = decoded or DecodedImages(transform)
        as_bytes = upload == "uint8"
        own = transform.scale_and_offset()
        self._factors: tuple[np.ndarray, np.ndarray] = AS_THEY_ARE if as_bytes else own
        self._normalize = Normalize(transform) if as_bytes else None
        self._num_threads = num_threads
        self._pool = ThreadPoolExecutor(num_threads) if num_threads > 1 else None

    def batch(self, positions: np.ndarray, crop: Crop) -> Batch:
        """The images at ``positions``, of each the window that ``crop`` says."""
        side, wanted = self.transform.crop, positions.tolist()
        images, memory = new_batch((len(wanted), 3, side, side), self.upload)

        def fill(rows: np.ndarray) -> None:
            for row in rows.tolist():
                image = self.decoded.image(self.records, wanted[row])
                window = crop(wanted[row], image.shape[0], image.shape[1])
                self._fill(image, *window, *self._factors, memory[row])

        rows = np.arange(len(wanted))
        if self._pool is None:
            fill(rows)
        else:
            for _ in self._pool.map(fill, np.array_split(rows, self._num_threads)):
                pass  # an error of a thread is raised here
        return batch_of(images, self.records, positions)._replace(normalize=self._normalize)


def batch_of(images: nd.NDArray, source: RecordFile | Features, positions: np.ndarray) -> Batch:
    """Images or features with the labels and ids that ``source`` has at ``positions``."""
    own = source.level_labels[positions]
    labels, memory = new_batch(own.shape)
    memory[...] = own
    return Batch(images, labels, source.ids[positions])


def on_devices(batch: Any, contexts: Sequence[mx.Context]) -> list[nd.NDArray]:
    """The inputs of a batch divided over devices, as the network takes them; not waited for.

    Parameters
    ----------
    batch : Batch
        Or what has its ``image``, float32.
    contexts : sequence of Context
    """
    parts = gluon.utils.split_and_load(batch.image, contexts, even_split=False)
    normalize = getattr(batch, "normalize", None)
    return parts if normalize is None else [normalize(part) for part in parts]

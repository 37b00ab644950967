"""Images spread evenly over a file, as a network sees them: to calibrate, or to compare."""

from __future__ import annotations

import os

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.deploy.sample import Sample
from gluon_hash.errors import DataError
from gluon_hash.records import ImageTransform, RecordFile
from gluon_hash.retrieval import FeatureTable

__all__ = ["spread", "typical_sample"]


def typical_sample(
    transform: ImageTransform | None, path: str | os.PathLike[str], num_images: int
) -> Sample:
    """Prepared pixels of ``num_images`` images of a .rec; without a transform, features of an .npz.

    Raises
    ------
    DataError
        If the file is damaged, empty or of another kind, or an image is smaller than the crop.
    """
    if transform is None:
        table = FeatureTable.load(path)
        rows = spread(len(table), num_images, path)
        return Sample(table.features[rows].astype(np.float32), table.level_labels[rows])
    records = RecordFile(path)
    rows = spread(len(records), num_images, path)
    pixels = np.stack([transform.evaluate(records.image(row)) for row in rows])
    return Sample(pixels, records.level_labels[rows])


def spread(count: int, wanted: int, path: str | os.PathLike[str]) -> np.ndarray:
    """Positions spread evenly over ``count``; all, if fewer are there; DataError if none is."""
    if count == 0:
        raise DataError("has no images", path=path)
    return evenly(count, wanted)

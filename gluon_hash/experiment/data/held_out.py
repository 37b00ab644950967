"""Which images are held out of a training, and which are trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import read_list

__all__ = ["as_many", "divide", "read_held_out"]


def read_held_out(path: Path, hierarchy: Hierarchy) -> np.ndarray:
    """Ids of validation.lst; two or more must share a class: each is a query for the others."""
    images = read_list(path, hierarchy.num_levels)
    if images.level_labels.min() < 0:
        raise DataError(
            "a held-out image lacks a label (-1), so it cannot judge a ranking; take it out of "
            "this list",
            path=path,
        )
    if np.bincount(images.level_labels[:, 0]).max() < 2:
        raise DataError(
            "no two images share a class, so none can be retrieved by another; prepare with "
            "validation_per_class 2 or more, or set data.held_out to false",
            path=path,
        )
    return images.ids


def as_many(fine_labels: np.ndarray, held_out_labels: np.ndarray) -> np.ndarray:
    """Positions of as many images of each class as are held out, evenly over the training set."""
    chosen = []
    for label, count in zip(*np.unique(held_out_labels, return_counts=True)):
        members = np.flatnonzero(fine_labels == label)
        evenly = np.linspace(0, len(members) - 1, min(count, len(members)))
        chosen.append(members[np.round(evenly).astype(np.int64)])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def divide(
    ids: np.ndarray, held_out_ids: np.ndarray, is_trained: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the images to train on, and of those held out, both of trained classes."""
    held = np.isin(ids, held_out_ids)
    if held.sum() != len(held_out_ids):
        raise DataError(
            f"validation.lst names {len(held_out_ids)} images, of which {held.sum()} are in the "
            "training data; prepare both together"
        )
    return np.flatnonzero(~held & is_trained), np.flatnonzero(held & is_trained)

"""Cached features in place of images: an array that all loaders of it share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from gluon_hash.engine import nd, new_batch

__all__ = ["Features", "OfFeatures"]

Change = Callable[[np.ndarray], None]
ROWS_AT_A_TIME = 1024  # that are looked through
Loader = TypeVar("Loader", bound="OfFeatures")
ROWS_CHANGED = 32  # at a time: they stay in the cache


class Features:
    """Rows of features, held as float32, with the fields of a RecordFile that a batch needs.

    Parameters
    ----------
    features : float, shape (M, num_features)
        Not copied if they are float32.
    level_labels : int32, shape (N, K)
    ids : int64, shape (N,)
    positions : int, shape (N,), or None
        Of the images among the features; None: these are all, in order.

    Raises
    ------
    ValueError
        If shapes do not fit, or a feature is not finite.
    """

    def __init__(
        self,
        features: np.ndarray,
        level_labels: np.ndarray,
        ids: np.ndarray,
        positions: np.ndarray | None,
    ) -> None:
        self.positions = np.arange(len(features)) if positions is None else positions
        count = len(self.positions)
        if not (count == len(level_labels) == len(ids)) or features.ndim != 2:
            raise ValueError(
                "features: expected (N, num_features) with N labels and ids, got "
                f"{(count, *features.shape[1:])}, {level_labels.shape} and {ids.shape}"
            )
        # converted once: float16 to float32 takes longer than an epoch of a linear head
        self.features = np.asarray(features, np.float32)
        self.level_labels, self.ids = level_labels, ids
        self._change: Change | None = None
        bad = np.flatnonzero(~_finite(self.features, self.positions))
        if len(bad):
            raise ValueError(
                f"features of id {ids[bad[0]]} hold NaN or infinity ({len(bad)} images do); "
                "encode them again"
            )

    def changed(self, change: Change | None) -> Features:
        """The same whose inputs are changed in place, a batch at a time; None: as they are."""
        other = copy.copy(self)
        other._change = change
        return other

    def part(self, rows: slice | np.ndarray) -> Features:
        """These rows alone."""
        other = copy.copy(self)
        other.positions, other.ids = self.positions[rows], self.ids[rows]
        other.level_labels = self.level_labels[rows]
        return other

    def inputs(self, positions: np.ndarray) -> nd.NDArray:
        """The features of some of the images: float32 (len(positions), num_features)."""
        array, memory = new_batch((len(positions), self.features.shape[1]))
        rows = self.positions[positions]
        np.take(self.features, rows, axis=0, out=memory, mode="clip")  # other modes copy twice
        if self._change is not None:
            for start in range(0, len(memory), ROWS_CHANGED):
                self._change(memory[start : start + ROWS_CHANGED])
        return array


class OfFeatures:
    """What loaders of features share."""

    _features: Features

    def changed(self: Loader, change: Change | None) -> Loader:
        """The same with what ``change`` makes of each batch, in place, of float32 (N, D).

        None: the features as they are.
        """
        other = copy.copy(self)
        other._features = self._features.changed(change)
        return other


def _finite(features: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Whether each row at ``positions`` holds no NaN or infinity: bool (N,)."""
    starts = range(0, len(positions), ROWS_AT_A_TIME)
    blocks = (features[positions[start : start + ROWS_AT_A_TIME]] for start in starts)
    return np.concatenate(
        [np.isfinite(block).all(axis=1) for block in blocks] or [np.empty(0, bool)]
    )

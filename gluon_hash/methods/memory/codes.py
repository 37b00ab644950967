"""Memories of the training images' codes: the latest (DPSH), a row for each image (DSDH, DQN)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gluon_hash.engine import mx, nd
from gluon_hash.errors import DataError
from gluon_hash.methods.memory.base import Memory

__all__ = ["ImageCodes", "RecentCodes"]

MOST_WAITING = 1024  # batches whose codes are left on the device


class RecentCodes(Memory):
    """The latest codes seen, with their labels.

    Hands the loss codes (size, num_bits), level labels (size, K) and a mask (1, size): 1 where
    there is a code.

    Parameters
    ----------
    size, num_bits, num_levels : int

    Raises
    ------
    ValueError
        If ``size`` is not positive.
    """

    def __init__(self, size: int, num_bits: int, num_levels: int) -> None:
        if size < 1:
            raise ValueError(f"RecentCodes: size must be >= 1, got {size}")
        self._arrays = {
            "codes": nd.zeros((size, num_bits)),
            "labels": nd.zeros((size, num_levels)),
            "valid": nd.zeros((1, size)),
        }
        self._next = 0

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """Codes, labels, mask: those that are held, from the first call on on ``context``."""
        self._arrays = {name: held.as_in_context(context) for name, held in self._arrays.items()}
        return list(self._arrays.values())

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Put the codes where the oldest are; neither waits nor copies to the host."""
        held, size = self._arrays, len(self._arrays["codes"])
        left_out = max(0, len(ids) - size)  # which later ones of the batch would overwrite
        start, count = (self._next + left_out) % size, len(ids) - left_out
        before_end = min(count, size - start)
        for place, rows in (
            (slice(start, start + before_end), slice(left_out, left_out + before_end)),
            (slice(0, count - before_end), slice(left_out + before_end, len(ids))),
        ):
            if place.start < place.stop:
                held["codes"][place] = code[rows]
                held["labels"][place] = level_labels[rows]
                held["valid"][:, place] = 1.0
        self._next = (self._next + len(ids)) % size

    def state(self) -> dict[str, np.ndarray]:
        """All of it."""
        held = {name: value.asnumpy() for name, value in self._arrays.items()}
        return {**held, "next": np.array(self._next)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state; of a checkpoint from before there was a memory it stays empty."""
        if "next" not in state:
            return
        self._arrays = {
            name: nd.array(state[name], held.context) for name, held in self._arrays.items()
        }
        self._next = int(state["next"])


class ImageCodes(Memory):
    """A code and a target for every training image, by id.

    The targets are solved for after every epoch. Hands the loss the targets (batch_size, num_bits)
    of the images of the batch and a mask (batch_size, 1): 1 where there is one.

    Parameters
    ----------
    ids : int64, shape (N,)
        Of the training images.
    num_bits : int
    solve : callable
        Codes (M, num_bits), fine labels (M,), previous targets (M, num_bits) -> targets (M,
        num_bits), for the M images seen so far.

    Raises
    ------
    ValueError
        Later, if a batch holds an id that is not among ``ids``.
    """

    def __init__(
        self,
        ids: np.ndarray,
        num_bits: int,
        solve: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    ) -> None:
        self._ids, self._order, self._sorted, self._solve = (
            np.asarray(ids),
            np.argsort(ids),
            np.sort(ids),
            solve,
        )
        self._codes = np.zeros((len(ids), num_bits), np.float32)
        self._targets = np.zeros((len(ids), num_bits), np.float32)
        self._labels = np.full(len(ids), -1, np.int64)  # -1: not seen
        self._known = np.zeros((len(ids), 1), np.float32)
        self._waiting: list[tuple[np.ndarray, nd.NDArray, nd.NDArray]] = []
        self._on: dict[mx.Context, tuple[nd.NDArray, nd.NDArray]] = {}  # of an epoch

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """Targets and mask of these images, gathered on ``context``."""
        if context not in self._on:
            self._on[context] = nd.array(self._targets, context), nd.array(self._known, context)
        rows = nd.array(self._rows(ids), context, "int32")
        return [nd.take(held, rows) for held in self._on[context]]

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Keep the codes of these images; they stay on the device until they are needed."""
        self._waiting.append((self._rows(ids), code, level_labels))
        if len(self._waiting) >= MOST_WAITING:
            self._read()

    def finish(self, epoch: int) -> dict[str, Any]:
        """Solve for the targets; logs their mean squared distance to the codes."""
        self._read()
        self._on = {}
        seen = np.flatnonzero(self._labels >= 0)
        self._targets[seen] = self._solve(
            self._codes[seen], self._labels[seen], self._targets[seen]
        )
        self._known[seen] = 1.0
        return {"target_distance": float(((self._targets[seen] - self._codes[seen]) ** 2).mean())}

    def state(self) -> dict[str, np.ndarray]:
        """All of it."""
        self._read()
        return {
            "ids": self._ids,
            "codes": self._codes,
            "targets": self._targets,
            "labels": self._labels,
            "known": self._known,
        }

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state; DataError if it is of other images."""
        if not np.array_equal(state.get("ids", []), self._ids):
            raise DataError(
                "the codes in the checkpoint are not those of the training images; were the data "
                "prepared again?"
            )
        self._waiting, self._on = [], {}
        self._codes, self._targets = np.array(state["codes"]), np.array(state["targets"])
        self._labels, self._known = np.array(state["labels"]), np.array(state["known"])

    def _read(self) -> None:
        """Take the codes that wait from the device, in the order of their batches."""
        for rows, code, level_labels in self._waiting:
            self._codes[rows] = code.asnumpy()
            self._labels[rows] = level_labels[:, 0].asnumpy().astype(np.int64)
        self._waiting = []

    def _rows(self, ids: np.ndarray) -> np.ndarray:
        rank = np.searchsorted(self._sorted, ids)
        unknown = self._sorted[np.minimum(rank, len(self._sorted) - 1)] != ids
        if unknown.any():
            raise ValueError(
                f"ImageCodes: id {np.asarray(ids)[unknown][0]} is not a training image"
            )
        return self._order[rank]

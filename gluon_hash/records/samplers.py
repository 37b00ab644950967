"""The order of an epoch: shuffled, or batches of P classes with S samples each. Positions only; no image is read."""
from __future__ import annotations

from typing import Callable

import numpy as np

__all__ = ["Order", "class_batches", "relative_batches", "shuffled"]

# (number of positions wanted, random numbers) -> positions, batch after batch
Order = Callable[[int, np.random.RandomState], np.ndarray]


def shuffled(num_images: int) -> Order:
    """Every image at most once, in random order."""
    return lambda count, rng: rng.permutation(num_images)[:count]


def class_batches(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> Order:
    """Batches of P classes drawn from all, S = batch_size / P samples of each.

    Parameters
    ----------
    level_labels : int, shape (N, K)
    batch_size : int
        A multiple of ``classes_per_batch``.
    classes_per_batch : int
        P, at most the number of classes.

    Raises
    ------
    ValueError
        If the numbers do not fit.
    """
    members = _members(level_labels, batch_size, classes_per_batch)

    def order(count: int, rng: np.random.RandomState) -> np.ndarray:
        decks = _Decks(members, rng)
        return np.concatenate([decks.batch(rng.permutation(len(members))[:classes_per_batch],
                                           batch_size // classes_per_batch) for _ in range(count // batch_size)])

    return order


def relative_batches(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> Order:
    """As class_batches, half of the classes from one superclass (level 1), the others from all.

    So every batch holds relatives. A superclass with fewer classes gives those it has. With one level, as class_batches.
    """
    members = _members(level_labels, batch_size, classes_per_batch)
    if level_labels.shape[1] == 1:
        return class_batches(level_labels, batch_size, classes_per_batch)
    parent = np.array([level_labels[positions[0], 1] for positions in members])

    def order(count: int, rng: np.random.RandomState) -> np.ndarray:
        decks, batches = _Decks(members, rng), []
        for _ in range(count // batch_size):
            family = np.flatnonzero(parent == parent[rng.randint(len(members))])
            relatives = rng.permutation(family)[:classes_per_batch // 2]
            others = np.setdiff1d(np.arange(len(members)), relatives)
            chosen = np.concatenate([relatives, rng.permutation(others)[:classes_per_batch - len(relatives)]])
            batches.append(decks.batch(chosen, batch_size // classes_per_batch))
        return np.concatenate(batches)

    return order


class _Decks:
    """The images of each class, dealt without replacement until they are used up, then shuffled anew."""

    def __init__(self, members: list[np.ndarray], rng: np.random.RandomState) -> None:
        self._members, self._rng = members, rng
        self._decks: list[np.ndarray] = [np.empty(0, np.int64) for _ in members]

    def batch(self, classes: np.ndarray, samples: int) -> np.ndarray:
        return np.concatenate([self._deal(int(one), samples) for one in classes])

    def _deal(self, one: int, samples: int) -> np.ndarray:
        while len(self._decks[one]) < samples:
            self._decks[one] = np.concatenate([self._decks[one], self._rng.permutation(self._members[one])])
        dealt, self._decks[one] = self._decks[one][:samples], self._decks[one][samples:]
        return dealt


def _members(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> list[np.ndarray]:
    classes = np.unique(level_labels[:, 0])
    if not 2 <= classes_per_batch <= len(classes) or batch_size % classes_per_batch:
        raise ValueError(f"sampler: expected classes_per_batch from 2 to {len(classes)} (the classes with images) that "
                         f"divides the batch size {batch_size}, got {classes_per_batch}")
    return [np.flatnonzero(level_labels[:, 0] == one) for one in classes]

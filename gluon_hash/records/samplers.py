"""The order of an epoch: shuffled, or batches of P classes with S samples each.

An ``Order`` is any function (number of positions wanted, random numbers) -> positions, batch after
batch: one of one's own may be given to a loader. It sees positions and labels; no image is read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["Order", "class_batches", "relative_batches", "shuffled"]

Order = Callable[[int, np.random.RandomState], np.ndarray]


def shuffled(num_images: int) -> Order:
    """Every image at most once, in random order.

    Examples
    --------
    >>> sorted(shuffled(3)(3, np.random.RandomState(0)).tolist())
    [0, 1, 2]
    """
    return lambda count, rng: rng.permutation(num_images)[:count]


def class_batches(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> Order:
    """Batches of P classes drawn from all, S = batch_size / P samples of each.

    An epoch deals as many images as a shuffled one, but leaves some out: a class that is drawn less
    often keeps images back, a small one that is drawn more often deals its own again.

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
        If the numbers do not fit, or an image has no fine label (-1).
    """
    members = _members(level_labels, batch_size, classes_per_batch)

    def order(count: int, rng: np.random.RandomState) -> np.ndarray:
        decks = _Decks(members, rng)
        return np.concatenate(
            [
                decks.batch(
                    rng.permutation(len(members))[:classes_per_batch],
                    batch_size // classes_per_batch,
                )
                for _ in range(count // batch_size)
            ]
        )

    return order


def relative_batches(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> Order:
    """As class_batches, half of the classes from one superclass, the others from all.

    The superclass is the lowest one of a class drawn at random that holds another class too, so
    every batch holds relatives; with fewer classes than half it gives those it has. A class that is
    alone up to the coarsest level draws from all, and so does every class of a hierarchy with one
    level.

    Raises
    ------
    ValueError
        As class_batches, or if ``classes_per_batch`` is below 4: half of them would not be
        relatives.
    """
    members = _members(level_labels, batch_size, classes_per_batch)
    if classes_per_batch < 4:
        raise ValueError(
            f"sampler: relatives need classes_per_batch of 4 or more, got {classes_per_batch}"
        )
    ancestors = level_labels[[positions[0] for positions in members]]  # (number of classes, K)

    def order(count: int, rng: np.random.RandomState) -> np.ndarray:
        decks, batches = _Decks(members, rng), []
        for _ in range(count // batch_size):
            family = _family(ancestors, rng.randint(len(members)))
            relatives = rng.permutation(family)[: classes_per_batch // 2]
            others = np.setdiff1d(np.arange(len(members)), relatives)
            chosen = np.concatenate(
                [relatives, rng.permutation(others)[: classes_per_batch - len(relatives)]]
            )
            batches.append(decks.batch(chosen, batch_size // classes_per_batch))
        return np.concatenate(batches)

    return order


def _family(ancestors: np.ndarray, member: int) -> np.ndarray:
    """Classes of the lowest superclass of class ``member`` that holds two or more, else all."""
    for level in range(1, ancestors.shape[1]):
        family = np.flatnonzero(ancestors[:, level] == ancestors[member, level])
        if len(family) > 1:
            return family
    return np.arange(len(ancestors))


class _Decks:
    """The images of each class, dealt without replacement, shuffled again when they are used up."""

    def __init__(self, members: list[np.ndarray], rng: np.random.RandomState) -> None:
        self._members, self._rng = members, rng
        self._decks: list[np.ndarray] = [np.empty(0, np.int64) for _ in members]

    def batch(self, classes: np.ndarray, samples: int) -> np.ndarray:
        return np.concatenate([self._deal(int(label), samples) for label in classes])

    def _deal(self, label: int, samples: int) -> np.ndarray:
        while len(self._decks[label]) < samples:
            rest, fresh = self._decks[label], self._rng.permutation(self._members[label])
            # these come last, so that no image appears twice in a batch that has others
            again = np.isin(fresh, rest)
            self._decks[label] = np.concatenate([rest, fresh[~again], fresh[again]])
        dealt, self._decks[label] = self._decks[label][:samples], self._decks[label][samples:]
        return dealt


def _members(level_labels: np.ndarray, batch_size: int, classes_per_batch: int) -> list[np.ndarray]:
    classes = np.unique(level_labels[:, 0])
    if len(classes) and classes[0] < 0:
        raise ValueError(
            "sampler: some images have no fine label (-1), so they are of no class; "
            "set training.sampler to shuffled"
        )
    if not 2 <= classes_per_batch <= len(classes) or batch_size % classes_per_batch:
        raise ValueError(
            f"sampler: expected classes_per_batch from 2 to {len(classes)} (the classes with "
            f"images) that divides the batch size {batch_size}, got {classes_per_batch}"
        )
    return [np.flatnonzero(level_labels[:, 0] == label) for label in classes]

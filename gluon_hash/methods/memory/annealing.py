"""The search for binary targets whose distances are as they should be: simulated annealing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

__all__ = ["Search", "anneal", "balanced_bits", "check_different", "cooling", "stretches"]

HOTTEST, COLDEST = 10.0, 0.5
SWEEPS = 400  # over the bits


class Search:
    """Targets, and what a flip of any of their bits would change.

    The cost of a pair of classes is its weight times the square of ``excess``, by which its
    distance exceeds what is wanted. Of every pair are kept what the cost would gain by a distance
    of one bit more and of one bit less: ``total`` is the sum of the two, ``difference`` the first
    minus the second. All are small whole numbers, so that their sums are exact and the same on
    every machine.

    Parameters
    ----------
    wanted : float32, shape (C, C)
        Distances in bits, whole numbers, symmetric.
    above, below : float32, shape (C, C)
        Weights of an excess above 0, and of one below: whole numbers, symmetric, 0 on the diagonal.
    signs : float32 in {-1, +1}, shape (C, L)
        To start from; changed in place.
    """

    def __init__(
        self, wanted: np.ndarray, above: np.ndarray, below: np.ndarray, signs: np.ndarray
    ) -> None:
        self.signs, num_bits = signs, signs.shape[1]
        self._excess = np.float32(0.5) * (num_bits - signs @ signs.T) - wanted
        self._above, self._below = above, below
        self._total, self._difference = self._changes(slice(None))
        self._sums = self._total.sum(axis=1)

    def swap(self, bit: int, temperature: float, rng: np.random.RandomState) -> None:
        """Swap ``bit`` of two classes that differ in it, as annealing has it."""
        signs = self.signs[:, bit]
        cost = 0.5 * (self._sums + signs * (self._difference @ signs))  # of a flip of each class
        noisy = cost + temperature * rng.standard_normal(len(cost))
        first = int(np.argmin(np.where(signs > 0, noisy, np.inf)))
        second = int(np.argmin(np.where(signs < 0, noisy, np.inf)))
        # the distance of the two stays: both flips count it as one bit less
        less = 0.5 * (self._total[first, second] - self._difference[first, second])
        worse = cost[first] + cost[second] - 2.0 * less
        if worse > 0 and rng.random_sample() >= np.exp(-worse / temperature):
            return
        for own in (first, second):
            change = signs * signs[own]
            change[[first, second]] = 0.0
            self._move(own, change)
        self.signs[first, bit], self.signs[second, bit] = -1.0, 1.0

    def flip(self, own: int, temperature: float, rng: np.random.RandomState, kept: int = 0) -> None:
        """Flip a bit of class ``own`` after the first ``kept``: the best one but for the noise."""
        signs = self.signs[own]
        gained = signs[kept:] * (self._difference[own] @ self.signs[:, kept:])
        cost = 0.5 * (self._sums[own] + gained)  # by bit
        best = int(np.argmin(cost + temperature * rng.standard_normal(len(cost))))
        if cost[best] > 0 and rng.random_sample() >= np.exp(-cost[best] / temperature):
            return
        bit = kept + best
        change = self.signs[:, bit] * signs[bit]
        change[own] = 0.0
        self._move(own, change)
        signs[bit] = -signs[bit]

    def _move(self, own: int, change: np.ndarray) -> None:
        """Add ``change`` to the distances of class ``own`` to all others."""
        self._excess[own] += change
        self._excess[:, own] = self._excess[own]
        total, difference = self._changes(own)
        self._sums += total - self._total[own]
        self._sums[own] = total.sum()
        self._total[own] = self._total[:, own] = total
        self._difference[own] = self._difference[:, own] = difference

    def _changes(self, rows: int | slice) -> tuple[np.ndarray, np.ndarray]:
        """``total`` and ``difference`` of these rows.

        w (x + 1)^2 - w x^2 = w (2x + 1) and w (x - 1)^2 - w x^2 = w (1 - 2x), w the weight on that
        side of 0; at x = 0 one bit more is on the one side, one bit less on the other.
        """
        excess, above, below = self._excess[rows], self._above[rows], self._below[rows]
        weight = np.where(excess > 0, above, below)
        return (
            np.where(excess == 0, above + below, 2 * weight),
            np.where(excess == 0, above - below, 4 * weight * excess),
        )


def anneal(
    count: int,
    lengths: Sequence[int],
    search_for: Callable[[np.ndarray], Search],
    rng: np.random.RandomState,
) -> np.ndarray:
    """Targets by a search for each length in turn, in which the bits of the lengths before stay.

    So the first bits, up to any of the lengths but the last, are targets too; those up to the first
    length are what is found for that length alone.

    Parameters
    ----------
    count : int
        Classes.
    lengths : sequence of int
        In ascending order; the last is that of the targets.
    search_for : callable
        Signs, float32 (count, length) -> the Search that changes them.
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (count, lengths[-1])
        All different, already in their first bits.

    Raises
    ------
    ValueError
        If there is no room for the classes.
    """
    signs = np.empty((count, 0), np.float32)
    for kept, length in stretches(lengths):
        signs = np.hstack([signs, balanced_bits(count, length - kept, rng)])
        search = search_for(signs)
        bits = kept + np.concatenate([rng.permutation(length - kept) for _ in range(SWEEPS)])
        for bit, temperature in zip(bits.tolist(), cooling(len(bits))) if count > 2 else ():
            search.swap(bit, temperature, rng)
        check_different(signs, "net.num_bits" if length == lengths[-1] else "loss.nested")
    return signs


def stretches(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """From where to where each length goes beyond the one before.

    Examples
    --------
    >>> stretches([16, 32, 48])
    [(0, 16), (16, 32), (32, 48)]
    """
    return list(pairwise([0, *lengths]))


def check_different(signs: np.ndarray, setting: str = "net.num_bits") -> None:
    """ValueError unless all rows, a target each, are different; ``setting`` says their length."""
    count, num_bits = signs.shape
    if len(np.unique(signs, axis=0)) < count:
        raise ValueError(
            f"targets: {count} different codes of {num_bits} bits were not found; set {setting} "
            "higher"
        )


def balanced_bits(count: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Random signs, as many +1 as -1 in every column; of an odd number one more, in turns."""
    signs = np.ones((count, num_bits), np.float32)
    for bit in range(num_bits):
        signs[rng.permutation(count)[: (count + bit % 2) // 2], bit] = -1.0
    return signs


def cooling(num_steps: int) -> list[float]:
    """A temperature for each of so many steps."""
    return (HOTTEST * (COLDEST / HOTTEST) ** (np.arange(num_steps) / num_steps)).tolist()

"""Binary targets annealed to distances that the tree asks for: the farther, the less related."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["annealed_targets", "goal_distances", "levels_apart"]

SIBLINGS, STRANGERS = 10 / 48, 22 / 48  # of the bits: between two classes
TOO_NEAR = 2.0  # times as bad as too far, between relatives: so that no two fall together
SWEEPS = 400  # over the bits
HOTTEST, COLDEST = 10.0, 0.5
MOST_CLASSES = 4096  # tables of all pairs of classes are kept: 80 bytes a pair in the search


def annealed_targets(
    parents: Sequence[np.ndarray],
    num_classes: Sequence[int],
    num_bits: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    r"""Targets whose distances increase with the level at which two classes first meet (ours).

    .. math:: \min_T \sum_{h < K} w_h [(d - g_h)_+^2 + 2 (g_h - d)_+^2] + \sum_{h = K} (g_K - d)_+^2

    over all pairs of classes, d their Hamming distance, h of levels_apart, g of goal_distances,
    among the T that have as many +1 as -1 in every bit, or one more or less. Strangers (h = K) may
    be farther apart than their goal, all others should meet it. w_h is the fourth root of how many
    times more pairs of strangers there are, rounded, 1 or more. Two classes swap a bit at a time,
    the best pair of them but for a noise that cools down.

    Parameters
    ----------
    parents : sequence of K - 1 int arrays
        ``parents[k][c]`` is the parent at level k + 1 of class c.
    num_classes : sequence of K int
        Up to 4,096 at the finest level; 100 take two seconds at 48 bits, 1,000 less than a minute.
    num_bits : int
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes[0], num_bits)
        All different.

    Raises
    ------
    ValueError
        If there is no room for the classes, or there are too many.

    Source: codewords of classes that a search pulls apart are Dietterich and Bakiri's (1995,
    error-correcting output codes); centers optimised for similarities and a least distance are
    SHC's (arXiv:2507.08404), which takes the similarities from a trained classifier and not from a
    tree. The exact distances by level and the balanced bits are ours.
    """
    count = num_classes[0]
    if count > MOST_CLASSES:
        raise ValueError(
            f"targets: annealed takes up to {MOST_CLASSES} classes, got {count}; set targets: tree"
        )
    apart = levels_apart(parents, num_classes)
    goals = goal_distances(int(apart.max()), count, num_bits)
    search = _Search(apart, goals, _balanced_bits(count, num_bits, rng))
    for bit, temperature in _steps(num_bits, rng) if count > 2 else ():
        search.step(bit, temperature, rng)
    if len(np.unique(search.signs, axis=0)) < count:
        raise ValueError(
            f"targets: {count} different codes of {num_bits} bits were not found; set net.num_bits "
            "higher"
        )
    return search.signs


def goal_distances(num_levels: int, num_classes: int, num_bits: int) -> list[int]:
    """Bits between classes that meet 1, 2, ... num_levels levels up; the last are strangers.

    Siblings are 10/48 of the bits apart, strangers 22/48 or more, the levels between them evenly
    spaced; all but the last are rounded to even numbers, as three classes that are equally far from
    each other are an even number of bits apart. Of a single level, whose classes are all strangers,
    it is the most that the smallest distance can be (Plotkin): balanced bits leave
    L C / (2 (C - 1)) on average.

    Examples
    --------
    >>> goal_distances(2, 100, 48), goal_distances(4, 100, 64), goal_distances(1, 100, 48)
    ([10, 22], [14, 18, 24, 29], [24])
    """
    if num_levels == 1:
        return [num_bits * num_classes // max(1, 2 * (num_classes - 1))]
    step = (STRANGERS - SIBLINGS) / (num_levels - 1)
    shares = [SIBLINGS + step * above for above in range(num_levels)]
    related = [max(2, 2 * round(share * num_bits / 2)) for share in shares[:-1]]
    return [*related, max(2, round(STRANGERS * num_bits))]


def levels_apart(parents: Sequence[np.ndarray], num_classes: Sequence[int]) -> np.ndarray:
    """By how many levels up two classes meet: int (C, C), 0 for a class and itself, 1 for siblings.

    Strangers meet at a root above the coarsest level; a level of one class is that root.
    """
    ancestor = np.arange(num_classes[0])
    apart = np.zeros((len(ancestor), len(ancestor)), np.int64)
    for level, count in enumerate(num_classes):
        if count == 1:
            break
        ancestor = ancestor if level == 0 else parents[level - 1][ancestor]
        apart += ancestor[:, None] != ancestor[None, :]
    return apart


class _Search:
    """Targets, and what a flip of any of their bits would change.

    Of every pair it keeps ``excess``, by which its distance exceeds the goal, and what the cost
    would gain by a distance of one bit more and of one bit less: ``total`` is the sum of the two,
    ``difference`` the first minus the second. All are small whole numbers, so that their sums are
    exact and the same on every machine.
    """

    def __init__(self, apart: np.ndarray, goals: Sequence[int], signs: np.ndarray) -> None:
        self.signs, num_bits = signs, signs.shape[1]
        wanted = np.array([0, *goals], np.float32)[apart]
        self._excess = np.float32(0.5) * (num_bits - signs @ signs.T) - wanted
        self._above, self._below = (weights[apart] for weights in _weights(apart, len(goals)))
        self._total, self._difference = self._changes(slice(None))
        self._sums = self._total.sum(axis=1)

    def step(self, bit: int, temperature: float, rng: np.random.RandomState) -> None:
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


def _weights(apart: np.ndarray, farthest: int) -> tuple[np.ndarray, np.ndarray]:
    """Of an excess above 0 and of one below, by the levels apart: float32 (farthest + 1,) each."""
    pairs = np.bincount(apart.ravel(), minlength=farthest + 1)
    weights = np.maximum(np.round((pairs[-1] / np.maximum(pairs, 1)) ** 0.25), 1.0)
    weights[0] = 0.0  # a class and itself
    above, below = weights.copy(), TOO_NEAR * weights
    above[-1], below[-1] = 0.0, 1.0
    return above.astype(np.float32), below.astype(np.float32)


def _balanced_bits(count: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Random signs, as many +1 as -1 in every column; of an odd number one more, in turns."""
    signs = np.ones((count, num_bits), np.float32)
    for bit in range(num_bits):
        signs[rng.permutation(count)[: (count + bit % 2) // 2], bit] = -1.0
    return signs


def _steps(num_bits: int, rng: np.random.RandomState) -> list[tuple[int, float]]:
    """The bits in which a swap is tried, each once in every sweep, and the temperatures."""
    bits = np.concatenate([rng.permutation(num_bits) for _ in range(SWEEPS)])
    temperatures = HOTTEST * (COLDEST / HOTTEST) ** (np.arange(len(bits)) / len(bits))
    return list(zip(bits.tolist(), temperatures.tolist()))

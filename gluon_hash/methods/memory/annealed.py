"""Binary targets annealed to distances that the tree asks for: the farther, the less related."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_hash.methods.memory.annealing import Search, anneal

__all__ = [
    "annealed_targets",
    "goal_distances",
    "levels_apart",
    "search_by_levels",
]

SIBLINGS, STRANGERS = 10 / 48, 22 / 48  # of the bits: between two classes
TOO_NEAR = 2.0  # times as bad as too far, between relatives: so that no two fall together
MOST_CLASSES = 4096  # tables of all pairs of classes are kept: 80 bytes a pair in the search


def annealed_targets(
    parents: Sequence[np.ndarray],
    num_classes: Sequence[int],
    num_bits: int,
    rng: np.random.RandomState,
    nested: Sequence[int] = (),
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
    nested : sequence of int
        Lengths below num_bits, in ascending order: the first so many bits are such targets too,
        for the goals of that length, and stay as the further bits are searched for.

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes[0], num_bits)
        All different, already in their first ``nested`` bits.

    Raises
    ------
    ValueError
        If there is no room for the classes, or there are too many.

    Source: codewords of classes that a search pulls apart are Dietterich and Bakiri's (1995,
    error-correcting output codes); centers optimised for similarities and a least distance are
    SHC's (arXiv:2507.08404), which takes the similarities from a trained classifier and not from a
    tree. The exact distances by level and the balanced bits are ours. Codes of several lengths in
    one are the Nested Hash Layer's (arXiv:2412.08922), where a layer learns them by a loss for each
    length; nested codewords, which are fixed before, are ours.
    """
    count = num_classes[0]
    if count > MOST_CLASSES:
        raise ValueError(
            f"targets: annealed takes up to {MOST_CLASSES} classes, got {count}; set targets: tree"
        )
    apart = levels_apart(parents, num_classes)

    def search_for(signs: np.ndarray) -> Search:
        goals = goal_distances(int(apart.max()), count, signs.shape[1])
        return search_by_levels(apart, goals, signs)

    return anneal(count, [*nested, num_bits], search_for, rng)


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


def search_by_levels(apart: np.ndarray, goals: Sequence[int], signs: np.ndarray) -> Search:
    """A search for the distances ``goals`` of classes that meet 1, 2, ... levels up."""
    wanted = np.array([0, *goals], np.float32)[apart]
    above, below = (weights[apart] for weights in _weights(apart, len(goals)))
    return Search(wanted, above, below, signs)


def _weights(apart: np.ndarray, farthest: int) -> tuple[np.ndarray, np.ndarray]:
    """Of an excess above 0 and of one below, by the levels apart: float32 (farthest + 1,) each."""
    pairs = np.bincount(apart.ravel(), minlength=farthest + 1)
    weights = np.maximum(np.round((pairs[-1] / np.maximum(pairs, 1)) ** 0.25), 1.0)
    weights[0] = 0.0  # a class and itself
    above, below = weights.copy(), TOO_NEAR * weights
    above[-1], below[-1] = 0.0, 1.0
    return above.astype(np.float32), below.astype(np.float32)

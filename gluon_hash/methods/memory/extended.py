"""Codewords of new classes beside those of old ones, which stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_hash.methods.memory.annealed import goal_distances, levels_apart, search_by_levels
from gluon_hash.methods.memory.annealing import check_different, cooling, stretches

__all__ = ["extended_targets"]

SWEEPS = 60  # over the bits of each new class


def extended_targets(
    targets: np.ndarray,
    old: np.ndarray,
    parents: Sequence[np.ndarray],
    num_classes: Sequence[int],
    rng: np.random.RandomState,
    nested: Sequence[int] = (),
) -> np.ndarray:
    """Targets of all classes: the old ones, and new ones as far from them as these are apart.

    A new class should be as far from its siblings (and from those it meets further up) as the old
    ones are from theirs, by the median, and 22/48 of the bits or more from strangers: the cost of
    annealed_targets, over the pairs of a new class and any other. The new classes flip a bit in
    turns, the best but for a noise that cools down. Bits need not divide the new classes in halves.

    Parameters
    ----------
    targets : float in {-1, +1}, shape (num_old, num_bits)
    old : int, shape (num_old,)
        Which of the finest classes they are of.
    parents : sequence of K - 1 int arrays
        Of all classes: ``parents[k][c]`` is the parent at level k + 1 of class c.
    num_classes : sequence of K int
    rng : RandomState
    nested : sequence of int
        Those of the old targets, as of annealed_targets.

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes[0], num_bits)
        All different, if the old ones are.

    Raises
    ------
    ValueError
        If there is no room for the classes.

    Source: ours; of the search see annealed_targets.
    """
    num_bits = targets.shape[1]
    apart = levels_apart(parents, num_classes)
    new = np.setdiff1d(np.arange(num_classes[0]), old)
    signs = np.where(rng.random_sample((num_classes[0], num_bits)) < 0.5, -1, 1).astype(np.float32)
    signs[old] = targets
    for kept, length in stretches([*nested, num_bits]):
        here = signs[:, :length]  # a view: what is found for a length stays
        goals = goal_distances(int(apart.max()), num_classes[0], length)
        goals[:-1] = _kept_distances(here[old], apart[np.ix_(old, old)], goals[:-1])
        search, turns = search_by_levels(apart, goals, here), np.tile(new, SWEEPS * (length - kept))
        for own, temperature in zip(turns.tolist(), cooling(len(turns))):
            search.flip(own, temperature, rng, kept)
    check_different(signs)
    return signs


def _kept_distances(targets: np.ndarray, apart: np.ndarray, otherwise: Sequence[int]) -> list[int]:
    """The median distance of the targets that meet 1, 2, ... levels up, where there are any."""
    distance = (targets.shape[1] - targets @ targets.T) / 2
    return [
        round(float(np.median(distance[apart == above]))) if (apart == above).any() else goal
        for above, goal in enumerate(otherwise, start=1)
    ]

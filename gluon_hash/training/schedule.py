"""Learning-rate schedules: pure functions of the epochs done, in multiples of the base rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["Schedule", "constant", "multi_step", "cosine", "with_warmup"]

Schedule = Callable[[float], float]


def constant() -> Schedule:
    """Always 1."""
    return lambda epochs_done: 1.0


def multi_step(milestones: Sequence[int], factor: float) -> Schedule:
    """``factor`` to the power of the number of milestones (in epochs) that have passed.

    Raises
    ------
    ValueError
        If the milestones do not rise.

    Examples
    --------
    >>> [multi_step([50, 100], 0.1)(epoch) for epoch in (0, 49.9, 50)]
    [1.0, 1.0, 0.1]
    """
    if list(milestones) != sorted(set(milestones)):
        raise ValueError(f"multi_step: milestones must rise, got {list(milestones)}")
    return lambda epochs_done: factor ** sum(epochs_done >= milestone for milestone in milestones)


def cosine(num_epochs: float) -> Schedule:
    """(1 + cos(pi t)) / 2, t the fraction of ``num_epochs`` done: from 1 to 0.

    >>> round(cosine(30)(15), 6)
    0.5
    """
    return lambda epochs_done: 0.5 * (1.0 + math.cos(math.pi * min(epochs_done / num_epochs, 1.0)))


def with_warmup(schedule: Schedule, warmup_epochs: float) -> Schedule:
    """``schedule`` times a linear rise from 0 to 1 over the first ``warmup_epochs``."""
    if warmup_epochs <= 0:
        return schedule
    return lambda epochs_done: schedule(epochs_done) * min(epochs_done / warmup_epochs, 1.0)

"""What metrics of ranked lists share: the check of a list, the ideal order, a ratio."""

from __future__ import annotations

import numpy as np

__all__ = ["check_ranked", "ideal_order", "ratio"]


def check_ranked(values: np.ndarray, cutoff: int | None = None) -> tuple[np.ndarray, int]:
    """Ranked lists, bool or else float64, and the cut-off, by default all ranks.

    Raises
    ------
    ValueError
        If the shape is not (Q, N) with N >= 1, or the cut-off is not in [1, N].
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(
            f"a metric takes ranked lists (Q, N) with N >= 1, got shape {values.shape}"
        )
    if cutoff is not None and not 1 <= cutoff <= values.shape[1]:
        raise ValueError(
            f"the cut-off must be from 1 to {values.shape[1]}, the items ranked, got {cutoff}"
        )
    checked = values if values.dtype == bool else values.astype(np.float64)
    return checked, cutoff or values.shape[1]


def ideal_order(gain: np.ndarray) -> np.ndarray:
    """Each row sorted, the largest first."""
    return np.sort(gain, axis=1)[:, ::-1]


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Their quotient, NaN where the denominator is 0."""
    undefined = np.full(np.shape(denominator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=np.asarray(denominator) != 0)

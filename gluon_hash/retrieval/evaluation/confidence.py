"""Bootstrap confidence intervals of a mean over queries."""

from __future__ import annotations

import numpy as np

__all__ = ["bootstrap", "resampled_means"]

BLOCK = 64  # resamples at a time: bounds the memory


def bootstrap(
    values: np.ndarray, percent: float, *, num_resamples: int = 1000, seed: int = 24
) -> np.ndarray:
    """Percentile intervals of the means of ``values`` over other draws of the queries.

    The queries are drawn again with replacement. The intervals say how far another draw of queries
    would move a mean, not how far another training would.

    Parameters
    ----------
    values : float, shape (Q, M)
        A row per query, a column per metric; NaN: the query is left out of that mean.
    percent : float
        In (0, 100).
    num_resamples, seed : int

    Returns
    -------
    float64, shape (M, 2)
        Lower and upper end; NaN where no query has a value.

    Raises
    ------
    ValueError
        If ``percent`` or the shape does not fit.

    Source: Efron 1979.
    """
    if not 0 < percent < 100:
        raise ValueError(f"confidence: expected a percentage in (0, 100), got {percent}")
    if values.ndim != 2 or not len(values):
        raise ValueError(
            f"confidence: expected values (Q, M) of at least one query, got shape {values.shape}"
        )
    means = resampled_means(values, num_resamples=num_resamples, seed=seed)
    tail = (100.0 - percent) / 2
    result = np.full((values.shape[1], 2), np.nan)
    some = (~np.isnan(values)).any(axis=0)
    result[some] = np.nanpercentile(means[:, some], [tail, 100.0 - tail], axis=0).T
    return result


def resampled_means(values: np.ndarray, *, num_resamples: int, seed: int) -> np.ndarray:
    """Means of every column over other draws of the rows, the same draws for all columns.

    Parameters
    ----------
    values : float, shape (Q, M)
        NaN: the row is left out of that mean.
    num_resamples, seed : int

    Returns
    -------
    float64, shape (num_resamples, M)
        NaN where no drawn row has a value.
    """
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    rng = np.random.RandomState(seed)
    means = []
    for start in range(0, num_resamples, BLOCK):
        count = min(BLOCK, num_resamples - start)
        drawn = rng.multinomial(
            len(values), np.full(len(values), 1.0 / len(values)), size=count
        ).astype(np.float64)
        total = drawn @ defined
        means.append(
            np.divide(drawn @ filled, total, out=np.full(total.shape, np.nan), where=total > 0)
        )
    return np.concatenate(means)

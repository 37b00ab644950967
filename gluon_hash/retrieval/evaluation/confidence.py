"""Bootstrap confidence intervals of a mean over queries."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

__all__ = ["bootstrap", "resampled_means"]

BLOCK = 64  # resamples at a time: bounds the memory
KEPT = 20_000  # rows whose draws are kept: 40 MB of a thousand resamples


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
    means = []
    draws = _kept_draws if len(values) <= KEPT else _draws
    for block in draws(len(values), num_resamples, seed):
        drawn = block.astype(np.float64)
        # whole numbers, so exact
        total = drawn @ defined if not defined.all() else np.full((len(drawn), 1), len(values))
        sums = drawn @ filled
        means.append(np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0))
    return np.concatenate(means)


def _draws(count: int, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of ``count`` rows is drawn: arrays (at most BLOCK resamples, count)."""
    rng, even = np.random.RandomState(seed), np.full(count, 1.0 / count)
    for start in range(0, num_resamples, BLOCK):
        yield rng.multinomial(count, even, size=min(BLOCK, num_resamples - start))


@functools.lru_cache(maxsize=3)
def _kept_draws(count: int, num_resamples: int, seed: int) -> list[np.ndarray]:
    """As _draws, of at most KEPT rows: a comparison asks for the same for each line and metric."""
    return [block.astype(np.uint16) for block in _draws(count, num_resamples, seed)]

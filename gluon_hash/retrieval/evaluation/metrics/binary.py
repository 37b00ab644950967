"""Metrics of ranked lists whose items are relevant or not."""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.evaluation.metrics.ranked import check_ranked, ratio

__all__ = ["average_precision", "hit_at", "precision_at", "r_precision", "recall_at"]


def average_precision(relevant: np.ndarray, cutoff: int | None = None) -> np.ndarray:
    r"""Mean of the precisions at the ranks of the relevant items.

    .. math:: AP@R = \frac{1}{\min(n, R)} \sum_{r \le R} rel_r \, P@r, \quad n \text{ relevant}

    Parameters
    ----------
    relevant : bool, shape (Q, N)
    cutoff : int, optional
        R; default: all ranks. Other divisors are those of
        gluon_hash.retrieval.evaluation.protocols.

    Returns
    -------
    float64, shape (Q,)
        NaN where nothing is relevant.

    Raises
    ------
    ValueError
        If the shape is not (Q, N) or the cut-off is not in [1, N].

    Examples
    --------
    >>> average_precision(np.array([[True, False, False, True]])).tolist()
    [0.75]
    """
    relevant, cutoff = check_ranked(relevant, cutoff)
    hits = np.cumsum(relevant, axis=1)
    precisions = hits / np.arange(1, relevant.shape[1] + 1)
    return ratio((precisions * relevant)[:, :cutoff].sum(axis=1), np.minimum(hits[:, -1], cutoff))


def precision_at(relevant: np.ndarray, cutoff: int) -> np.ndarray:
    """Relevant items among the first ``cutoff``, over ``cutoff``: bool (Q, N) -> float64 (Q,)."""
    relevant, cutoff = check_ranked(relevant, cutoff)
    return relevant[:, :cutoff].mean(axis=1)


def recall_at(relevant: np.ndarray, cutoff: int) -> np.ndarray:
    """Relevant items among the first ``cutoff``, over all: bool (Q, N) -> float64 (Q,)."""
    relevant, cutoff = check_ranked(relevant, cutoff)
    return ratio(relevant[:, :cutoff].sum(axis=1), relevant.sum(axis=1))


def hit_at(relevant: np.ndarray, cutoff: int) -> np.ndarray:
    """1 if one of the first ``cutoff`` items is relevant, else 0: R@k of metric learning.

    That R@k is often called recall; ``recall_at`` is another quantity.

    Parameters
    ----------
    relevant : bool, shape (Q, N)
    cutoff : int
        k.

    Returns
    -------
    float64, shape (Q,)
        NaN where nothing is relevant.

    Source: Jegou, Douze and Schmid 2011 (recall@R of the one nearest neighbour); in metric learning
    Song, Xiang, Jegelka and Savarese 2016, whose queries all have a relevant item.

    Examples
    --------
    >>> hit_at(np.array([[False, True, True], [False, False, True]]), 2).tolist()
    [1.0, 0.0]
    """
    relevant, cutoff = check_ranked(relevant, cutoff)
    hits = relevant[:, :cutoff].any(axis=1).astype(np.float64)
    return np.where(relevant.any(axis=1), hits, np.nan)


def r_precision(relevant: np.ndarray) -> np.ndarray:
    r"""Precision among the first R items, R the number of relevant items of the query.

    .. math:: \frac{1}{R} \sum_{r \le R} rel_r

    Parameters
    ----------
    relevant : bool, shape (Q, N)

    Returns
    -------
    float64, shape (Q,)
        NaN where nothing is relevant.

    Source: Manning, Raghavan and Schuetze 2008, section 8.4; in metric learning Musgrave, Belongie
    and Lim 2020.

    Examples
    --------
    >>> r_precision(np.array([[True, False, False, True]])).tolist()
    [0.5]
    """
    relevant, _ = check_ranked(relevant)
    count = relevant.sum(axis=1)
    among_first = np.arange(relevant.shape[1]) < count[:, None]
    return ratio((relevant & among_first).sum(axis=1), count)

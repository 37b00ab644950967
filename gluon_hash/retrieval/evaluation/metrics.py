"""The metrics of the field as pure functions of ranked lists: one value per query, NaN where it is
undefined.

For rankings of any origin. ``evaluate`` measures Hamming rankings with compiled kernels that follow
the same rules. A ``gain`` is the number of levels at which an item agrees with the query;
``relevant`` means gain at the finest level. All inputs are best first, shape (Q, N), a row per
query, and hold every item that was ranked.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "average_precision",
    "precision_at",
    "recall_at",
    "ahp",
    "barz_ahp",
    "ndcg",
    "mean_ndcg_released",
    "acg",
    "weighted_recall",
]


def average_precision(relevant: np.ndarray, cutoff: int | None = None) -> np.ndarray:
    r"""Mean of the precisions at the ranks of the relevant items.

    .. math:: AP@R = \frac{1}{\min(n, R)} \sum_{r \le R} rel_r \, P@r, \quad n \text{ relevant items in all}

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
    relevant, cutoff = _check(relevant, cutoff)
    hits = np.cumsum(relevant, axis=1)
    precisions = hits / np.arange(1, relevant.shape[1] + 1)
    return _ratio((precisions * relevant)[:, :cutoff].sum(axis=1), np.minimum(hits[:, -1], cutoff))


def precision_at(relevant: np.ndarray, cutoff: int) -> np.ndarray:
    """Part of the first ``cutoff`` items that is relevant: bool (Q, N) -> float64 (Q,)."""
    relevant, cutoff = _check(relevant, cutoff)
    return relevant[:, :cutoff].mean(axis=1)


def recall_at(relevant: np.ndarray, cutoff: int) -> np.ndarray:
    """Part of the relevant items that is among the first ``cutoff``: bool (Q, N) -> float64
    (Q,)."""
    relevant, cutoff = _check(relevant, cutoff)
    return _ratio(relevant[:, :cutoff].sum(axis=1), relevant.sum(axis=1))


def ahp(gain: np.ndarray, cutoff: int) -> np.ndarray:
    r"""Average hierarchical precision: the mean of HP@1 .. HP@R.

    .. math:: HP@r = \sum_{i \le r} g_i \Big/ \sum_{i \le r} g^*_i, \quad g^* \text{ the gains in ideal order}

    Parameters
    ----------
    gain : int or float, shape (Q, N)
    cutoff : int
        R.

    Source: Deng et al. 2011 (HP); the mean over ranks is arXiv:1901.11259's.

    Examples
    --------
    >>> ahp(np.array([[2, 0, 1, 2]]), 4).round(6).tolist()
    [0.775]
    """
    return _hierarchical_precision(gain, cutoff).mean(axis=1)


def barz_ahp(similarity: np.ndarray, cutoff: int) -> np.ndarray:
    """AHP as Barz and Denzler compute it: the area under HP by the trapezoid rule with steps of 1 /
    R.

    A perfect ranking scores (R - 1) / R: never put it into one table with ``ahp``.

    Parameters
    ----------
    similarity : float, shape (Q, N)
        1 - height(lowest common class) / height(root): gluon_hash.hierarchy.similarity.lcs_height.
    cutoff : int
        R.

    Source: Barz and Denzler 2019, semantic-embeddings.

    Examples
    --------
    >>> barz_ahp(np.array([[1.0, 0.0, 0.5, 1.0]]), 4).round(6).tolist()
    [0.525]
    """
    precision = _hierarchical_precision(similarity, cutoff)
    return (precision.sum(axis=1) - 0.5 * (precision[:, 0] + precision[:, -1])) / cutoff


def ndcg(gain: np.ndarray, cutoff: int) -> np.ndarray:
    r"""The standard nDCG@R: gain :math:`g_r`, discount :math:`1 / \log_2(r + 1)`."""
    gain, cutoff = _check(gain, cutoff)
    discount = 1.0 / np.log2(np.arange(2, cutoff + 2))
    return _ratio(
        (gain[:, :cutoff] * discount).sum(axis=1), (_ideal(gain)[:, :cutoff] * discount).sum(axis=1)
    )


def mean_ndcg_released(gain: np.ndarray, cutoff: int = 100) -> np.ndarray:
    """The released code's: discounts 1, 1, 1, 1/log2(3), 1/log2(4), ... by rank, averaged over
    cut-offs 1..R.

    Examples
    --------
    >>> mean_ndcg_released(np.array([[2, 0, 1, 2]]), 4).round(6).tolist()
    [0.738093]
    """
    gain, cutoff = _check(gain, cutoff)
    discount = 1.0 / np.log2(np.maximum(np.arange(cutoff), 2))
    found = np.cumsum(gain[:, :cutoff] * discount, axis=1)
    return _ratio(found, np.cumsum(_ideal(gain)[:, :cutoff] * discount, axis=1)).mean(axis=1)


def acg(gain: np.ndarray, cutoff: int) -> np.ndarray:
    """Average cumulative gain of the first ``cutoff`` items, in levels (SHDH)."""
    gain, cutoff = _check(gain, cutoff)
    return np.where(gain.any(axis=1), gain[:, :cutoff].mean(axis=1), np.nan)


def weighted_recall(gain: np.ndarray, cutoff: int) -> np.ndarray:
    """Part of all gains that the first ``cutoff`` items hold (SHDH)."""
    gain, cutoff = _check(gain, cutoff)
    return _ratio(gain[:, :cutoff].sum(axis=1), gain.sum(axis=1))


def _hierarchical_precision(gain: np.ndarray, cutoff: int) -> np.ndarray:
    gain, cutoff = _check(gain, cutoff)
    return _ratio(np.cumsum(gain, axis=1)[:, :cutoff], np.cumsum(_ideal(gain), axis=1)[:, :cutoff])


def _ideal(gain: np.ndarray) -> np.ndarray:
    return -np.sort(-gain, axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    return np.divide(
        part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0
    )


def _check(values: np.ndarray, cutoff: int | None) -> tuple[np.ndarray, int]:
    values = np.asarray(values)
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(
            f"a metric takes ranked lists (Q, N) with N >= 1, got shape {values.shape}"
        )
    if cutoff is not None and not 1 <= cutoff <= values.shape[1]:
        raise ValueError(
            f"the cut-off must be from 1 to {values.shape[1]}, the items ranked, got {cutoff}"
        )
    return (values.astype(np.float64) if values.dtype != bool else values), cutoff or values.shape[
        1
    ]

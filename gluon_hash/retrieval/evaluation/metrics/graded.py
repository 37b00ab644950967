"""Metrics of ranked lists whose items have a gain; NaN where no item has one."""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.evaluation.metrics.ranked import check_ranked, ideal_order, ratio

__all__ = [
    "acg",
    "ahp",
    "asi",
    "barz_ahp",
    "hap",
    "mean_ndcg_released",
    "ndcg",
    "ndcg_exponential",
    "weighted_recall",
]


def ahp(gain: np.ndarray, cutoff: int) -> np.ndarray:
    r"""Average hierarchical precision: the mean of HP@1 .. HP@R.

    .. math:: HP@r = \sum_{i \le r} g_i \Big/ \sum_{i \le r} g^*_i, \quad g^* \text{ in ideal order}

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
    """AHP as Barz and Denzler compute it: the area under HP by the trapezoid rule.

    The steps are 1 / R. A perfect ranking scores (R - 1) / R: never put it into one table with
    ``ahp``.

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
    gain, cutoff = check_ranked(gain, cutoff)
    discount = 1.0 / np.log2(np.arange(2, cutoff + 2))
    return ratio(
        (gain[:, :cutoff] * discount).sum(axis=1),
        (ideal_order(gain)[:, :cutoff] * discount).sum(axis=1),
    )


def ndcg_exponential(gain: np.ndarray) -> np.ndarray:
    r"""The nDCG of a whole ranking with gains :math:`2^{g_r} - 1`, discount :math:`1/\log_2(r+1)`.

    Source: Burges et al. 2005; HAPPIER's NDCG.

    Examples
    --------
    (3 + 0 + 1/2 + 3/log2(5)) / (3 + 3/log2(3) + 1/2):

    >>> ndcg_exponential(np.array([[2, 0, 1, 2]])).round(6).tolist()
    [0.888599]
    """
    gain, _ = check_ranked(gain)
    return ndcg(2.0**gain - 1.0, gain.shape[1])


def mean_ndcg_released(gain: np.ndarray, cutoff: int = 100) -> np.ndarray:
    """The released code's nDCG, averaged over cut-offs 1 .. R.

    Discounts by rank: 1, 1, 1, 1/log2(3), 1/log2(4), ...

    Examples
    --------
    >>> mean_ndcg_released(np.array([[2, 0, 1, 2]]), 4).round(6).tolist()
    [0.738093]
    """
    gain, cutoff = check_ranked(gain, cutoff)
    discount = 1.0 / np.log2(np.maximum(np.arange(cutoff), 2))
    dcg = np.cumsum(gain[:, :cutoff] * discount, axis=1)
    ideal = np.cumsum(ideal_order(gain)[:, :cutoff] * discount, axis=1)
    return ratio(dcg, ideal).mean(axis=1)


def hap(gain: np.ndarray, num_added: int = 0) -> np.ndarray:
    r"""Hierarchical average precision (H-AP) of HAPPIER: AP whose hits count by relevance.

    .. math::
        rel_r = \frac{g_r}{K \, |\{i : g_i = g_r\}|}, \qquad
        HAP = \frac{1}{\sum_r rel_r}
              \sum_r \frac{1}{r} \sum_{i \le r} \min(rel_i, rel_r)

    With one level it is AP. The number of levels K scales all relevances alike, and does not
    matter. The best order, by relevance, scores 1; where few items agree at a coarse level, that is
    not the order of the gains.

    Parameters
    ----------
    gain : int, shape (Q, N)
    num_added : int
        Added to the number of items with the query's largest gain: 1 is what HAPPIER's code does,
        which counts the query itself among the items of its class.

    Returns
    -------
    float64, shape (Q,)
        NaN where no item has a gain.

    Source: Ramzi, Audebert, Thome, Rambour and Bitot, ECCV 2022 (arXiv:2207.04873), the definition
    of H-AP with alpha = 1. Their code joins levels whose relevances happen to be equal and counts
    them twice; here each counts once.

    Examples
    --------
    Relevances 1/2, 0, 1/2, 1/2 (gains 2, 0, 1, 2 with counts 2 and 1, over K = 2):
    (1/2 + (1/2 + 1/2) / 3 + (1/2 + 1/2 + 1/2) / 4) / (3/2).

    >>> hap(np.array([[2, 0, 1, 2]])).round(6).tolist()
    [0.805556]
    """
    gain, _ = check_ranked(gain)
    relevance = np.zeros(gain.shape)
    gains = [value for value in np.unique(gain) if value > 0]
    largest = gain.max(axis=1, keepdims=True)
    for value in gains:
        has_value = gain == value
        count = has_value.sum(axis=1, keepdims=True) + num_added * (value == largest)
        relevance += np.where(has_value, value / np.maximum(count, 1), 0.0)
    hierarchical_rank = np.zeros(gain.shape)
    for value in gains:
        has_value = gain == value
        own = np.where(has_value, relevance, 0.0).max(axis=1, keepdims=True)
        hierarchical_rank += np.cumsum(has_value, axis=1) * np.minimum(own, relevance)
    ranks = np.arange(1, gain.shape[1] + 1)
    return ratio((hierarchical_rank / ranks).sum(axis=1), relevance.sum(axis=1))


def asi(gain: np.ndarray) -> np.ndarray:
    r"""Average set intersection with the ideal order, over as many ranks as items have a gain.

    .. math::
        SI@r = \frac{1}{r} \sum_{g > 0} \min(n_g(r), n^*_g(r)), \qquad
        ASI = \frac{1}{R} \sum_{r \le R} SI@r

    n_g(r) of the first r items have gain g, n*_g(r) of the first r in ideal order; R items have a
    gain. Of relevance at one level (gains 0 and 1) it is the mean of the precisions at 1 .. R.

    Parameters
    ----------
    gain : int, shape (Q, N)

    Returns
    -------
    float64, shape (Q,)
        NaN where no item has a gain.

    Source: Sun et al., CVPR 2021 (DyML, arXiv:2103.11781); of several levels as HAPPIER's code
    computes it.

    Examples
    --------
    Gains 2, 0, 1, 2 against 2, 2, 1: SI 1, 1/2, 2/3.

    >>> asi(np.array([[2, 0, 1, 2]])).round(6).tolist()
    [0.722222]
    """
    gain, _ = check_ranked(gain)
    ideal = ideal_order(gain)
    shared = np.zeros(gain.shape)
    for level in np.unique(gain):
        if level > 0:
            ranked, best = np.cumsum(gain == level, axis=1), np.cumsum(ideal == level, axis=1)
            shared += np.minimum(ranked, best)
    with_gain = (gain > 0).sum(axis=1)
    among_first = np.arange(gain.shape[1]) < with_gain[:, None]
    intersections = np.where(among_first, shared / np.arange(1, gain.shape[1] + 1), 0.0)
    return ratio(intersections.sum(axis=1), with_gain)


def acg(gain: np.ndarray, cutoff: int) -> np.ndarray:
    """Average cumulative gain of the first ``cutoff`` items, in levels (SHDH)."""
    gain, cutoff = check_ranked(gain, cutoff)
    return np.where(gain.any(axis=1), gain[:, :cutoff].mean(axis=1), np.nan)


def weighted_recall(gain: np.ndarray, cutoff: int) -> np.ndarray:
    """Gains of the first ``cutoff`` items, over all gains (SHDH)."""
    gain, cutoff = check_ranked(gain, cutoff)
    return ratio(gain[:, :cutoff].sum(axis=1), gain.sum(axis=1))


def _hierarchical_precision(gain: np.ndarray, cutoff: int) -> np.ndarray:
    """HP@1 .. HP@R: float64 (Q, R)."""
    gain, cutoff = check_ranked(gain, cutoff)
    ideal = np.cumsum(ideal_order(gain), axis=1)[:, :cutoff]
    return ratio(np.cumsum(gain, axis=1)[:, :cutoff], ideal)

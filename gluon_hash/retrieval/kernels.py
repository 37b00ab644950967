"""Compiled kernels: every metric of one ranking. The rules are those of gluon_hash.retrieval.metrics.

A ranking comes as ``ranked``: one byte per item, best first, whose bit k says that the item agrees with the query at
level k. The metrics of one ranking are one row: the average precision of the K levels, then the columns named here.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["Cutoffs", "FIXED_COLUMNS", "RELEASED_CUTOFFS", "measure_one", "tables"]

FIXED_COLUMNS = ("precision_sum", "hits", "num_relevant", "ahp", "barz_ahp", "ndcg", "mean_ndcg", "precision", "recall",
                 "acg", "weighted_recall", "radius_precision", "radius_recall", "tie_mean", "tie_best", "tie_worst")
(PRECISION_SUM, HITS, NUM_RELEVANT, AHP, BARZ_AHP, NDCG, MEAN_NDCG, PRECISION, RECALL, ACG, WEIGHTED_RECALL,
 RADIUS_PRECISION, RADIUS_RECALL, TIE_MEAN, TIE_BEST, TIE_WORST) = range(len(FIXED_COLUMNS))
RELEASED_CUTOFFS = 100  # the released mean nDCG averages over cut-offs 1..100


class Cutoffs(NamedTuple):
    """Ranks at which the metrics stop, in items, at most the number ranked; ``radius`` in bits."""

    map: int
    ahp: int
    ndcg: int
    precision: int
    radius: int


class Tables(NamedTuple):
    """What does not depend on the query: gain and lowest level of a byte of ``ranked``, discounts, harmonic numbers."""

    gain: np.ndarray  # (2^K,) levels that agree
    finest: np.ndarray  # (2^K,) the finest level that agrees; K: none
    discount: np.ndarray  # (rank,) 1 / log2(rank + 1)
    released_discount: np.ndarray  # (rank,) 1, 1, 1, 1/log2(3), 1/log2(4), ...
    harmonic: np.ndarray  # (N + 1,) H_0 .. H_N


def tables(num_levels: int, num_items: int, ndcg_at: int) -> Tables:
    """The tables for rankings of ``num_items`` with ``num_levels``."""
    masks = range(1 << num_levels)
    ranks = np.arange(1, max(ndcg_at, RELEASED_CUTOFFS) + 1)
    finest = [next((k for k in range(num_levels) if mask >> k & 1), num_levels) for mask in masks]
    return Tables(np.array([bin(mask).count("1") for mask in masks]), np.array(finest), 1.0 / np.log2(ranks + 1),
                  1.0 / np.log2(np.maximum(ranks - 1, 2)),
                  np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, num_items + 1))]))


@njit(cache=True, nogil=True)
def measure_one(ranked, num_items, num_levels, bucket_ends, radius_end, similarity, at, table, row):
    """Fill ``row`` with the metrics of one ranking.

    Parameters
    ----------
    ranked : uint8, (num_items or more,)
    num_items, num_levels : int
    bucket_ends : int64, (number of distinct distances,)
        Rank after the last item at each distance, ascending; the items between two ends are tied.
    radius_end : int
        Number of items within ``at.radius``; -1: there is no radius, the columns become NaN.
    similarity : float64, (K + 1,)
        Similarity of an item to the query by the finest level at which they agree; none: 0.
    at : Cutoffs
    table : Tables
    row : float64, (K + len(FIXED_COLUMNS),)
    """
    seen = np.zeros(1 << num_levels, np.int64)
    for rank in range(num_items):
        seen[ranked[rank]] += 1
    num_relevant = 0
    for mask in range(1, 1 << num_levels, 2):
        num_relevant += seen[mask]
    _average_precision(ranked, num_items, num_levels, row)
    rest = row[num_levels:]
    rest[NUM_RELEVANT] = num_relevant
    _hits(ranked, at, num_relevant, rest)
    _graded(ranked, seen, num_levels, num_items, at, table, rest)
    _barz(ranked, seen, num_levels, similarity, at.ahp, table, rest)
    _radius(ranked, radius_end, num_relevant, rest)
    _ties(ranked, bucket_ends, table.harmonic, num_relevant, rest)


@njit(cache=True, nogil=True)
def _average_precision(ranked, num_items, num_levels, row):
    """row[k] = AP over the whole ranking at level k; NaN where nothing is relevant."""
    hits = np.zeros(num_levels, np.int64)
    total = np.zeros(num_levels)
    for rank in range(num_items):
        mask = ranked[rank]
        if mask:
            for k in range(num_levels):
                if mask >> k & 1:
                    hits[k] += 1
                    total[k] += hits[k] / (rank + 1)
    for k in range(num_levels):
        row[k] = total[k] / hits[k] if hits[k] else np.nan


@njit(cache=True, nogil=True)
def _hits(ranked, at, num_relevant, row):
    """Of the finest level: sum of the precisions at the hits before at.map, precision and recall at at.precision."""
    hits, total = 0, 0.0
    for rank in range(at.map):
        if ranked[rank] & 1:
            hits += 1
            total += hits / (rank + 1)
    row[PRECISION_SUM], row[HITS] = total, hits
    hits = 0
    for rank in range(at.precision):
        hits += ranked[rank] & 1
    row[PRECISION] = hits / at.precision
    row[RECALL] = hits / num_relevant if num_relevant else np.nan


@njit(cache=True, nogil=True)
def _graded(ranked, seen, num_levels, num_items, at, table, row):
    """AHP, nDCG, the released mean nDCG, ACG and weighted recall; NaN where nothing has a gain."""
    remaining = np.zeros(num_levels + 1, np.int64)
    for mask in range(1 << num_levels):
        remaining[table.gain[mask]] += seen[mask]
    all_gains = 0
    for gain in range(num_levels + 1):
        all_gains += gain * remaining[gain]
    if all_gains == 0:
        row[AHP], row[NDCG], row[MEAN_NDCG], row[ACG], row[WEIGHTED_RECALL] = np.nan, np.nan, np.nan, np.nan, np.nan
        return
    released = min(RELEASED_CUTOFFS, num_items)
    best, gained, ideal_gained, ahp, cut_gained = num_levels, 0, 0, 0.0, 0
    dcg, ideal_dcg, old, ideal_old, mean_old = 0.0, 0.0, 0.0, 0.0, 0.0
    for rank in range(max(at.ahp, at.ndcg, released, at.precision)):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        gain = table.gain[ranked[rank]]
        if rank < at.ahp:
            gained += gain
            ideal_gained += best
            ahp += gained / ideal_gained
        if rank < at.ndcg:
            dcg += gain * table.discount[rank]
            ideal_dcg += best * table.discount[rank]
        if rank < released:
            old += gain * table.released_discount[rank]
            ideal_old += best * table.released_discount[rank]
            mean_old += old / ideal_old
        if rank < at.precision:
            cut_gained += gain
    row[AHP] = ahp / at.ahp
    row[NDCG] = dcg / ideal_dcg
    row[MEAN_NDCG] = mean_old / released
    row[ACG] = cut_gained / at.precision
    row[WEIGHTED_RECALL] = cut_gained / all_gains


@njit(cache=True, nogil=True)
def _barz(ranked, seen, num_levels, similarity, ahp_at, table, row):
    """AHP of Barz and Denzler: similarity by the lowest common class, area by the trapezoid rule."""
    remaining = np.zeros(num_levels + 1, np.int64)
    for mask in range(1 << num_levels):
        remaining[table.finest[mask]] += seen[mask]
    best, gained, ideal_gained, area, value, first = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for rank in range(ahp_at):
        while remaining[best] == 0:
            best += 1
        remaining[best] -= 1
        gained += similarity[table.finest[ranked[rank]]]
        ideal_gained += similarity[best]
        if ideal_gained == 0.0:
            row[BARZ_AHP] = np.nan
            return
        value = gained / ideal_gained
        area += value
        if rank == 0:
            first = value
    row[BARZ_AHP] = (area - 0.5 * (first + value)) / ahp_at


@njit(cache=True, nogil=True)
def _radius(ranked, radius_end, num_relevant, row):
    """Precision (0 where nothing is near) and recall within the radius, at the finest level."""
    if radius_end < 0:
        row[RADIUS_PRECISION], row[RADIUS_RECALL] = np.nan, np.nan
        return
    hits = 0
    for rank in range(radius_end):
        hits += ranked[rank] & 1
    row[RADIUS_PRECISION] = hits / radius_end if radius_end else 0.0
    row[RADIUS_RECALL] = hits / num_relevant if num_relevant else np.nan


@njit(cache=True, nogil=True)
def _ties(ranked, bucket_ends, harmonic, num_relevant, row):
    """AP at the finest level: mean over all orders of ties, and of the best and the worst order.

    n items at one distance, r of them relevant, follow N items of which R are relevant. A relevant item at place i
    of the n sees R + 1 + (i - 1) (r - 1) / (n - 1) relevant items, itself included, on average (McSherry and Najork
    2008). With harmonic numbers H the sums over i are in closed form.
    """
    if num_relevant == 0:
        row[TIE_MEAN], row[TIE_BEST], row[TIE_WORST] = np.nan, np.nan, np.nan
        return
    mean, best, worst = 0.0, 0.0, 0.0
    before, hits = 0, 0
    for end in bucket_ends:
        n = end - before
        r = 0
        for rank in range(before, end):
            r += ranked[rank] & 1
        if r:
            inverse = harmonic[end] - harmonic[before]  # sum of 1 / (N + i), i = 1..n
            slope = (r - 1) / (n - 1) if n > 1 else 0.0
            mean += r / n * ((hits + 1) * inverse + slope * (n - (before + 1) * inverse))
            best += r + (hits - before) * (harmonic[before + r] - harmonic[before])
            worst += r + (hits - end + r) * (harmonic[end] - harmonic[end - r])
        before = end
        hits += r
    row[TIE_MEAN], row[TIE_BEST], row[TIE_WORST] = mean / hits, best / hits, worst / hits

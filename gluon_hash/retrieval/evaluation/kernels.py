"""Compiled kernels: the ranking of one query, every metric of it, and the loops over queries in
parallel.

A ranking comes as ``ranked``: one byte per item, best first, whose bit k says that the item agrees
with the query at level k. The metrics of one ranking are one row: the average precision of the K
levels, then the columns named here. The rules are those of gluon_hash.retrieval.evaluation.metrics.

Everything compiled stands in this file: Numba's cache notices a change in the file of the function
that is called, and in no other.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from gluon_hash.retrieval.evaluation.popcount import popcount

__all__ = ["FIXED_COLUMNS", "RELEASED_CUTOFFS", "count_all", "measure_all", "measure_all_given"]

FIXED_COLUMNS = (
    "precision_sum",
    "hits",
    "num_relevant",
    "ahp",
    "barz_ahp",
    "ndcg",
    "mean_ndcg",
    "precision",
    "recall",
    "acg",
    "weighted_recall",
    "radius_precision",
    "radius_recall",
    "tie_mean",
    "tie_best",
    "tie_worst",
)
(
    PRECISION_SUM,
    HITS,
    NUM_RELEVANT,
    AHP,
    BARZ_AHP,
    NDCG,
    MEAN_NDCG,
    PRECISION,
    RECALL,
    ACG,
    WEIGHTED_RECALL,
    RADIUS_PRECISION,
    RADIUS_RECALL,
    TIE_MEAN,
    TIE_BEST,
    TIE_WORST,
) = range(len(FIXED_COLUMNS))
RELEASED_CUTOFFS = 100  # the released mean nDCG averages over cut-offs 1..100


@njit(cache=True, nogil=True)
def _measure_one(
    ranked, num_items, num_levels, bucket_ends, radius_end, similarity, at, table, row
):
    """Fill ``row``, float64 (K + len(FIXED_COLUMNS),), with the metrics of the first ``num_items``
    of ``ranked``.

    bucket_ends: int64, rank after the last item at each distance, ascending; the items between two
    ends are tied. radius_end: items within ``at.radius``; -1: there is no radius, its columns
    become NaN. similarity: float64 (K + 1,), of an item to the query by the finest level at which
    they agree; none: 0.
    """
    seen = np.zeros(1 << num_levels, np.int64)
    _average_precision(ranked, num_items, num_levels, seen, row)
    num_relevant = 0
    for mask in range(1, 1 << num_levels, 2):
        num_relevant += seen[mask]
    rest = row[num_levels:]
    rest[NUM_RELEVANT] = num_relevant
    _hits(ranked, at, radius_end, num_relevant, rest)
    _graded(ranked, seen, num_levels, num_items, at, table, rest)
    _barz(ranked, seen, num_levels, similarity, at.ahp, table, rest)
    _ties(ranked, bucket_ends, table.harmonic, num_relevant, rest)


@njit(cache=True, nogil=True)
def _average_precision(ranked, num_items, num_levels, seen, row):
    """row[k] = AP over the whole ranking at level k, NaN where nothing is relevant; seen[mask] =
    items of that byte."""
    hits = np.zeros(num_levels, np.int64)
    total = np.zeros(num_levels)
    seen[0] = num_items
    for rank in range(num_items):
        mask = ranked[rank]
        if mask:  # few are: a counter of every item would be the slowest line here
            seen[mask] += 1
            seen[0] -= 1
            for k in range(num_levels):
                if mask >> k & 1:
                    hits[k] += 1
                    total[k] += hits[k] / (rank + 1)
    for k in range(num_levels):
        row[k] = total[k] / hits[k] if hits[k] else np.nan


@njit(cache=True, nogil=True)
def _hits_among(ranked, start, end):
    """Items of ``ranked`` from ``start`` to before ``end`` that agree at the finest level."""
    hits = 0
    for rank in range(start, end):
        hits += ranked[rank] & 1
    return hits


@njit(cache=True, nogil=True)
def _hits(ranked, at, radius_end, num_relevant, row):
    """At the finest level: the sum of the precisions at the hits before at.map; precision and
    recall at at.precision and within the radius, where nothing near is precision 0."""
    hits, total = 0, 0.0
    for rank in range(at.map):
        if ranked[rank] & 1:
            hits += 1
            total += hits / (rank + 1)
    row[PRECISION_SUM], row[HITS] = total, hits
    hits, near = _hits_among(ranked, 0, at.precision), _hits_among(ranked, 0, radius_end)
    row[PRECISION] = hits / at.precision
    row[RECALL] = hits / num_relevant if num_relevant else np.nan
    row[RADIUS_PRECISION] = near / max(radius_end, 1) if radius_end >= 0 else np.nan
    row[RADIUS_RECALL] = near / num_relevant if radius_end >= 0 and num_relevant else np.nan


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
        row[AHP], row[NDCG], row[MEAN_NDCG], row[ACG], row[WEIGHTED_RECALL] = (
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            np.nan,
        )
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
    """AHP of Barz and Denzler: similarity by the lowest common class, area by the trapezoid
    rule."""
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
def _ties(ranked, bucket_ends, harmonic, num_relevant, row):
    """AP at the finest level: mean over all orders of ties, and of the best and the worst order.

    n items at one distance, r of them relevant, follow N items of which R are relevant. A relevant
    item at place i of the n sees R + 1 + (i - 1) (r - 1) / (n - 1) relevant items, itself included,
    on average (McSherry and Najork 2008). With harmonic numbers H the sums over i are in closed
    form.
    """
    if num_relevant == 0:
        row[TIE_MEAN], row[TIE_BEST], row[TIE_WORST] = np.nan, np.nan, np.nan
        return
    mean, best, worst = 0.0, 0.0, 0.0
    before, hits = 0, 0
    for end in bucket_ends:
        n = end - before
        r = _hits_among(ranked, before, end)
        if r:
            inverse = harmonic[end] - harmonic[before]  # sum of 1 / (N + i), i = 1..n
            slope = (r - 1) / (n - 1) if n > 1 else 0.0
            mean += r / n * ((hits + 1) * inverse + slope * (n - (before + 1) * inverse))
            best += r + (hits - before) * (harmonic[before + r] - harmonic[before])
            worst += r + (hits - end + r) * (harmonic[end] - harmonic[end - r])
        before = end
        hits += r
    row[TIE_MEAN], row[TIE_BEST], row[TIE_WORST] = mean / hits, best / hits, worst / hits


@njit(cache=True, nogil=True)
def _distances(query, words, excluded, num_bits, distance, counts):
    """Fill ``distance``, and ``counts`` per distance; the item ``excluded`` (-1: none) is beyond
    all others."""
    counts[:] = 0
    num_words = words.shape[1]
    for i in range(words.shape[0]):
        d = np.uint64(0)
        for w in range(num_words):
            d += popcount(query[w] ^ words[i, w])
        distance[i] = d
    if excluded >= 0:
        distance[excluded] = num_bits + 1
    for i in range(distance.shape[0]):
        counts[distance[i]] += 1


@njit(cache=True, nogil=True)
def _matches(query_labels, labels, match):
    """Fill ``match``: bit k of an item says that it agrees with the query at level k."""
    match[:] = 0
    for k in range(labels.shape[0]):
        bit = np.uint8(1 << k)
        for i in range(labels.shape[1]):
            match[i] |= bit * np.uint8(labels[k, i] == query_labels[k])


@njit(cache=True, nogil=True)
def _sort(distance, match, counts, place, ranked):
    """Fill ``ranked`` with ``match`` by distance; ``place`` becomes the rank after the last item at
    each distance."""
    total = 0
    for d in range(counts.shape[0]):
        place[d] = total
        total += counts[d]
    for i in range(distance.shape[0]):
        ranked[place[distance[i]]] = match[i]
        place[distance[i]] += 1


@njit(cache=True, nogil=True)
def _rank(
    query, words, query_labels, labels, excluded, num_bits, distance, match, counts, place, ranked
):
    """Fill ``ranked`` and ``place`` for one query; the other arrays are room to work in."""
    _distances(query, words, excluded, num_bits, distance, counts)
    _matches(query_labels, labels, match)
    _sort(distance, match, counts, place, ranked)


@njit(cache=True, nogil=True)
def _room(num_items, num_bits):
    """Arrays for _rank, of a thread: distance, match, counts, place, ranked; the last count is the
    excluded item's."""
    return (
        np.empty(num_items, np.uint16),
        np.empty(num_items, np.uint8),
        np.empty(num_bits + 2, np.int64),
        np.empty(num_bits + 2, np.int64),
        np.empty(num_items, np.uint8),
    )


@njit(cache=True, nogil=True, parallel=True)
def measure_all(
    queries,
    words,
    query_labels,
    labels,
    excluded,
    num_bits,
    similarity,
    at,
    table,
    num_columns,
    num_threads,
):
    """As ranking.measure_rankings."""
    num_queries, num_items, num_levels = queries.shape[0], words.shape[0], labels.shape[0]
    out = np.empty((num_queries, num_columns))
    for thread in prange(num_threads):
        distance, match, counts, place, ranked = _room(num_items, num_bits)
        for q in range(thread, num_queries, num_threads):
            _rank(
                queries[q],
                words,
                query_labels[q],
                labels,
                excluded[q],
                num_bits,
                distance,
                match,
                counts,
                place,
                ranked,
            )
            valid = num_items - counts[num_bits + 1]
            _measure_one(
                ranked,
                valid,
                num_levels,
                place[: num_bits + 1],
                place[min(at.radius, num_bits)],
                similarity[q],
                at,
                table,
                out[q],
            )
    return out


@njit(cache=True, nogil=True, parallel=True)
def measure_all_given(
    distances, query_labels, labels, excluded, similarity, at, table, num_columns
):
    """As ranking.measure_distances."""
    num_queries, num_items = distances.shape
    out = np.empty((num_queries, num_columns))
    for q in prange(num_queries):
        match = np.empty(num_items, np.uint8)
        ranked = np.empty(num_items, np.uint8)
        ends = np.empty(num_items, np.int64)
        _matches(query_labels[q], labels, match)
        rank, buckets, last = 0, 0, distances[q, 0]
        for item in np.argsort(distances[q], kind="mergesort"):
            if item == excluded[q]:
                continue
            if rank and distances[q, item] != last:
                ends[buckets] = rank
                buckets += 1
            ranked[rank], last = match[item], distances[q, item]
            rank += 1
        ends[buckets] = rank
        _measure_one(
            ranked, rank, labels.shape[0], ends[: buckets + 1], -1, similarity[q], at, table, out[q]
        )
    return out


@njit(cache=True, nogil=True, parallel=True)
def count_all(
    queries,
    words,
    query_labels,
    labels,
    excluded,
    num_bits,
    ranks,
    by_rank,
    within,
    hits_within,
    num_threads,
):
    """Fill ``by_rank``, ``within`` and ``hits_within``: ranking.count_hits."""
    for thread in prange(num_threads):
        distance, match, counts, place, ranked = _room(words.shape[0], num_bits)
        for q in range(thread, queries.shape[0], num_threads):
            _rank(
                queries[q],
                words,
                query_labels[q],
                labels,
                excluded[q],
                num_bits,
                distance,
                match,
                counts,
                place,
                ranked,
            )
            _hits_before(ranked, ranks, by_rank[q])
            within[q] = place[: num_bits + 1]
            _hits_before(ranked, within[q], hits_within[q])


@njit(cache=True, nogil=True)
def _hits_before(ranked, ends, hits):
    """hits[i] = hits at the finest level among the first ends[i] items; ``ends`` ascending."""
    found, start = 0, 0
    for i in range(ends.shape[0]):
        found += _hits_among(ranked, start, ends[i])
        hits[i], start = found, ends[i]

"""Compiled kernels: rank a database by Hamming distance for each query, and measure the ranking in one pass.

Distances are popcounts of XOR-ed 64-bit words; the ranking is a counting sort by distance, stable by database position.
A thread holds four bytes per database item, whatever the number of queries.
"""
from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

__all__ = ["as_words", "measure_rankings", "NUM_FIXED_COLUMNS"]

# columns of measure_rankings after the K columns of average precision
AHP, NDCG, MEAN_NDCG, PRECISION, RECALL, RADIUS, TIE_MEAN, TIE_BEST, TIE_WORST = range(9)
NUM_FIXED_COLUMNS = 9
RELEASED_CUTOFFS = 100  # the released mean nDCG averages over cut-offs 1..100


def as_words(packed: np.ndarray) -> np.ndarray:
    """Packed codes as 64-bit words: uint8 (N, B) -> uint64 (N, ceil(B / 8)), padded with zeros."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    return padded.view(np.uint64)


@intrinsic
def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of bits set in a uint64: one instruction."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def _rank(query, words, query_labels, labels, excluded, num_bits, distance, match, ranked, counts):
    """Fill ``ranked`` with the matching levels (bit k: level k) of the items, best first; ``counts`` per distance.

    The item ``excluded`` (or none, if -1) goes behind all others, with no matching level.
    """
    counts[:] = 0
    num_words = words.shape[1]
    for i in range(words.shape[0]):
        d = np.uint64(0)
        for w in range(num_words):
            d += _popcount(query[w] ^ words[i, w])
        distance[i] = d
    match[:] = 0
    for k in range(labels.shape[0]):
        bit = np.uint8(1 << k)
        for i in range(labels.shape[1]):
            match[i] |= bit * np.uint8(labels[k, i] == query_labels[k])
    if excluded >= 0:
        distance[excluded] = num_bits + 1
        match[excluded] = 0
    for i in range(distance.shape[0]):
        counts[distance[i]] += 1
    place = np.empty(counts.shape[0], np.int64)
    total = 0
    for d in range(counts.shape[0]):
        place[d] = total
        total += counts[d]
    for i in range(distance.shape[0]):
        ranked[place[distance[i]]] = match[i]
        place[distance[i]] += 1


@njit(cache=True, nogil=True)
def _average_precision(ranked, num_levels, row):
    """row[k] = AP over the whole ranking at level k; NaN where nothing is relevant."""
    hits = np.zeros(num_levels, np.int64)
    total = np.zeros(num_levels)
    for rank in range(ranked.shape[0]):
        mask = ranked[rank]
        if mask:
            for k in range(num_levels):
                if mask >> k & 1:
                    hits[k] += 1
                    total[k] += hits[k] / (rank + 1)
    for k in range(num_levels):
        row[k] = total[k] / hits[k] if hits[k] else np.nan


@njit(cache=True, nogil=True)
def _graded(ranked, gain_of, num_levels, num_items, ahp_at, ndcg_at, discount, released_discount, row):
    """AHP, nDCG and the released mean nDCG of one ranking; NaN where nothing is relevant."""
    remaining = np.zeros(num_levels + 1, np.int64)
    for rank in range(num_items):
        remaining[gain_of[ranked[rank]]] += 1
    if remaining[0] == num_items:
        row[AHP], row[NDCG], row[MEAN_NDCG] = np.nan, np.nan, np.nan
        return
    released = min(RELEASED_CUTOFFS, num_items)
    best, gained, ideal_gained, ahp = num_levels, 0, 0, 0.0
    dcg, ideal_dcg, old, ideal_old, mean_old = 0.0, 0.0, 0.0, 0.0, 0.0
    for rank in range(max(ahp_at, ndcg_at, released)):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        gain = gain_of[ranked[rank]]
        if rank < ahp_at:
            gained += gain
            ideal_gained += best
            ahp += gained / ideal_gained
        if rank < ndcg_at:
            dcg += gain * discount[rank]
            ideal_dcg += best * discount[rank]
        if rank < released:
            old += gain * released_discount[rank]
            ideal_old += best * released_discount[rank]
            mean_old += old / ideal_old
    row[AHP] = ahp / ahp_at
    row[NDCG] = dcg / ideal_dcg
    row[MEAN_NDCG] = mean_old / released


@njit(cache=True, nogil=True)
def _cut(ranked, counts, num_relevant, precision_at, radius, row):
    """Precision and recall among the first ``precision_at`` items, precision within ``radius``; finest level."""
    hits = 0
    for rank in range(precision_at):
        hits += ranked[rank] & 1
    row[PRECISION] = hits / precision_at
    row[RECALL] = hits / num_relevant if num_relevant else np.nan
    within = 0
    for d in range(min(radius + 1, counts.shape[0] - 1)):
        within += counts[d]
    hits = 0
    for rank in range(within):
        hits += ranked[rank] & 1
    row[RADIUS] = hits / within if within else 0.0


@njit(cache=True, nogil=True)
def _ties(ranked, counts, harmonic, num_relevant, row):
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
    for d in range(counts.shape[0] - 1):
        n = counts[d]
        r = 0
        for rank in range(before, before + n):
            r += ranked[rank] & 1
        if r:
            inverse = harmonic[before + n] - harmonic[before]  # sum of 1 / (N + i), i = 1..n
            slope = (r - 1) / (n - 1) if n > 1 else 0.0
            mean += r / n * ((hits + 1) * inverse + slope * (n - (before + 1) * inverse))
            best += r + (hits - before) * (harmonic[before + r] - harmonic[before])
            worst += r + (hits - before - n + r) * (harmonic[before + n] - harmonic[before + n - r])
        before += n
        hits += r
    row[TIE_MEAN], row[TIE_BEST], row[TIE_WORST] = mean / hits, best / hits, worst / hits


@njit(cache=True, nogil=True, parallel=True)
def _measure(queries, words, query_labels, labels, excluded, num_bits, ahp_at, ndcg_at, precision_at, radius, gain_of,
             discount, released_discount, harmonic, num_threads):
    num_queries, num_items, num_levels = queries.shape[0], words.shape[0], labels.shape[0]
    out = np.empty((num_queries, num_levels + NUM_FIXED_COLUMNS))
    for thread in prange(num_threads):
        distance = np.empty(num_items, np.uint16)
        match = np.empty(num_items, np.uint8)
        ranked = np.empty(num_items, np.uint8)
        counts = np.empty(num_bits + 2, np.int64)  # one bucket per distance, the last for an excluded item
        for q in range(thread, num_queries, num_threads):
            _rank(queries[q], words, query_labels[q], labels, excluded[q], num_bits, distance, match, ranked, counts)
            valid = num_items - counts[num_bits + 1]
            num_relevant = 0
            for i in range(num_items):
                num_relevant += match[i] & 1
            row = out[q]
            _average_precision(ranked, num_levels, row)
            rest = row[num_levels:]
            _graded(ranked, gain_of, num_levels, valid, ahp_at, ndcg_at, discount, released_discount, rest)
            _cut(ranked, counts, num_relevant, precision_at, radius, rest)
            _ties(ranked, counts, harmonic, num_relevant, rest)
    return out


def measure_rankings(queries: np.ndarray, database: np.ndarray, query_labels: np.ndarray, database_labels: np.ndarray,
                     excluded: np.ndarray, num_bits: int, *, ahp_at: int, ndcg_at: int, precision_at: int,
                     radius: int) -> np.ndarray:
    """Every metric of every query's ranking.

    Parameters
    ----------
    queries, database : uint8, shape (Q, B) and (N, B)
        Packed codes.
    query_labels, database_labels : int32, shape (Q, K) and (N, K)
        K <= 8 levels, finest first.
    excluded : int64, shape (Q,)
        Position in the database that a query's ranking leaves out; -1: none.
    num_bits, radius : int
    ahp_at, ndcg_at, precision_at : int
        Cut-offs, at most the number of items ranked.

    Returns
    -------
    float64, shape (Q, K + NUM_FIXED_COLUMNS)
        AP of the K levels; then the columns AHP ... TIE_WORST of this module.
    """
    num_levels = database_labels.shape[1]
    gain_of = np.array([bin(mask).count("1") for mask in range(1 << num_levels)], dtype=np.int64)
    ranks = np.arange(1, max(ndcg_at, RELEASED_CUTOFFS) + 1)
    released = 1.0 / np.log2(np.maximum(ranks - 1, 2))  # 1, 1, 1, 1/log2(3), 1/log2(4), ... by rank
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, len(database) + 1))])
    return _measure(as_words(queries), as_words(database), np.ascontiguousarray(query_labels, np.int32),
                    np.ascontiguousarray(database_labels.T, np.int32), excluded, num_bits, ahp_at, ndcg_at,
                    precision_at, radius, gain_of, 1.0 / np.log2(ranks + 1), released, harmonic,
                    min(numba.get_num_threads(), max(len(queries), 1)))

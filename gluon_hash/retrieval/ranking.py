"""Rank a database for each query, by Hamming distance or by given distances, and measure each ranking in one pass.

Hamming distances are popcounts of XOR-ed 64-bit words; the ranking is a counting sort by distance, stable by database
position. A thread holds four bytes per database item, whatever the number of queries.
"""
from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

from gluon_hash.retrieval.kernels import FIXED_COLUMNS, Cutoffs, measure_one, tables

__all__ = ["as_words", "count_hits", "measure_distances", "measure_rankings"]


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
def _distances(query, words, excluded, num_bits, distance, counts):
    """Fill ``distance``, and ``counts`` per distance; the item ``excluded`` (-1: none) is beyond all others."""
    counts[:] = 0
    num_words = words.shape[1]
    for i in range(words.shape[0]):
        d = np.uint64(0)
        for w in range(num_words):
            d += _popcount(query[w] ^ words[i, w])
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
    """Fill ``ranked`` with ``match`` by distance; ``place`` becomes the rank after the last item at each distance."""
    total = 0
    for d in range(counts.shape[0]):
        place[d] = total
        total += counts[d]
    for i in range(distance.shape[0]):
        ranked[place[distance[i]]] = match[i]
        place[distance[i]] += 1


@njit(cache=True, nogil=True, parallel=True)
def _measure(queries, words, query_labels, labels, excluded, num_bits, similarity, at, table, num_columns, num_threads):
    num_queries, num_items, num_levels = queries.shape[0], words.shape[0], labels.shape[0]
    out = np.empty((num_queries, num_columns))
    for thread in prange(num_threads):
        distance = np.empty(num_items, np.uint16)
        match = np.empty(num_items, np.uint8)
        ranked = np.empty(num_items, np.uint8)
        counts = np.empty(num_bits + 2, np.int64)  # one per distance, the last for an excluded item
        place = np.empty(num_bits + 2, np.int64)
        for q in range(thread, num_queries, num_threads):
            _distances(queries[q], words, excluded[q], num_bits, distance, counts)
            _matches(query_labels[q], labels, match)
            _sort(distance, match, counts, place, ranked)
            valid = num_items - counts[num_bits + 1]
            measure_one(ranked, valid, num_levels, place[:num_bits + 1], place[min(at.radius, num_bits)], similarity[q],
                        at, table, out[q])
    return out


def measure_rankings(queries: np.ndarray, database: np.ndarray, query_labels: np.ndarray, database_labels: np.ndarray,
                     excluded: np.ndarray, num_bits: int, similarity: np.ndarray, at: Cutoffs) -> np.ndarray:
    """Every metric of every query's ranking by Hamming distance.

    Parameters
    ----------
    queries, database : uint8, shape (Q, B) and (N, B)
        Packed codes.
    query_labels, database_labels : int32, shape (Q, K) and (N, K)
        K <= 8 levels, finest first.
    excluded : int64, shape (Q,)
        Position in the database that a query's ranking leaves out; -1: none.
    num_bits : int
    similarity : float64, shape (Q, K + 1)
        For Barz's AHP: similarity of an item to the query by the finest level at which they agree; none: 0.
    at : Cutoffs
        At most the number of items ranked.

    Returns
    -------
    float64, shape (Q, K + len(FIXED_COLUMNS))
        AP of the K levels; then the columns of gluon_hash.retrieval.kernels.
    """
    num_levels = database_labels.shape[1]
    return _measure(as_words(queries), as_words(database), np.ascontiguousarray(query_labels, np.int32),
                    np.ascontiguousarray(database_labels.T, np.int32), excluded, num_bits, similarity, at,
                    tables(num_levels, len(database), at.ndcg), num_levels + len(FIXED_COLUMNS),
                    min(numba.get_num_threads(), max(len(queries), 1)))


@njit(cache=True, nogil=True, parallel=True)
def _measure_given(distances, query_labels, labels, similarity, at, table, num_columns):
    num_queries, num_items = distances.shape
    out = np.empty((num_queries, num_columns))
    for q in prange(num_queries):
        match = np.empty(num_items, np.uint8)
        ranked = np.empty(num_items, np.uint8)
        ends = np.empty(num_items, np.int64)
        _matches(query_labels[q], labels, match)
        order = np.argsort(distances[q], kind="mergesort")
        buckets = 0
        for rank in range(num_items):
            ranked[rank] = match[order[rank]]
            if rank + 1 == num_items or distances[q, order[rank]] != distances[q, order[rank + 1]]:
                ends[buckets] = rank + 1
                buckets += 1
        measure_one(ranked, num_items, labels.shape[0], ends[:buckets], -1, similarity[q], at, table, out[q])
    return out


def measure_distances(distances: np.ndarray, query_labels: np.ndarray, database_labels: np.ndarray,
                      similarity: np.ndarray, at: Cutoffs) -> np.ndarray:
    """As measure_rankings, by given distances: float32 (Q, N). The columns of the radius are NaN."""
    num_levels = database_labels.shape[1]
    return _measure_given(np.ascontiguousarray(distances), np.ascontiguousarray(query_labels, np.int32),
                          np.ascontiguousarray(database_labels.T, np.int32), similarity, at,
                          tables(num_levels, distances.shape[1], at.ndcg), num_levels + len(FIXED_COLUMNS))


@njit(cache=True, nogil=True, parallel=True)
def _count(queries, words, query_labels, labels, excluded, num_bits, ranks, by_rank, within, hits_within, num_threads):
    num_items = words.shape[0]
    for thread in prange(num_threads):
        distance = np.empty(num_items, np.uint16)
        match = np.empty(num_items, np.uint8)
        ranked = np.empty(num_items, np.uint8)
        counts = np.empty(num_bits + 2, np.int64)
        place = np.empty(num_bits + 2, np.int64)
        for q in range(thread, queries.shape[0], num_threads):
            _distances(queries[q], words, excluded[q], num_bits, distance, counts)
            _matches(query_labels[q], labels, match)
            _sort(distance, match, counts, place, ranked)
            hits, start = 0, 0
            for column in range(ranks.shape[0]):
                for rank in range(start, ranks[column]):
                    hits += ranked[rank] & 1
                start = ranks[column]
                by_rank[q, column] = hits
            hits, start = 0, 0
            for d in range(num_bits + 1):
                for rank in range(start, place[d]):
                    hits += ranked[rank] & 1
                start = place[d]
                within[q, d], hits_within[q, d] = start, hits


def count_hits(queries: np.ndarray, database: np.ndarray, query_labels: np.ndarray, database_labels: np.ndarray,
               excluded: np.ndarray, num_bits: int, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits at the finest level among the first ``ranks`` items, and within every radius; for curves.

    Parameters
    ----------
    queries, database, query_labels, database_labels, excluded, num_bits :
        As measure_rankings.
    ranks : int64, shape (M,), ascending
        At most the number of items ranked.

    Returns
    -------
    by_rank : int64, shape (Q, M), hits among the first items
    within : int64, shape (Q, num_bits + 1), items within each radius
    hits_within : int64, shape (Q, num_bits + 1), hits among them
    """
    by_rank = np.empty((len(queries), len(ranks)), np.int64)
    within = np.empty((len(queries), num_bits + 1), np.int64)
    hits_within = np.empty_like(within)
    _count(as_words(queries), as_words(database), np.ascontiguousarray(query_labels[:, :1], np.int32),
           np.ascontiguousarray(database_labels[:, :1].T, np.int32), excluded, num_bits, ranks, by_rank, within,
           hits_within, min(numba.get_num_threads(), max(len(queries), 1)))
    return by_rank, within, hits_within

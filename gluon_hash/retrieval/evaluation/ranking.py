"""Rank a database for each query, by Hamming distance or by given distances, and measure each
ranking in one pass.

Hamming distances are popcounts of XOR-ed 64-bit words; the ranking is a counting sort by distance,
stable by database position. A thread holds four bytes per database item, whatever the number of
queries.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from gluon_hash.retrieval.evaluation.kernels import (
    FIXED_COLUMNS,
    RELEASED_CUTOFFS,
    count_all,
    measure_all,
    measure_all_given,
)

__all__ = ["Cutoffs", "as_words", "count_hits", "measure_distances", "measure_rankings", "tables"]


def as_words(packed: np.ndarray) -> np.ndarray:
    """Packed codes as 64-bit words: uint8 (N, B) -> uint64 (N, ceil(B / 8)), padded with zeros."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    return padded.view(np.uint64)


class Cutoffs(NamedTuple):
    """Ranks at which the metrics stop, in items, at most the number ranked; ``radius`` in bits."""

    map: int
    ahp: int
    ndcg: int
    precision: int
    radius: int


class Tables(NamedTuple):
    """What does not depend on the query: gain and lowest level of a byte of ``ranked``, discounts,
    harmonic numbers."""

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
    return Tables(
        np.array([bin(mask).count("1") for mask in masks]),
        np.array(finest),
        1.0 / np.log2(ranks + 1),
        1.0 / np.log2(np.maximum(ranks - 1, 2)),
        np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, num_items + 1))]),
    )


def measure_rankings(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    num_bits: int,
    similarity: np.ndarray,
    at: Cutoffs,
) -> np.ndarray:
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
        For Barz's AHP: similarity of an item to the query by the finest level at which they agree;
        none: 0.
    at : Cutoffs
        At most the number of items ranked.

    Returns
    -------
    float64, shape (Q, K + len(FIXED_COLUMNS))
        AP of the K levels; then the columns of gluon_hash.retrieval.evaluation.kernels.
    """
    num_levels = database_labels.shape[1]
    return measure_all(
        as_words(queries),
        as_words(database),
        np.ascontiguousarray(query_labels, np.int32),
        np.ascontiguousarray(database_labels.T, np.int32),
        excluded,
        num_bits,
        similarity,
        at,
        tables(num_levels, len(database), at.ndcg),
        num_levels + len(FIXED_COLUMNS),
        min(numba.get_num_threads(), max(len(queries), 1)),
    )


def measure_distances(
    distances: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    similarity: np.ndarray,
    at: Cutoffs,
) -> np.ndarray:
    """As measure_rankings, by given distances: float (Q, N). The columns of the radius are NaN."""
    num_levels = database_labels.shape[1]
    return measure_all_given(
        np.ascontiguousarray(distances),
        np.ascontiguousarray(query_labels, np.int32),
        np.ascontiguousarray(database_labels.T, np.int32),
        excluded,
        similarity,
        at,
        tables(num_levels, distances.shape[1], at.ndcg),
        num_levels + len(FIXED_COLUMNS),
    )


def count_hits(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    num_bits: int,
    ranks: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits at the finest level among the first ``ranks`` items, and within every radius; for
    curves.

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
    count_all(
        as_words(queries),
        as_words(database),
        np.ascontiguousarray(query_labels[:, :1], np.int32),
        np.ascontiguousarray(database_labels[:, :1].T, np.int32),
        excluded,
        num_bits,
        ranks,
        by_rank,
        within,
        hits_within,
        min(numba.get_num_threads(), max(len(queries), 1)),
    )
    return by_rank, within, hits_within

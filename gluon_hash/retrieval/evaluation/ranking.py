"""Rank a database for each query, by Hamming or by given distances, and measure each ranking.

Hamming distances are popcounts of XOR-ed 64-bit words; the ranking is a counting sort by distance,
stable by database position. A thread holds four bytes per database item, and five per item that
agrees with its query, whatever the number of queries.
"""

from __future__ import annotations

import numba
import numpy as np

from gluon_hash.retrieval.evaluation.kernels.loops import (
    count_all,
    measure_all,
    measure_all_given,
)
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranks, Rules, Tables
from gluon_hash.retrieval.evaluation.kernels.sorting import Codes
from gluon_hash.retrieval.evaluation.kernels.table import RELEASED_RANKS

__all__ = [
    "Codes",
    "as_codes",
    "as_words",
    "count_hits",
    "make_tables",
    "measure_distances",
    "measure_rankings",
    "num_threads",
]


def as_words(packed: np.ndarray) -> np.ndarray:
    """Packed codes as 64-bit words: uint8 (N, B) -> uint64 (N, ceil(B / 8)), padded with zeros."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    return padded.view(np.uint64)


def make_tables(num_levels: int, num_items: int) -> Tables:
    """The tables for rankings of ``num_items`` with ``num_levels``."""
    masks = range(1 << num_levels)
    finest = [next((k for k in range(num_levels) if mask >> k & 1), num_levels) for mask in masks]
    ranks = np.arange(1, num_items + 1)
    discount = np.concatenate([[0.0], 1.0 / np.log2(ranks + 1)])
    released = 1.0 / np.log2(np.maximum(np.arange(RELEASED_RANKS), 2))
    return Tables(
        np.array([bin(mask).count("1") for mask in masks]),
        np.array(finest),
        discount,
        np.cumsum(discount),
        np.concatenate([[0.0], released]),
        np.concatenate([[0.0], np.cumsum(1.0 / ranks)]),
    )


def measure_rankings(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    num_bits: int,
    similarity: np.ndarray,
    at: Ranks,
    rules: Rules,
    wanted: np.ndarray,
) -> np.ndarray:
    """The wanted metrics of every query's ranking by Hamming distance.

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
    at : Ranks
    rules : Rules
    wanted : bool, shape (M,)
        M columns, as gluon_hash.retrieval.evaluation.kernels.table.columns numbers them.

    Returns
    -------
    float64, shape (Q, M)
        NaN where a metric is undefined, and where it is not wanted.
    """
    codes = as_codes(queries, database, query_labels, database_labels, excluded, num_bits)
    tables = make_tables(database_labels.shape[1], len(database))
    return measure_all(codes, similarity, at, rules, tables, wanted, num_threads(queries))


def measure_distances(
    distances: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    similarity: np.ndarray,
    at: Ranks,
    rules: Rules,
    wanted: np.ndarray,
) -> np.ndarray:
    """As measure_rankings, by given distances: float (Q, N). There is no radius to be wanted."""
    return measure_all_given(
        np.ascontiguousarray(distances),
        np.ascontiguousarray(query_labels, np.int32),
        np.ascontiguousarray(database_labels.T, np.int32),
        excluded,
        similarity,
        at,
        rules,
        make_tables(database_labels.shape[1], distances.shape[1]),
        wanted,
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
    """Hits at the finest level among the first ``ranks`` items, and within every radius.

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
    query_labels, database_labels = query_labels[:, :1], database_labels[:, :1]
    codes = as_codes(queries, database, query_labels, database_labels, excluded, num_bits)
    count_all(codes, ranks, by_rank, within, hits_within, num_threads(queries))
    return by_rank, within, hits_within


def as_codes(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    excluded: np.ndarray,
    num_bits: int,
) -> Codes:
    """The arguments of measure_rankings as the kernels take them."""
    return Codes(
        as_words(queries),
        as_words(database),
        np.ascontiguousarray(query_labels, np.int32),
        np.ascontiguousarray(database_labels.T, np.int32),
        excluded,
        num_bits,
    )


def num_threads(queries: np.ndarray) -> int:
    """Threads that share the queries: one each at least."""
    return min(numba.get_num_threads(), max(len(queries), 1))

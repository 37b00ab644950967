"""Rank a database for each query, by Hamming or by given distances, and measure each ranking.

Hamming distances are popcounts of XOR-ed 64-bit words; the ranking is a counting sort by distance,
stable by database position. A thread holds a byte per database item, and 20 per item that agrees
with its query, whatever the number of queries.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from gluon_hash.retrieval.evaluation.kernels.lanes import LANES
from gluon_hash.retrieval.evaluation.kernels.loops import Counts, measure_all, measure_all_given
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranks, Rules, Tables
from gluon_hash.retrieval.evaluation.kernels.sorting import Codes
from gluon_hash.retrieval.evaluation.kernels.table import RELEASED_RANKS, num_columns

__all__ = [
    "Codes",
    "Counts",
    "as_codes",
    "as_words",
    "count_hits",
    "in_threads",
    "make_counts",
    "make_tables",
    "measure_distances",
    "measure_rankings",
    "no_counts",
    "some_counts",
]

QUERIES_AT_A_TIME = 64  # of one thread: of a class, mostly, so that what agrees is found once


def as_words(packed: np.ndarray) -> np.ndarray:
    """Packed codes as 64-bit words: uint8 (N, B) -> uint64 (N, ceil(B / 8)), padded with zeros."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    return padded.view(np.uint64)


def in_threads(work: Callable[[np.ndarray], None], query_labels: np.ndarray) -> None:
    """Call ``work`` with the numbers of some queries at a time, those of a class one after another.

    ``work`` is a kernel, which lets other threads run.
    """
    order = np.lexsort(query_labels.T)
    parts = np.split(order, range(QUERIES_AT_A_TIME, len(order), QUERIES_AT_A_TIME))
    work(parts[0])  # compiles
    num_threads = min(numba.get_num_threads(), len(parts) - 1)
    if num_threads < 2:
        for part in parts[1:]:
            work(part)
        return
    with ThreadPoolExecutor(num_threads) as threads:
        for _ in threads.map(work, parts[1:]):
            pass


def make_tables(num_levels: int, num_items: int) -> Tables:
    """The tables for rankings of ``num_items`` with ``num_levels``."""
    masks = range(1 << num_levels)
    gain = np.array([bin(mask).count("1") for mask in masks])
    level_rows, gain_rows = np.zeros((2, len(gain), LANES))
    for mask in masks:
        level_rows[mask, [level for level in range(num_levels) if mask >> level & 1]] = 1.0
        gain_rows[mask, gain[mask] - 1] = mask > 0
    finest = [next((k for k in range(num_levels) if mask >> k & 1), num_levels) for mask in masks]
    ranks = np.arange(1, num_items + 1)
    discount = np.concatenate([[0.0], 1.0 / np.log2(ranks + 1)])
    released = 1.0 / np.log2(np.maximum(np.arange(RELEASED_RANKS), 2))
    return Tables(
        gain,
        np.array(finest),
        level_rows.ravel(),
        gain_rows.ravel(),
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
    counts: Counts,
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
    counts : Counts
        Filled too: make_counts, or no_counts.

    Returns
    -------
    float64, shape (Q, M)
        NaN where a metric is undefined, and where it is not wanted.
    """
    codes = as_codes(queries, database, query_labels, database_labels, excluded, num_bits)
    tables = make_tables(database_labels.shape[1], len(database))
    values = np.full((len(queries), len(wanted)), np.nan)

    def work(order: np.ndarray) -> None:
        measure_all(codes, order, similarity, at, rules, tables, wanted, values, counts)

    in_threads(work, codes.query_labels)
    return values


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
    distances, excluded = np.ascontiguousarray(distances), np.ascontiguousarray(excluded)
    query_labels = np.ascontiguousarray(query_labels, np.int32)
    labels = np.ascontiguousarray(database_labels.T, np.int32)
    tables = make_tables(len(labels), distances.shape[1])
    values = np.full((len(distances), len(wanted)), np.nan)

    def work(order: np.ndarray) -> None:
        measure_all_given(
            distances,
            order,
            query_labels,
            labels,
            excluded,
            similarity,
            at,
            rules,
            tables,
            wanted,
            values,
        )

    in_threads(work, query_labels)
    return values


def make_counts(num_queries: int, num_bits: int, ranks: np.ndarray) -> Counts:
    """Room for what curves are drawn from.

    Parameters
    ----------
    num_queries, num_bits : int
    ranks : int64, shape (M,), ascending
        At most the number of items ranked.
    """
    by_radius = (num_queries, num_bits + 1)
    return Counts(
        ranks,
        np.empty((num_queries, len(ranks)), np.int64),
        np.empty(by_radius, np.int64),
        np.empty(by_radius, np.int64),
    )


def no_counts(num_bits: int) -> Counts:
    """Where no curves are wanted."""
    return make_counts(0, num_bits, np.empty(0, np.int64))


def some_counts(counts: Counts, queries: slice) -> Counts:
    """Those of some queries."""
    ranks, *of_queries = counts
    return Counts(ranks, *(array[queries] for array in of_queries))


def count_hits(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    num_bits: int,
    counts: Counts,
) -> None:
    """Fill ``counts`` alone; arguments as measure_rankings, whose ranking gives the same."""
    at = Ranks(len(database), *[1] * (len(Ranks._fields) - 1))
    measure_rankings(
        queries,
        database,
        query_labels[:, :1],
        database_labels[:, :1],
        np.full(len(queries), -1),
        num_bits,
        np.zeros((len(queries), 2)),
        at,
        Rules(divides_by_hits=True, counts_no_hit=True, query_has_relevance=False),
        np.zeros(num_columns(1), np.bool_),
        counts,
    )


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
        np.ascontiguousarray(as_words(database).T),
        np.ascontiguousarray(query_labels, np.int32),
        np.ascontiguousarray(database_labels.T, np.int32),
        np.ascontiguousarray(excluded),
        num_bits,
    )

"""The kernels that Python calls: loops over queries, in parallel.

Each is made by a function, so that ``sources`` is in its closure: see compiled.kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from gluon_hash.retrieval.evaluation.kernels.compiled import SOURCES, inner, kept
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranks, Rules, Tables, make_ranking
from gluon_hash.retrieval.evaluation.kernels.sorting import Codes, agreements, make_room, sort
from gluon_hash.retrieval.evaluation.kernels.table import fill_row

__all__ = ["count_all", "measure_all", "measure_all_given"]


def _make_measure_all(sources: int) -> Any:
    def measure_all(
        codes: Codes,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
        num_threads: int,
    ) -> np.ndarray:
        """As ranking.measure_rankings."""
        assert sources >= 0  # read, so that it is in the closure
        num_queries, num_items = len(codes.queries), len(codes.words)
        values = np.full((num_queries, len(wanted)), np.nan)
        for thread in prange(num_threads):
            room = make_room(num_items, codes.num_bits)
            for query in range(thread, num_queries, num_threads):
                sort(codes, query, room)
                ranking = make_ranking(
                    room.agreement,
                    num_items - room.counts[codes.num_bits + 1],
                    len(codes.labels),
                    room.ends[: codes.num_bits + 1],
                    room.ends[min(at.radius, codes.num_bits)],
                    similarity[query],
                    at,
                    rules,
                    tables,
                )
                fill_row(ranking, wanted, values[query])
        return values

    return kept(measure_all)


def _make_measure_all_given(sources: int) -> Any:
    def measure_all_given(
        distances: np.ndarray,
        query_labels: np.ndarray,
        labels: np.ndarray,
        excluded: np.ndarray,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
    ) -> np.ndarray:
        """As ranking.measure_distances."""
        assert sources >= 0
        values = np.full((len(distances), len(wanted)), np.nan)
        for query in prange(len(distances)):
            agreement, ends = _sort_given(
                distances[query], query_labels[query], labels, excluded[query]
            )
            num_items, num_levels = ends[-1], len(labels)
            ranking = make_ranking(
                agreement, num_items, num_levels, ends, 0, similarity[query], at, rules, tables
            )
            fill_row(ranking, wanted, values[query])
        return values

    return kept(measure_all_given)


@inner
def _sort_given(
    distances: np.ndarray, query_labels: np.ndarray, labels: np.ndarray, excluded: int
) -> tuple[np.ndarray, np.ndarray]:
    """Agreement by rank, and the ranks of the last item at each distance; ties by position."""
    num_items = len(distances)
    unsorted, agreement = np.empty(num_items, np.uint8), np.empty(num_items, np.uint8)
    ends = np.empty(num_items, np.int64)
    agreements(query_labels, labels, unsorted)
    rank, num_buckets, last = 0, 0, distances[0]
    for item in np.argsort(distances, kind="mergesort"):
        if item == excluded:
            continue
        if rank and distances[item] != last:
            ends[num_buckets] = rank
            num_buckets += 1
        agreement[rank], last = unsorted[item], distances[item]
        rank += 1
    ends[num_buckets] = rank
    return agreement, ends[: num_buckets + 1]


def _make_count_all(sources: int) -> Any:
    def count_all(
        codes: Codes,
        ranks: np.ndarray,
        by_rank: np.ndarray,
        within: np.ndarray,
        hits_within: np.ndarray,
        num_threads: int,
    ) -> None:
        """Fill ``by_rank``, ``within`` and ``hits_within``: ranking.count_hits."""
        assert sources >= 0
        for thread in prange(num_threads):
            room = make_room(len(codes.words), codes.num_bits)
            for query in range(thread, len(codes.queries), num_threads):
                sort(codes, query, room)
                _hits_before(room.agreement, ranks, by_rank[query])
                within[query] = room.ends[: codes.num_bits + 1]
                _hits_before(room.agreement, within[query], hits_within[query])

    return kept(count_all)


@inner
def _hits_before(agreement: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> None:
    """hits[i] = items among the first ends[i] (ascending) that agree at the finest level."""
    so_far, start = 0, 0
    for i in range(len(ends)):
        for item in range(start, ends[i]):
            so_far += agreement[item] & 1
        hits[i], start = so_far, ends[i]


measure_all = _make_measure_all(SOURCES)
measure_all_given = _make_measure_all_given(SOURCES)
count_all = _make_count_all(SOURCES)

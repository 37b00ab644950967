"""The kernels that Python calls: loops over queries, of which a thread takes some.

Each is made by a function, so that ``sources`` is in its closure: see compiled.kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import SOURCES, inner, kept
from gluon_hash.retrieval.evaluation.kernels.ideal import make_ideal
from gluon_hash.retrieval.evaluation.kernels.ranking import (
    Ranking,
    Ranks,
    Rules,
    Tables,
    make_ranking,
)
from gluon_hash.retrieval.evaluation.kernels.sorting import (
    Agreeing,
    Codes,
    Room,
    agree,
    agreements,
    compare,
    make_agreeing,
    make_room,
    place,
)
from gluon_hash.retrieval.evaluation.kernels.table import fill_row

__all__ = ["Counts", "measure_all", "measure_all_given"]


class Counts(NamedTuple):
    """What curves are drawn from."""

    ranks: np.ndarray  # int64 (M,), ascending
    by_rank: np.ndarray  # int64 (Q, M) hits among the first items; (0, M): not wanted
    within: np.ndarray  # int64 (Q, num_bits + 1) items within each radius
    hits_within: np.ndarray  # int64 (Q, num_bits + 1) hits among them


def _make_measure_all(sources: int) -> Any:
    def measure_all(
        codes: Codes,
        order: np.ndarray,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
        values: np.ndarray,
        counts: Counts,
    ) -> None:
        """Fill the rows of ``values`` and ``counts`` of the queries in ``order``."""
        assert sources >= 0  # read, so that it is in the closure
        num_items, num_levels = codes.words.shape[1], len(codes.labels)
        room = make_room(num_items, codes.num_bits)
        agreeing = make_agreeing(num_items, num_levels)
        ideal = make_ideal(num_levels, at.ahp)
        ranks, masks = np.empty(num_items, np.int32), np.empty(num_items, np.uint8)
        relevant = np.empty(num_items, np.int32)
        last_rank = np.empty(codes.num_bits + 2, np.int64)
        next_slot = np.empty(codes.num_bits + 2, np.int64)
        by_mask = np.empty(1 << num_levels, np.int64)
        for query in order:
            num_agreeing = _arrange(
                codes, query, agreeing, room, last_rank, next_slot, by_mask, ranks, masks
            )
            ends = last_rank[: codes.num_bits + 1]
            ranking = make_ranking(
                ranks[:num_agreeing],
                masks[:num_agreeing],
                by_mask,
                ends,
                ends[min(at.radius, codes.num_bits)],
                relevant,
                similarity[query],
                ideal,
                at,
                rules,
                tables,
            )
            fill_row(ranking, wanted, values[query])
            if len(counts.by_rank):
                _count(ranking, ends, query, counts)

    return kept(measure_all)


@inner
def _arrange(
    codes: Codes,
    query: int,
    agreeing: Agreeing,
    room: Room,
    last_rank: np.ndarray,
    next_slot: np.ndarray,
    by_mask: np.ndarray,
    ranks: np.ndarray,
    masks: np.ndarray,
) -> int:
    """Rank what agrees with a query, count what shares which levels; how many items agree."""
    agree(codes, query, agreeing)
    compare(codes, query, agreeing, room)
    _begin(room.counts, last_rank)
    _begin(room.agreeing, next_slot)
    place(agreeing, room, codes.num_bits, last_rank, next_slot, ranks, masks)
    for mask in range(len(by_mask)):
        by_mask[mask] = agreeing.by_mask[mask]
    if codes.excluded[query] >= 0:
        by_mask[agreeing.unsorted[codes.excluded[query]]] -= 1
    num_agreeing = next_slot[codes.num_bits]
    by_mask[0] = last_rank[codes.num_bits] - num_agreeing
    return num_agreeing


@inner
def _begin(counts: np.ndarray, before: np.ndarray) -> None:
    """Fill ``before``: items at a smaller distance."""
    total = 0
    for bits in range(counts.shape[1]):
        before[bits] = total
        for stream in range(counts.shape[0]):
            total += counts[stream, bits]


@inner
def _count(ranking: Ranking, ends: np.ndarray, query: int, counts: Counts) -> None:
    """Fill a row of ``counts``."""
    for radius in range(len(ends)):
        counts.within[query, radius] = ends[radius]
    _hits_before(ranking.relevant, counts.ranks, counts.by_rank[query])
    _hits_before(ranking.relevant, ends, counts.hits_within[query])


@inner
def _hits_before(relevant: np.ndarray, ends: np.ndarray, hits: np.ndarray) -> None:
    """hits[i] = items whose rank is ends[i] (ascending) or better."""
    so_far = 0
    for i in range(len(ends)):
        while so_far < len(relevant) and relevant[so_far] <= ends[i]:
            so_far += 1
        hits[i] = so_far


def _make_measure_all_given(sources: int) -> Any:
    def measure_all_given(
        distances: np.ndarray,
        order: np.ndarray,
        query_labels: np.ndarray,
        labels: np.ndarray,
        excluded: np.ndarray,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Fill the rows of ``values`` of the queries in ``order``."""
        assert sources >= 0
        unsorted = np.empty(labels.shape[1], np.uint8)
        ideal = make_ideal(len(labels), at.ahp)
        by_mask = np.empty(1 << len(labels), np.int64)
        for query in order:
            agreements(query_labels[query], labels, unsorted)
            ranks, masks, ends = _sort_given(distances[query], unsorted, excluded[query])
            by_mask[:] = 0
            for mask in masks:
                by_mask[mask] += 1
            by_mask[0] = ends[-1] - len(ranks)
            relevant = np.empty_like(ranks)
            ranking = make_ranking(
                ranks,
                masks,
                by_mask,
                ends,
                0,
                relevant,
                similarity[query],
                ideal,
                at,
                rules,
                tables,
            )
            fill_row(ranking, wanted, values[query])

    return kept(measure_all_given)


@inner
def _sort_given(
    distances: np.ndarray, unsorted: np.ndarray, excluded: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranks and masks of what agrees, and the ranks of the last item at each distance.

    Ties are ranked by position.
    """
    num_items = len(distances)
    ranks, masks = np.empty(num_items, np.int32), np.empty(num_items, np.uint8)
    ends = np.empty(num_items, np.int64)
    rank, size, num_buckets, last = 0, 0, 0, distances[0]
    for item in np.argsort(distances, kind="mergesort"):
        if item == excluded:
            continue
        if rank and distances[item] != last:
            ends[num_buckets] = rank
            num_buckets += 1
        last = distances[item]
        rank += 1
        ranks[size], masks[size] = rank, unsorted[item]
        size += unsorted[item] != 0
    ends[num_buckets] = rank
    return ranks[:size], masks[:size], ends[: num_buckets + 1]


measure_all = _make_measure_all(SOURCES)
measure_all_given = _make_measure_all_given(SOURCES)

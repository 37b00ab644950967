"""The kernels of a database that is read part by part: count, then place, then measure.

What agrees with a query at no level has no place: a ranking is known by the ranks of what agrees,
and by how many items there are at each distance. Each kernel is made by a function, as in loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from gluon_hash.retrieval.evaluation.kernels.compiled import SOURCES, inner, kept
from gluon_hash.retrieval.evaluation.kernels.ranking import (
    Ranking,
    Ranks,
    Rules,
    Tables,
    make_sparse_ranking,
    num_looked_at,
)
from gluon_hash.retrieval.evaluation.kernels.sorting import Codes, compare, make_room
from gluon_hash.retrieval.evaluation.kernels.table import fill_row

__all__ = ["count_part", "measure_placed", "place_part"]


def _make_count_part(sources: int) -> Any:
    def count_part(
        codes: Codes, counts: np.ndarray, agreeing: np.ndarray, num_threads: int
    ) -> None:
        """Add a part's items, and those that agree, at each distance: int64 (Q, num_bits + 2)."""
        assert sources >= 0  # read, so that it is in the closure
        for thread in prange(num_threads):
            room = make_room(len(codes.words), codes.num_bits)
            for query in range(thread, len(codes.queries), num_threads):
                compare(codes, query, room)
                for item in range(len(codes.words)):
                    counts[query, room.distance[item]] += 1
                    agreeing[query, room.distance[item]] += room.unsorted[item] != 0

    return kept(count_part)


def _make_place_part(sources: int) -> Any:
    def place_part(
        codes: Codes,
        last_rank: np.ndarray,
        next_slot: np.ndarray,
        ranks: np.ndarray,
        masks: np.ndarray,
        num_threads: int,
    ) -> None:
        """Write the ranks and the agreement of a part's items that agree with a query.

        last_rank, next_slot: int64 (Q, num_bits + 2), of each distance the last rank given and the
        place in ``ranks`` of the next item that agrees; they go on with the next part.
        """
        assert sources >= 0
        for thread in prange(num_threads):
            room = make_room(len(codes.words), codes.num_bits)
            for query in range(thread, len(codes.queries), num_threads):
                compare(codes, query, room)
                for item in range(len(codes.words)):
                    bits = room.distance[item]
                    last_rank[query, bits] += 1
                    if room.unsorted[item] and bits <= codes.num_bits:  # beyond: the excluded one
                        slot = next_slot[query, bits]
                        ranks[slot], masks[slot] = last_rank[query, bits], room.unsorted[item]
                        next_slot[query, bits] = slot + 1

    return kept(place_part)


@inner
def _placed_ranking(
    ranks: np.ndarray,
    masks: np.ndarray,
    ends: np.ndarray,
    num_levels: int,
    similarity: np.ndarray,
    at: Ranks,
    rules: Rules,
    tables: Tables,
) -> Ranking:
    """The ranking of one query, with the head of its agreement written out."""
    num_items = ends[-1]
    head = np.zeros(num_looked_at(len(ranks), num_items, at, tables), np.uint8)
    for item in range(len(ranks)):
        if ranks[item] > len(head):
            break
        head[ranks[item] - 1] = masks[item]
    within = ends[min(at.radius, len(ends) - 1)]
    return make_sparse_ranking(
        ranks, masks, head, num_items, num_levels, ends, within, similarity, at, rules, tables
    )


def _make_measure_placed(sources: int) -> Any:
    def measure_placed(
        ranks: np.ndarray,
        masks: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        num_levels: int,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
    ) -> np.ndarray:
        """The wanted metrics, float64 (Q, M), of what place_part has written.

        starts: int64 (Q + 1,), where the ranks of each query begin; ends: int64 (Q, num_bits + 1),
        ranks of the last item at each distance.
        """
        assert sources >= 0
        num_queries = len(starts) - 1
        values = np.full((num_queries, len(wanted)), np.nan)
        for query in prange(num_queries):
            ranking = _placed_ranking(
                ranks[starts[query] : starts[query + 1]],
                masks[starts[query] : starts[query + 1]],
                ends[query],
                num_levels,
                similarity[query],
                at,
                rules,
                tables,
            )
            fill_row(ranking, wanted, values[query])
        return values

    return kept(measure_placed)


count_part = _make_count_part(SOURCES)
place_part = _make_place_part(SOURCES)
measure_placed = _make_measure_placed(SOURCES)

"""The kernels of a database that is read part by part: count, then place, then measure.

Each kernel is made by a function, as in loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import SOURCES, kept
from gluon_hash.retrieval.evaluation.kernels.ideal import make_ideal
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranks, Rules, Tables, make_ranking
from gluon_hash.retrieval.evaluation.kernels.sorting import (
    Codes,
    agree,
    compare,
    make_agreeing,
    make_room,
    place,
)
from gluon_hash.retrieval.evaluation.kernels.table import fill_row

__all__ = ["count_part", "measure_placed", "place_part"]


def _make_count_part(sources: int) -> Any:
    def count_part(
        codes: Codes, order: np.ndarray, counts: np.ndarray, num_agreeing: np.ndarray
    ) -> None:
        """Add a part's items, and those that agree, at each distance: int64 (Q, num_bits + 2)."""
        assert sources >= 0  # read, so that it is in the closure
        num_items = codes.words.shape[1]
        room = make_room(num_items, codes.num_bits)
        agreeing = make_agreeing(num_items, len(codes.labels))
        for query in order:
            agree(codes, query, agreeing)
            compare(codes, query, agreeing, room)
            for stream in range(len(room.counts)):
                for bits in range(codes.num_bits + 2):
                    counts[query, bits] += room.counts[stream, bits]
                    num_agreeing[query, bits] += room.agreeing[stream, bits]

    return kept(count_part)


def _make_place_part(sources: int) -> Any:
    def place_part(
        codes: Codes,
        order: np.ndarray,
        starts: np.ndarray,
        last_rank: np.ndarray,
        next_slot: np.ndarray,
        ranks: np.ndarray,
        masks: np.ndarray,
    ) -> None:
        """Write the ranks and the agreement of a part's items that agree with a query.

        starts: int64 (Q + 1,), where the ranks of each query begin. last_rank, next_slot: int64
        (Q, num_bits + 2), as sorting.place.
        """
        assert sources >= 0
        num_items = codes.words.shape[1]
        room = make_room(num_items, codes.num_bits)
        agreeing = make_agreeing(num_items, len(codes.labels))
        for query in order:
            agree(codes, query, agreeing)
            compare(codes, query, agreeing, room)
            own = slice(starts[query], starts[query + 1])
            place(
                agreeing,
                room,
                codes.num_bits,
                last_rank[query],
                next_slot[query],
                ranks[own],
                masks[own],
            )

    return kept(place_part)


def _make_measure_placed(sources: int) -> Any:
    def measure_placed(
        ranks: np.ndarray,
        masks: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        order: np.ndarray,
        similarity: np.ndarray,
        at: Ranks,
        rules: Rules,
        tables: Tables,
        wanted: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Fill the rows of ``values`` of the queries in ``order``: what place_part has written.

        ends: int64 (Q, num_bits + 1), ranks of the last item at each distance.
        """
        assert sources >= 0
        num_levels = similarity.shape[1] - 1
        ideal, by_mask = make_ideal(num_levels, at.ahp), np.empty(1 << num_levels, np.int64)
        relevant = np.empty((starts[1:] - starts[:-1]).max(), np.int32)
        for query in order:
            own = slice(starts[query], starts[query + 1])
            by_mask[:] = 0
            for mask in masks[own]:
                by_mask[mask] += 1
            by_mask[0] = ends[query, -1] - (own.stop - own.start)
            ranking = make_ranking(
                ranks[own],
                masks[own],
                by_mask,
                ends[query],
                ends[query, min(at.radius, ends.shape[1] - 1)],
                relevant,
                similarity[query],
                ideal,
                at,
                rules,
                tables,
            )
            fill_row(ranking, wanted, values[query])

    return kept(measure_placed)


count_part = _make_count_part(SOURCES)
place_part = _make_place_part(SOURCES)
measure_placed = _make_measure_placed(SOURCES)

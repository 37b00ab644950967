"""A query's ranking as the metrics see it.

Agreement with the query is one byte per item, whose bit k says that the two agree at level k. Ranks
count from 1, the best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.experimental import structref

from gluon_hash.retrieval.evaluation.kernels.compiled import inner

__all__ = [
    "Ranking",
    "Ranks",
    "Rules",
    "Tables",
    "make_ranking",
    "make_sparse_ranking",
    "num_looked_at",
]


class Ranks(NamedTuple):
    """Ranks at which the metrics stop, in items, at most the number ranked; the radius in bits."""

    num_ranked: int
    map: int
    ahp: int
    ndcg: int
    precision: int
    hit: int
    radius: int


class Rules(NamedTuple):
    """What a protocol decides inside a kernel."""

    divides_by_hits: bool  # AP by the hits before the cut, not by min(relevant items, the cut)
    counts_no_hit: bool  # a query without a hit counts 0, and is not left out
    query_has_relevance: bool  # H-AP: the query itself is one of the items of its class


class Tables(NamedTuple):
    """What depends neither on the query nor on the protocol."""

    gain: np.ndarray  # (2^K,) levels that agree, by agreement
    finest: np.ndarray  # (2^K,) the finest level that agrees, by agreement; K: none
    discount: np.ndarray  # (N + 1,) 1 / log2(rank + 1) by rank; 0 at 0
    discount_sum: np.ndarray  # (N + 1,) of the discounts up to a rank
    released_discount: np.ndarray  # (100 + 1,) by rank: 0, 1, 1, 1, 1/log2(3), 1/log2(4), ...
    harmonic: np.ndarray  # (N + 1,) H_0 .. H_N


@structref.register
class _RankingType(types.StructRef):
    """Numba's type of a Ranking."""


class Ranking(structref.StructRefProxy):
    """One query's ranking: one pointer, so that handing it to many kernels compiles fast."""

    agreement: np.ndarray  # uint8 (N,) of all items, best first
    num_items: int  # that are ranked, the first of ``agreement``
    num_levels: int  # K
    ranks: np.ndarray  # int32 (P,) ascending, of the items that agree at some level
    masks: np.ndarray  # uint8 (P,) their agreement
    gains: np.ndarray  # int64 (K + 1,) items by the number of levels at which they agree
    num_relevant: int  # items that agree at the finest level
    tied: np.ndarray  # int64 (T, 3) of each group of equal distances that has a relevant item:
    # items before it, items in it, relevant items in it
    num_within: int  # items within the radius
    similarity: np.ndarray  # float64 (K + 1,) of an item by the finest level that agrees; none: 0
    at: Ranks
    rules: Rules
    tables: Tables


structref.define_proxy(Ranking, _RankingType, list(Ranking.__annotations__))


@inner
def make_ranking(
    agreement: np.ndarray,
    num_items: int,
    num_levels: int,
    bucket_ends: np.ndarray,
    num_within: int,
    similarity: np.ndarray,
    at: Ranks,
    rules: Rules,
    tables: Tables,
) -> Ranking:
    """A Ranking of the first ``num_items`` of ``agreement``.

    bucket_ends: int64, ascending ranks of the last item at each distance; the items between two
    ends are tied.
    """
    num_agreeing = 0
    for item in range(num_items):
        num_agreeing += agreement[item] != 0
    ranks, masks = np.empty(num_agreeing, np.int32), np.empty(num_agreeing, np.uint8)
    agreeing = 0
    for item in range(num_items):
        mask = agreement[item]
        if mask:
            ranks[agreeing], masks[agreeing] = item + 1, mask
            agreeing += 1
    return make_sparse_ranking(
        ranks,
        masks,
        agreement,
        num_items,
        num_levels,
        bucket_ends,
        num_within,
        similarity,
        at,
        rules,
        tables,
    )


@inner
def make_sparse_ranking(
    ranks: np.ndarray,
    masks: np.ndarray,
    agreement: np.ndarray,
    num_items: int,
    num_levels: int,
    bucket_ends: np.ndarray,
    num_within: int,
    similarity: np.ndarray,
    at: Ranks,
    rules: Rules,
    tables: Tables,
) -> Ranking:
    """As make_ranking, of the items that agree: ``ranks`` int32 (P,) ascending, ``masks`` (P,).

    Of ``agreement`` as many items are needed as a metric looks at: num_looked_at.
    """
    gain, gains = tables.gain, np.zeros(num_levels + 1, np.int64)
    gains[0] = num_items - len(ranks)
    num_relevant = 0
    for mask in masks:
        gains[gain[mask]] += 1
        num_relevant += mask & 1
    return Ranking(
        agreement,
        num_items,
        num_levels,
        ranks,
        masks,
        gains,
        num_relevant,
        _tied_groups(ranks, masks, bucket_ends),
        num_within,
        similarity,
        at,
        rules,
        tables,
    )


@inner
def num_looked_at(num_agreeing: int, num_items: int, at: Ranks, tables: Tables) -> int:
    """Items at the head of a ranking of which a metric reads the agreement one by one."""
    released = len(tables.released_discount) - 1
    return min(max(num_agreeing, at.ahp, released), num_items)


@inner
def _tied_groups(ranks: np.ndarray, masks: np.ndarray, bucket_ends: np.ndarray) -> np.ndarray:
    """Ranking.tied."""
    groups = np.empty((min(len(bucket_ends), len(ranks)), 3), np.int64)
    num_groups, before, agreeing = 0, 0, 0
    for end in bucket_ends:
        hits = 0
        while agreeing < len(ranks) and ranks[agreeing] <= end:
            hits += masks[agreeing] & 1
            agreeing += 1
        if hits:
            groups[num_groups, 0] = before
            groups[num_groups, 1] = end - before
            groups[num_groups, 2] = hits
            num_groups += 1
        before = end
    return groups[:num_groups]

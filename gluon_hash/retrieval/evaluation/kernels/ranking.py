"""A query's ranking as the metrics see it.

Agreement with the query is one byte per item, whose bit k says that the two agree at level k. Ranks
count from 1, the best. What agrees at no level is counted, and has no rank.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.experimental import structref

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.ideal import Ideal, set_ideal
from gluon_hash.retrieval.evaluation.kernels.lanes import LANES, load, spread, store

__all__ = ["Ranking", "Ranks", "Rules", "Tables", "make_ranking"]


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
    level_rows: np.ndarray  # float64 (2^K * LANES,) by agreement: 1 at each level that agrees
    gain_rows: np.ndarray  # float64 (2^K * LANES,) by agreement: 1 at gain - 1, 0 elsewhere
    discount: np.ndarray  # (N + 1,) 1 / log2(rank + 1) by rank; 0 at 0
    discount_sum: np.ndarray  # (N + 1,) of the discounts up to a rank
    released_discount: np.ndarray  # (100 + 1,) by rank: 0, 1, 1, 1, 1/log2(3), 1/log2(4), ...
    harmonic: np.ndarray  # (N + 1,) H_0 .. H_N


@structref.register
class _RankingType(types.StructRef):
    """Numba's type of a Ranking."""


class Ranking(structref.StructRefProxy):
    """One query's ranking: one pointer, so that handing it to many kernels compiles fast."""

    ranks: np.ndarray  # int32 (P,) ascending, of the items that agree at some level
    masks: np.ndarray  # uint8 (P,) their agreement
    relevant: np.ndarray  # int32 (R,) ascending ranks of the items that agree at the finest level
    num_items: int  # that are ranked
    num_levels: int  # K
    tied: np.ndarray  # int64 (T, 3) of each group of equal distances that has a relevant item:
    # items before it, items in it, relevant items in it
    num_within: int  # items within the radius
    num_agreeing: np.ndarray  # float64 (LANES,) items that agree at each level
    misses: np.ndarray  # float64 (LANES,) of each level: the sum over these of 1 - precision
    shared_relevance: float  # of H-AP: the sum over items of hierarchical rank / rank
    exponential: float  # sum over items of (2^g - 1) / log2(rank + 1)
    ideal: Ideal
    at: Ranks
    rules: Rules
    tables: Tables


structref.define_proxy(Ranking, _RankingType, list(Ranking.__annotations__))


@inner
def make_ranking(
    ranks: np.ndarray,
    masks: np.ndarray,
    by_mask: np.ndarray,
    bucket_ends: np.ndarray,
    num_within: int,
    relevant: np.ndarray,
    similarity: np.ndarray,
    ideal: Ideal,
    at: Ranks,
    rules: Rules,
    tables: Tables,
) -> Ranking:
    """A Ranking of the items that agree at some level; ``ideal`` is filled for it.

    by_mask: int64 (2^K,) items of each agreement, of none too. bucket_ends: int64, ascending ranks
    of the last item at each distance; the items between two ends are tied. relevant: room, int32
    (P,).
    """
    set_ideal(
        by_mask,
        similarity,
        tables.gain,
        tables.finest,
        rules.query_has_relevance,
        at.ahp,
        ideal,
    )
    num_relevant = np.uint64(0)
    for item in range(len(ranks)):
        relevant[num_relevant] = ranks[item]
        num_relevant += np.uint64(masks[item] & 1)
    relevant = relevant[:num_relevant]
    num_agreeing, misses = np.empty(LANES), np.empty(LANES)
    shared, exponential = _sweep(ranks, masks, ideal, tables, num_agreeing, misses)
    return Ranking(
        ranks,
        masks,
        relevant,
        bucket_ends[-1],
        len(similarity) - 1,
        _tied_groups(relevant, bucket_ends),
        num_within,
        num_agreeing,
        misses,
        shared,
        exponential,
        ideal,
        at,
        rules,
        tables,
    )


@inner
def _sweep(
    ranks: np.ndarray,
    masks: np.ndarray,
    ideal: Ideal,
    tables: Tables,
    num_agreeing: np.ndarray,
    misses: np.ndarray,
) -> tuple[float, float]:
    """Fill num_agreeing and misses; shared_relevance and exponential: all levels in one pass."""
    gain, discount, exponential = tables.gain, tables.discount, 0.0
    hits, missed, seen, shared = spread(0.0), spread(0.0), spread(0.0), spread(0.0)
    for item in range(len(ranks)):
        mask, rank = np.intp(masks[item]), ranks[item]
        inverse = spread(1.0 / rank)
        levels = load(tables.level_rows, mask * LANES)
        hits = hits + levels
        missed = missed + levels * ((spread(float(rank)) - hits) * inverse)
        seen = seen + load(tables.gain_rows, mask * LANES)
        shared = shared + (seen * load(ideal.relevance, gain[mask] * LANES)) * inverse
        exponential += ((1 << gain[mask]) - 1) * discount[rank]
    store(shared, num_agreeing)
    total = 0.0
    for lane in range(LANES):
        total += num_agreeing[lane]
    store(hits, num_agreeing)
    store(missed, misses)
    return total, exponential


@inner
def _tied_groups(relevant: np.ndarray, bucket_ends: np.ndarray) -> np.ndarray:
    """Ranking.tied."""
    groups = np.empty((min(len(bucket_ends), len(relevant)), 3), np.int64)
    num_groups, before, first = 0, 0, 0
    for end in bucket_ends:
        last = first
        while last < len(relevant) and relevant[last] <= end:
            last += 1
        if last > first:
            groups[num_groups, 0] = before
            groups[num_groups, 1] = end - before
            groups[num_groups, 2] = last - first
            num_groups += 1
        before, first = end, last
    return groups[:num_groups]

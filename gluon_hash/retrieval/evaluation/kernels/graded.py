"""Metrics of a ranking whose items have a gain: the number of levels at which they agree.

NaN where no item has a gain.
"""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranking

__all__ = [
    "acg",
    "ahp",
    "asi",
    "barz_ahp",
    "hap",
    "mean_ndcg_released",
    "ndcg",
    "ndcg_exponential",
    "weighted_recall",
]


@inner
def ahp(ranking: Ranking) -> float:
    """Mean of HP@1 .. HP@R: the gains so far over those of the ideal order."""
    ranks, agreement = ranking.ranks, ranking.agreement
    if len(ranks) == 0:
        return np.nan
    remaining, best = ranking.gains.copy(), ranking.num_levels
    gained, ideal_gained, total = 0, 0, 0.0
    for position in range(ranking.at.ahp):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        gained += ranking.tables.gain[agreement[position]]
        ideal_gained += best
        total += gained / ideal_gained
    return total / ranking.at.ahp


@inner
def barz_ahp(ranking: Ranking) -> float:
    """AHP of Barz and Denzler: similarity by the lowest common class, area by trapezoids."""
    ranks, masks, agreement = ranking.ranks, ranking.masks, ranking.agreement
    finest, at = ranking.tables.finest, ranking.at.ahp
    remaining = np.zeros(ranking.num_levels + 1, np.int64)
    remaining[ranking.num_levels] = ranking.num_items - len(ranks)
    for mask in masks:
        remaining[finest[mask]] += 1
    best, gained, ideal_gained, area, value, first = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for position in range(at):
        while remaining[best] == 0:
            best += 1
        remaining[best] -= 1
        gained += ranking.similarity[finest[agreement[position]]]
        ideal_gained += ranking.similarity[best]
        if ideal_gained == 0.0:
            return np.nan
        value = gained / ideal_gained
        area += value
        if position == 0:
            first = value
    return (area - 0.5 * (first + value)) / at


@inner
def ndcg(ranking: Ranking) -> float:
    """Gain g, discount 1 / log2(rank + 1), up to a rank."""
    ranks, masks = ranking.ranks, ranking.masks
    at, tables = ranking.at.ndcg, ranking.tables
    dcg = 0.0
    for i in range(len(ranks)):
        if ranks[i] > at:
            break
        dcg += tables.gain[masks[i]] * tables.discount[ranks[i]]
    ideal, before = 0.0, 0
    for gain in range(ranking.num_levels, 0, -1):
        last = min(before + ranking.gains[gain], at)
        ideal += gain * (tables.discount_sum[last] - tables.discount_sum[before])
        before = last
    return dcg / ideal if ideal else np.nan


@inner
def ndcg_exponential(ranking: Ranking) -> float:
    """Gain 2^g - 1, discount 1 / log2(rank + 1), over the whole ranking."""
    ranks, masks = ranking.ranks, ranking.masks
    tables, dcg = ranking.tables, 0.0
    for i in range(len(ranks)):
        dcg += ((1 << tables.gain[masks[i]]) - 1) * tables.discount[ranks[i]]
    ideal, before = 0.0, 0
    for gain in range(ranking.num_levels, 0, -1):
        last = before + ranking.gains[gain]
        ideal += ((1 << gain) - 1) * (tables.discount_sum[last] - tables.discount_sum[before])
        before = last
    return dcg / ideal if ideal else np.nan


@inner
def mean_ndcg_released(ranking: Ranking) -> float:
    """The released code's: its discounts, averaged over cut-offs 1 .. 100."""
    ranks, agreement = ranking.ranks, ranking.agreement
    if len(ranks) == 0:
        return np.nan
    discount = ranking.tables.released_discount
    remaining, best = ranking.gains.copy(), ranking.num_levels
    at = min(len(discount) - 1, ranking.num_items)
    dcg, ideal, total = 0.0, 0.0, 0.0
    for position in range(at):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        dcg += ranking.tables.gain[agreement[position]] * discount[position + 1]
        ideal += best * discount[position + 1]
        total += dcg / ideal
    return total / at


@inner
def _gained(ranking: Ranking, last_rank: int) -> int:
    """Sum of the gains up to a rank."""
    ranks, masks = ranking.ranks, ranking.masks
    gained = 0
    for i in range(len(ranks)):
        if ranks[i] > last_rank:
            break
        gained += ranking.tables.gain[masks[i]]
    return gained


@inner
def acg(ranking: Ranking) -> float:
    """Mean gain of the first N items."""
    ranks = ranking.ranks
    if len(ranks) == 0:
        return np.nan
    return _gained(ranking, ranking.at.precision) / ranking.at.precision


@inner
def weighted_recall(ranking: Ranking) -> float:
    """Gains of the first N items, over all gains."""
    ranks = ranking.ranks
    if len(ranks) == 0:
        return np.nan
    return _gained(ranking, ranking.at.precision) / _gained(ranking, ranking.num_items)


@inner
def hap(ranking: Ranking) -> float:
    """H-AP of HAPPIER: AP whose hits count by relevance; alpha = 1.

    An item with gain g has relevance (g / K) / n_g, n_g the items of that gain. Its hierarchical
    rank is the sum, over itself and the items before it, of the smaller of the two relevances.
    """
    ranks, masks = ranking.ranks, ranking.masks
    if len(ranks) == 0:
        return np.nan
    num_levels = ranking.num_levels
    relevance, seen = np.zeros(num_levels + 1), np.zeros(num_levels + 1, np.int64)
    of_all = 0.0
    for gain in range(1, num_levels + 1):
        items = ranking.gains[gain]
        if items:
            counted = items + (gain == num_levels and ranking.rules.query_has_relevance)
            relevance[gain] = gain / num_levels / counted
            of_all += relevance[gain] * items
    total = 0.0
    for i in range(len(ranks)):
        gain = ranking.tables.gain[masks[i]]
        seen[gain] += 1
        hierarchical_rank = 0.0
        for other in range(1, num_levels + 1):
            hierarchical_rank += seen[other] * min(relevance[other], relevance[gain])
        total += hierarchical_rank / ranks[i]
    return total / of_all


@inner
def asi(ranking: Ranking) -> float:
    """Mean over ranks 1 .. R of the set intersection with the ideal order; R items have a gain.

    The intersection at r: over gains, the smaller of the numbers of items of that gain among the
    first r of the ranking and among the first r of the ideal order; over r.
    """
    ranks, agreement = ranking.ranks, ranking.agreement
    with_gain = len(ranks)
    if with_gain == 0:
        return np.nan
    remaining, best = ranking.gains.copy(), ranking.num_levels
    ranked = np.zeros(ranking.num_levels + 1, np.int64)
    ideal = np.zeros(ranking.num_levels + 1, np.int64)
    shared, total = 0, 0.0
    for position in range(with_gain):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        gain = ranking.tables.gain[agreement[position]]
        ranked[gain] += 1
        shared += ranked[gain] <= ideal[gain]
        ideal[best] += 1
        shared += ideal[best] <= ranked[best]
        total += shared / (position + 1)
    return total / with_gain

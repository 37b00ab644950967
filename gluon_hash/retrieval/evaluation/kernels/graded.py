"""Metrics of a ranking whose items have a gain: the number of levels at which they agree.

NaN where no item has a gain. A mean of quotients is 1 less the mean of what they lack, so that it
is 1, and not a little less, of the best ranking.
"""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.lanes import LANES, load, spread, store
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranking
from gluon_hash.retrieval.evaluation.kernels.sorting import count_up_to

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

STRETCH = 512  # positions that are looked at together; whole lanes


@inner
def _stretch(
    ranking: Ranking, start: int, first: int, table: np.ndarray, values: np.ndarray
) -> int:
    """Fill ``values`` of the positions from ``start`` on: what ``table`` has for each agreement.

    ``first`` is the number of the first item there that agrees; that of the first behind them is
    returned.
    """
    values[:] = table[0]
    ranks, masks = ranking.ranks, ranking.masks
    last = start + len(values)
    behind = first + count_up_to(ranks[first : first + len(values)], last)
    for item in range(first, behind):
        values[np.uint64(ranks[item] - 1 - start)] = table[masks[item]]
    return behind


@inner
def _product_sum(left: np.ndarray, right: np.ndarray) -> float:
    """Sum of the products of whole lanes."""
    total = spread(0.0)
    for start in range(0, len(left), LANES):
        total = total + load(left, start) * load(right, start)
    return _sum(total)


@inner
def _sum(lanes: np.ndarray) -> float:
    """Sum of the lanes."""
    values, total = np.empty(LANES), 0.0
    store(lanes, values)
    for lane in range(LANES):
        total += values[lane]
    return total


@inner
def ahp(ranking: Ranking) -> float:
    """Mean of HP@1 .. HP@R: the gains so far over those of the ideal order."""
    if len(ranking.ranks) == 0:
        return np.nan
    at, ideal = ranking.at.ahp, ranking.ideal
    gains, lacking = np.empty(STRETCH, np.uint8), np.empty(STRETCH)
    first, gained, total = 0, 0, 0.0
    for start in range(0, at, STRETCH):
        first = _stretch(ranking, start, first, ranking.tables.gain, gains)
        sums, inverse = ideal.gained[start:], ideal.gained_inverse[start : start + STRETCH]
        for i in range(len(inverse)):
            gained += gains[i]
            lacking[i] = sums[i] - gained
        total += _product_sum(lacking[: len(inverse)], inverse)
    return 1.0 - total / at


@inner
def barz_ahp(ranking: Ranking) -> float:
    """AHP of Barz and Denzler: similarity by the lowest common class, area by trapezoids."""
    at, ideal = ranking.at.ahp, ranking.ideal
    if ideal.similar[0] == 0.0:
        return np.nan
    finest, lacking = np.empty(STRETCH, np.uint8), np.empty(STRETCH)
    first, gained, total, ends = 0, 0.0, 0.0, 0.0
    for start in range(0, at, STRETCH):
        first = _stretch(ranking, start, first, ranking.tables.finest, finest)
        sums, inverse = ideal.similar[start:], ideal.similar_inverse[start : start + STRETCH]
        for i in range(len(inverse)):
            gained += ideal.similarity[finest[i]]
            lacking[i] = sums[i] - gained
        total += _product_sum(lacking[: len(inverse)], inverse)
        if start == 0:
            ends = lacking[0] * inverse[0]
        if at <= start + STRETCH:
            ends += lacking[at - 1 - start] * inverse[at - 1 - start]
    return (at - 1 - (total - 0.5 * ends)) / at


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
        last = min(before + ranking.ideal.gains[gain], at)
        ideal += gain * (tables.discount_sum[last] - tables.discount_sum[before])
        before = last
    return dcg / ideal if ideal else np.nan


@inner
def ndcg_exponential(ranking: Ranking) -> float:
    """Gain 2^g - 1, discount 1 / log2(rank + 1), over the whole ranking."""
    tables, ideal, before = ranking.tables, 0.0, 0
    for gain in range(ranking.num_levels, 0, -1):
        last = before + ranking.ideal.gains[gain]
        ideal += ((1 << gain) - 1) * (tables.discount_sum[last] - tables.discount_sum[before])
        before = last
    return ranking.exponential / ideal if ideal else np.nan


@inner
def mean_ndcg_released(ranking: Ranking) -> float:
    """The released code's: its discounts, averaged over cut-offs 1 .. 100."""
    if len(ranking.ranks) == 0:
        return np.nan
    discount = ranking.tables.released_discount
    remaining, best = np.empty(ranking.num_levels + 1, np.int64), ranking.num_levels
    for gain in range(ranking.num_levels + 1):
        remaining[gain] = ranking.ideal.gains[gain]
    at = min(len(discount) - 1, ranking.num_items)
    gains = np.empty(at, np.uint8)
    _stretch(ranking, 0, 0, ranking.tables.gain, gains)
    dcg, ideal, total = 0.0, 0.0, 0.0
    for position in range(at):
        while remaining[best] == 0:
            best -= 1
        remaining[best] -= 1
        dcg += gains[position] * discount[position + 1]
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
    if len(ranking.ranks) == 0:
        return np.nan
    return _gained(ranking, ranking.at.precision) / ranking.at.precision


@inner
def weighted_recall(ranking: Ranking) -> float:
    """Gains of the first N items, over all gains."""
    if len(ranking.ranks) == 0:
        return np.nan
    gains, of_all = ranking.ideal.gains, 0
    for gain in range(1, len(gains)):
        of_all += gain * gains[gain]
    return _gained(ranking, ranking.at.precision) / of_all


@inner
def hap(ranking: Ranking) -> float:
    """H-AP of HAPPIER: AP whose hits count by relevance; alpha = 1.

    An item with gain g has relevance (g / K) / n_g, n_g the items of that gain. Its hierarchical
    rank is the sum, over itself and the items before it, of the smaller of the two relevances.
    """
    if len(ranking.ranks) == 0:
        return np.nan
    gains, of_all = ranking.ideal.gains, 0.0
    for gain in range(1, len(gains)):
        of_all += ranking.ideal.relevance[gain * LANES + gain - 1] * gains[gain]
    return ranking.shared_relevance / of_all


@inner
def asi(ranking: Ranking) -> float:
    """Mean over ranks 1 .. R of the set intersection with the ideal order; R items have a gain.

    The intersection at r: over gains, the smaller of the numbers of items of that gain among the
    first r of the ranking and among the first r of the ideal order; over r. Where the ideal order
    has come to gain b, that is all of the ranking above b, and of b what both have.
    """
    with_gain = len(ranking.ranks)
    if with_gain == 0:
        return np.nan
    gains, lacking, inverse = np.empty(STRETCH, np.uint8), np.empty(STRETCH), np.empty(STRETCH)
    ranked = np.zeros(ranking.num_levels + 1, np.int64)
    first, best, before, total = 0, ranking.num_levels + 1, 0, 0.0
    until = 0  # where the ideal order ends with gain ``best``, which is next
    for start in range(0, with_gain, STRETCH):
        first = _stretch(ranking, start, first, ranking.tables.gain, gains)
        end, position = min(start + STRETCH, with_gain), start
        while position < end:
            while position == until:
                best -= 1
                before, until = until, until + ranking.ideal.gains[best]
            stop = min(until, end)
            part = slice(position - start, stop - start)
            _lacks(gains[part], best, before, position, ranked, lacking[part])
            position = stop
        lacking[end - start :] = 0.0
        for i in range(STRETCH):
            inverse[i] = 1.0 / (start + i + 1)
        total += _product_sum(lacking, inverse)
    return 1.0 - total / with_gain


@inner
def _lacks(
    gains: np.ndarray,
    best: int,
    before: int,
    start: int,
    ranked: np.ndarray,
    lacking: np.ndarray,
) -> None:
    """Fill ``lacking`` from position ``start`` on: what the intersection lacks of all items there.

    The ideal order has ``before`` items above gain ``best``, which it has come to. ranked: items of
    each gain before ``start``; these are added.
    """
    above = 0
    for gain in range(best + 1, len(ranked)):
        above += ranked[gain]
    so_far = above + ranked[best]
    for i in range(len(gains)):
        above += gains[i] > best
        so_far += gains[i] >= best
        lacking[i] = max(start + i + 1 - so_far, before - above)
    for gain in range(1, len(ranked)):
        wanted, count = np.uint8(gain), np.uint16(0)
        for i in range(len(gains)):
            count += np.uint16(gains[i] == wanted)
        ranked[gain] += count

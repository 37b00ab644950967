"""Metrics of a ranking whose items are relevant or not: they agree at one level, or they do not."""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranking
from gluon_hash.retrieval.evaluation.kernels.sorting import count_up_to

__all__ = [
    "asi_at_level",
    "average_precision",
    "average_precision_at_level",
    "hit",
    "hit_at_level",
    "mean_asi_of_levels",
    "mean_average_precision_of_levels",
    "mean_hit_of_levels",
    "precision",
    "r_precision",
    "radius_precision",
    "radius_recall",
    "recall",
    "tie_average",
    "tie_best",
    "tie_worst",
]


@inner
def average_precision(ranking: Ranking) -> float:
    """AP at the finest level as the protocol has it: its cut, its divisor, its rule for no hit."""
    relevant, at = ranking.relevant, ranking.at.map
    hits, total = len(relevant), 0.0
    if hits and relevant[-1] > at:
        hits = _hits_within(ranking, at)
        for i in range(hits):
            total += (i + 1) / relevant[i]
    else:
        total = hits - ranking.misses[0]
    divisor = hits if ranking.rules.divides_by_hits else min(len(relevant), at)
    if divisor == 0:
        return 0.0 if ranking.rules.counts_no_hit else np.nan
    return total / divisor


@inner
def average_precision_at_level(ranking: Ranking, level: int) -> float:
    """AP over the whole ranking; NaN where nothing is relevant."""
    relevant = ranking.num_agreeing[level]
    return (relevant - ranking.misses[level]) / relevant if relevant else np.nan


@inner
def _hits_within(ranking: Ranking, last_rank: int) -> int:
    """Relevant items whose rank is ``last_rank`` or better."""
    return count_up_to(ranking.relevant, last_rank)


@inner
def precision(ranking: Ranking) -> float:
    """Relevant items among the first N, over N."""
    return _hits_within(ranking, ranking.at.precision) / ranking.at.precision


@inner
def recall(ranking: Ranking) -> float:
    """Relevant items among the first N, over all relevant items."""
    if len(ranking.relevant) == 0:
        return np.nan
    return _hits_within(ranking, ranking.at.precision) / len(ranking.relevant)


@inner
def radius_precision(ranking: Ranking) -> float:
    """Relevant items within the radius, over all items within it; nothing within it: 0."""
    return _hits_within(ranking, ranking.num_within) / max(ranking.num_within, 1)


@inner
def radius_recall(ranking: Ranking) -> float:
    """Relevant items within the radius, over all relevant items."""
    if len(ranking.relevant) == 0:
        return np.nan
    return _hits_within(ranking, ranking.num_within) / len(ranking.relevant)


@inner
def r_precision(ranking: Ranking) -> float:
    """Relevant items among the first R, over R, the number of relevant items."""
    if len(ranking.relevant) == 0:
        return np.nan
    return _hits_within(ranking, len(ranking.relevant)) / len(ranking.relevant)


@inner
def hit_at_level(ranking: Ranking, level: int) -> float:
    """1 if one of the first k items is relevant, else 0; NaN where nothing is relevant."""
    ranks, masks = ranking.ranks, ranking.masks
    for i in range(len(ranks)):
        if masks[i] >> level & 1:
            return 1.0 if ranks[i] <= ranking.at.hit else 0.0
    return np.nan


@inner
def hit(ranking: Ranking) -> float:
    """1 if one of the first k items is relevant at the finest level, else 0."""
    return hit_at_level(ranking, 0)


@inner
def asi_at_level(ranking: Ranking, level: int) -> float:
    """Mean of the precisions at ranks 1 .. R, R relevant items: the set intersection of DyML.

    A relevant item at rank r adds 1 / r + ... + 1 / R to the sum of the R precisions.
    """
    ranks, masks = ranking.ranks, ranking.masks
    relevant = int(ranking.num_agreeing[level])
    if relevant == 0:
        return np.nan
    harmonic, total = ranking.tables.harmonic, 0.0
    for i in range(len(ranks)):
        if ranks[i] > relevant:
            break
        if masks[i] >> level & 1:
            total += harmonic[relevant] - harmonic[ranks[i] - 1]
    return total / relevant


@inner
def mean_average_precision_of_levels(ranking: Ranking) -> float:
    """Mean over levels of AP; NaN where nothing is relevant at some level."""
    total = 0.0
    for level in range(ranking.num_levels):
        total += average_precision_at_level(ranking, level)
    return total / ranking.num_levels


@inner
def mean_asi_of_levels(ranking: Ranking) -> float:
    """Mean over levels of the set intersection; NaN where nothing is relevant at some level."""
    total = 0.0
    for level in range(ranking.num_levels):
        total += asi_at_level(ranking, level)
    return total / ranking.num_levels


@inner
def mean_hit_of_levels(ranking: Ranking) -> float:
    """Mean over levels of hit_at_level; NaN where nothing is relevant at some level."""
    total = 0.0
    for level in range(ranking.num_levels):
        total += hit_at_level(ranking, level)
    return total / ranking.num_levels


@inner
def tie_average(ranking: Ranking) -> float:
    """AP at the finest level, the mean over all orders of ties.

    n items at one distance, r of them relevant, follow N items of which R are relevant. A relevant
    item at place i of the n sees R + 1 + (i - 1) (r - 1) / (n - 1) relevant items, itself included,
    on average (McSherry and Najork 2008). With harmonic numbers H the sums over i are in closed
    form.
    """
    tied = ranking.tied
    harmonic, total, hits = ranking.tables.harmonic, 0.0, 0
    for group in range(len(tied)):
        before, n, r = tied[group]
        inverse = harmonic[before + n] - harmonic[before]  # sum of 1 / (N + i), i = 1..n
        slope = (r - 1) / (n - 1) if n > 1 else 0.0
        total += r / n * ((hits + 1) * inverse + slope * (n - (before + 1) * inverse))
        hits += r
    return total / hits if hits else np.nan


@inner
def tie_best(ranking: Ranking) -> float:
    """AP at the finest level when the relevant items come first among the tied."""
    tied = ranking.tied
    harmonic, total, hits = ranking.tables.harmonic, 0.0, 0
    for group in range(len(tied)):
        before, _, r = tied[group]
        total += r + (hits - before) * (harmonic[before + r] - harmonic[before])
        hits += r
    return total / hits if hits else np.nan


@inner
def tie_worst(ranking: Ranking) -> float:
    """AP at the finest level when the relevant items come last among the tied."""
    tied = ranking.tied
    harmonic, total, hits = ranking.tables.harmonic, 0.0, 0
    for group in range(len(tied)):
        before, n, r = tied[group]
        end = before + n
        total += r + (hits - end + r) * (harmonic[end] - harmonic[end - r])
        hits += r
    return total / hits if hits else np.nan

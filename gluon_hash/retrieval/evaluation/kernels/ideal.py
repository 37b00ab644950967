"""The best ranking that a query can have, which graded metrics are held against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.lanes import LANES

__all__ = ["Ideal", "make_ideal", "set_ideal"]


class Ideal(NamedTuple):
    """Of queries with which as many items agree in the same way; (L,): R, in whole lanes.

    The sums and their inverses are 0 beyond R, and where a sum is 0.
    """

    by_mask: np.ndarray  # int64 (2^K,) items of each agreement; of none: all others
    similarity: np.ndarray  # float64 (K + 1,) by the finest level that agrees
    gains: np.ndarray  # int64 (K + 1,) items by the number of levels at which they agree
    relevance: np.ndarray  # float64 ((K + 1) * LANES,) of H-AP: see set_relevance
    gained: np.ndarray  # float64 (L,) sums of the gains of the first r = 1 .. R
    gained_inverse: np.ndarray  # float64 (L,)
    similar: np.ndarray  # float64 (L,) sums of the similarities
    similar_inverse: np.ndarray  # float64 (L,)


@inner
def make_ideal(num_levels: int, length: int) -> Ideal:
    """Room for the ideal order of the first ``length`` items; it is of no query."""
    padded = -(-length // LANES) * LANES
    by_mask = np.empty(1 << num_levels, np.int64)
    by_mask[:] = -1
    return Ideal(
        by_mask,
        np.zeros(num_levels + 1),
        np.zeros(num_levels + 1, np.int64),
        np.zeros((num_levels + 1) * LANES),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
    )


@inner
def set_ideal(
    by_mask: np.ndarray,
    similarity: np.ndarray,
    gain: np.ndarray,
    finest: np.ndarray,
    counts_query: bool,
    length: int,
    ideal: Ideal,
) -> None:
    """Fill ``ideal``, unless it is filled already.

    by_mask, similarity: its; gain, finest: of Tables; counts_query: Rules.query_has_relevance;
    length: R.
    """
    same = True
    for mask in range(len(by_mask)):
        same &= ideal.by_mask[mask] == by_mask[mask]
    for level in range(len(similarity)):
        same &= ideal.similarity[level] == similarity[level]
    if same:
        return
    num_levels = len(similarity) - 1
    by_gain, by_finest = np.zeros(num_levels + 1, np.int64), np.zeros(num_levels + 1, np.int64)
    for mask in range(len(by_mask)):
        ideal.by_mask[mask] = by_mask[mask]
        by_gain[num_levels - gain[mask]] += by_mask[mask]
        by_finest[finest[mask]] += by_mask[mask]
    values = np.empty(num_levels + 1, np.float64)
    for level in range(num_levels + 1):
        ideal.similarity[level] = similarity[level]
        ideal.gains[level], values[level] = by_gain[num_levels - level], num_levels - level
    _set_relevance(ideal.gains, counts_query, ideal.relevance)
    _add_up(by_gain, values, length, ideal.gained, ideal.gained_inverse)
    _add_up(by_finest, ideal.similarity, length, ideal.similar, ideal.similar_inverse)


@inner
def _set_relevance(gains: np.ndarray, counts_query: bool, relevance: np.ndarray) -> None:
    """relevance[g * LANES + h - 1]: the smaller of those of gains g and h; of g: (g / K) / n_g."""
    num_levels = len(gains) - 1
    own = np.zeros(num_levels + 1)
    for gain in range(1, num_levels + 1):
        if gains[gain]:
            own[gain] = gain / num_levels / (gains[gain] + (gain == num_levels and counts_query))
    for gain in range(1, num_levels + 1):
        for other in range(1, num_levels + 1):
            relevance[gain * LANES + other - 1] = min(own[gain], own[other])


@inner
def _add_up(
    counts: np.ndarray, values: np.ndarray, length: int, sums: np.ndarray, inverses: np.ndarray
) -> None:
    """Fill ``sums`` of ``counts`` items of each of ``values``, in this order, and the inverses."""
    position, total = 0, 0.0
    for kind in range(len(counts)):
        for _ in range(min(counts[kind], length - position)):
            total += values[kind]
            sums[position] = total
            inverses[position] = 1.0 / total if total else 0.0
            position += 1

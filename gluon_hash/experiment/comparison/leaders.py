"""Which line of a comparison leads in a metric, and which are level with it.

Whoever names the best of many lines has looked at all of them, so the interval is that of all pairs
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gluon_hash.experiment.comparison.summary import Row, RowSummary
from gluon_hash.report.comparison_part import headline
from gluon_hash.retrieval.evaluation.confidence import resampled_means
from gluon_hash.retrieval.evaluation.searches import UNSEEN_RELATIVES

__all__ = ["Leader", "headline_of", "leaders"]

NUM_RESAMPLES, SEED = 1000, 24


@dataclass(frozen=True)
class Leader:
    """The best line of a metric.

    Parameters
    ----------
    metric : str
    num_bits : int
    name : str
    level : list of str
        Lines whose difference from it may be 0.
    num_lines : int
    percent : float
        With which all differences of all pairs lie in their intervals at once.
    """

    metric: str
    num_bits: int
    name: str
    level: list[str]
    num_lines: int
    percent: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def in_words(self) -> str:
        """A sentence.

        Examples
        --------
        >>> Leader("map", 48, "csq", ["dpn"], 3, 95.0).in_words()
        'map, 48 bits: csq leads; level with it: dpn (95 % for all pairs of 3 lines at once).'
        """
        level = f"; level with it: {', '.join(self.level)}" if self.level else ", alone"
        return (
            f"{self.metric}, {self.num_bits} bits: {self.name} leads{level} ({self.percent:g} % "
            f"for all pairs of {self.num_lines} lines at once)."
        )


def headline_of(search: str, rows: Sequence[RowSummary]) -> list[str]:
    """The metrics of the table of a search: of relatives, the superclass's mAP and mAHP."""
    if search != UNSEEN_RELATIVES:
        return headline(rows)
    return ["map_level_1", *(name for name in headline(rows) if name.startswith("mahp"))]


def leaders(rows: Sequence[Row], *, percent: float, metrics: Sequence[str] = ()) -> list[Leader]:
    """Who leads in each metric among the lines of equal length; nothing where there is one line.

    The differences of all pairs are bootstrapped over the same draws of the queries; each is held
    against a multiple of its standard deviation that all of them stay within in ``percent`` of the
    draws (a studentised maximum: it pays for the number of pairs, and knows that they go together).

    Parameters
    ----------
    rows : sequence of Row
        Of one search.
    percent : float
    metrics : sequence of str, optional
        Default: mAP of every level, mAHP and mean nDCG.

    Source: Westfall and Young 1993 (maximum statistic); Tukey for all pairs.
    """
    found = []
    for num_bits in dict.fromkeys(row.num_bits for row in rows):
        own = [row for row in rows if row.num_bits == num_bits]
        names = metrics or _metrics(own)
        found += [_leader(own, name, percent) for name in names if len(own) > 1]
    return found


def _metrics(rows: Sequence[Row]) -> list[str]:
    every = [name for name in rows[0].measured[0].names if _all_have(rows, name)]
    stems = ("map", "mahp", "mean_ndcg_released")
    chosen = [name for name in every if name.partition("@")[0] in stems]
    return [*chosen, *(name for name in every if name.startswith("map_level_"))]


def _all_have(rows: Sequence[Row], name: str) -> bool:
    return all(name in measured.names for row in rows for measured in row.measured)


def _leader(rows: Sequence[Row], metric: str, percent: float) -> Leader:
    values = np.stack(
        [np.mean([m.column(metric) for m in row.measured], axis=0) for row in rows], axis=1
    )
    means = np.nanmean(values, axis=0)
    drawn = resampled_means(values, num_resamples=NUM_RESAMPLES, seed=SEED)
    first, second = np.triu_indices(len(rows), 1)
    difference = means[first] - means[second]
    off = np.abs(drawn[:, first] - drawn[:, second] - difference)
    spread = np.sqrt(np.mean(off**2, axis=0))
    units = np.divide(off, spread, out=np.zeros_like(off), where=spread > 0)
    most = np.percentile(units.max(axis=1), percent)
    is_level = np.abs(difference) <= most * spread
    best = int(np.argmax(means))
    level = [
        rows[int(a + b - best)].name
        for a, b, equal in zip(first, second, is_level)
        if equal and best in (a, b)
    ]
    return Leader(metric, rows[0].num_bits, rows[best].name, level, len(rows), percent)

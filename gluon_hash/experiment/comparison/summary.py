"""Measured rankings of several networks, side by side.

Means over seeds, intervals over queries, differences to a reference that are paired by query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gluon_hash.hierarchy.unseen import PAPER
from gluon_hash.retrieval import Measured
from gluon_hash.retrieval.evaluation import bootstrap

__all__ = ["MetricSummary", "Row", "RowSummary", "summarize"]

Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One line of a comparison: what was measured.

    Parameters
    ----------
    name : str
    num_bits : int
    chosen : dict
        What was chosen on held-out images for this line alone, such as its learning rate.
    measured : sequence of Measured
        One per seed, of the same queries in the same order.
    runs : sequence of str
        Names of what was measured, one per seed.
    search : str
        What was searched: a key of gluon_hash.retrieval.evaluation.SEARCHES.

    Raises
    ------
    ValueError
        If seeds have different queries or metrics.
    """

    name: str
    num_bits: int
    chosen: Mapping[str, Any]
    measured: Sequence[Measured]
    runs: Sequence[str] = ()
    search: str = PAPER

    def __post_init__(self) -> None:
        first = self.measured[0]
        for other in self.measured[1:]:
            if other.names != first.names or len(other.values) != len(first.values):
                raise ValueError(
                    f"{self.name}, {self.num_bits} bits: one seed has {len(first.values)} queries "
                    f"and {len(first.names)} metrics, another {len(other.values)} and "
                    f"{len(other.names)}; measure all on the same queries with the same cut-offs"
                )

    def per_query(self) -> np.ndarray:
        """Every metric of every query, the mean over seeds: float64 (Q, M)."""
        return np.mean([measured.values for measured in self.measured], axis=0)


@dataclass(frozen=True)
class MetricSummary:
    """One metric of one line of a comparison.

    Parameters
    ----------
    mean : float
        Over seeds, of the means over queries.
    std_over_seeds : float or None
        n - 1; None of one seed.
    interval : (float, float)
        Of the mean over queries.
    difference : float or None
        To the reference of the same num_bits, paired by query; None of the reference itself, or
        where there is none.
    difference_interval : (float, float) or None
    """

    mean: float
    std_over_seeds: float | None
    interval: Interval
    difference: float | None
    difference_interval: Interval | None


@dataclass(frozen=True)
class RowSummary:
    """One line of a comparison as its tables and figures have it.

    Parameters
    ----------
    name, num_bits, chosen, runs, search :
        As of the Row.
    num_seeds : int
    metrics : dict of MetricSummary
        By name. A metric that no query has is left out.
    """

    name: str
    num_bits: int
    chosen: dict[str, Any]
    num_seeds: int
    runs: list[str]
    metrics: dict[str, MetricSummary]
    search: str = PAPER

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def summarize(rows: Sequence[Row], *, reference: str, percent: float) -> list[RowSummary]:
    """Means, their spread over seeds, their intervals over queries, differences to a reference.

    Parameters
    ----------
    rows : sequence of Row
    reference : str
        The name of the line (of the same num_bits) that the others are held against, query by
        query.
    percent : float
        Of the bootstrap intervals over queries, in (0, 100). They say how far other queries would
        move a value; the spread over seeds (standard deviation, n - 1) says how far another
        training would.

    Raises
    ------
    ValueError
        If no row is called ``reference``, or rows were measured on different numbers of queries.
    """
    if reference not in {row.name for row in rows}:
        raise ValueError(
            f"reference: expected one of {', '.join(dict.fromkeys(row.name for row in rows))}, got "
            f"{reference!r}"
        )
    if len({len(measured.values) for row in rows for measured in row.measured}) > 1:
        raise ValueError(
            "rows were measured on different numbers of queries; measure all on the same ones"
        )
    against = {row.num_bits: row for row in rows if row.name == reference}
    return [_summary(row, against.get(row.num_bits), percent) for row in rows]


def _summary(row: Row, reference: Row | None, percent: float) -> RowSummary:
    names, values = row.measured[0].names, row.per_query()
    by_seed = np.array([np.nanmean(measured.values, axis=0) for measured in row.measured])
    intervals = bootstrap(values, percent)
    difference, ends = np.full(values.shape, np.nan), np.full(intervals.shape, np.nan)
    if reference is not None and reference.name != row.name:
        difference = values - _columns(reference, names)
        ends = bootstrap(difference, percent)
    metrics = {
        name: MetricSummary(
            mean=float(by_seed[:, m].mean()),
            std_over_seeds=float(by_seed[:, m].std(ddof=1)) if len(by_seed) > 1 else None,
            interval=_interval(intervals[m]),
            difference=_finite_mean(difference[:, m]),
            difference_interval=None if np.isnan(ends[m]).any() else _interval(ends[m]),
        )
        for m, name in enumerate(names)
        if not np.isnan(values[:, m]).all()
    }
    runs, count = list(row.runs), len(row.measured)
    return RowSummary(row.name, row.num_bits, dict(row.chosen), count, runs, metrics, row.search)


def _columns(row: Row, names: Sequence[str]) -> np.ndarray:
    """The row's metrics in the order of ``names``, NaN where it has none (say, of a radius)."""
    own, values = row.measured[0].names, row.per_query()
    missing = np.full(len(values), np.nan)
    return np.stack(
        [values[:, own.index(name)] if name in own else missing for name in names], axis=1
    )


def _interval(ends: np.ndarray) -> Interval:
    return float(ends[0]), float(ends[1])


def _finite_mean(values: np.ndarray) -> float | None:
    """Mean over the queries that have a value; None if none has."""
    return None if np.isnan(values).all() else float(np.nanmean(values))

"""Measured rankings of several networks, side by side: means over seeds, intervals over queries,
paired differences."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays
from gluon_hash.errors import DataError
from gluon_hash.retrieval.evaluation.confidence import bootstrap
from gluon_hash.retrieval.evaluation.evaluate import Measured
from gluon_hash.retrieval.evaluation.protocols import Protocol

__all__ = ["Row", "load_measured", "save_measured", "summarize"]


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

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
    """

    name: str
    num_bits: int
    chosen: Mapping[str, Any]
    measured: Sequence[Measured]
    runs: Sequence[str] = ()

    def __post_init__(self) -> None:
        first = self.measured[0]
        for one in self.measured[1:]:
            if one.names != first.names or len(one.values) != len(first.values):
                raise ValueError(
                    f"{self.name}, {self.num_bits} bits: one seed has {len(first.values)} queries "
                    "and "
                    f"{len(first.names)} metrics, another {len(one.values)} and {len(one.names)}; "
                    "measure "
                    "all on the same queries with the same cut-offs"
                )

    def per_query(self) -> np.ndarray:
        """Every metric of every query, the mean over seeds: float64 (Q, M)."""
        return np.mean([one.values for one in self.measured], axis=0)


def summarize(rows: Sequence[Row], *, reference: str, percent: float) -> list[dict[str, Any]]:
    """Means, their spread over seeds, their intervals over queries, and the differences to a
    reference line.

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

    Returns
    -------
    list of dict
        JSON values, a dict a row: name, num_bits, chosen, num_seeds, runs and metrics: name ->
        mean, std_over_seeds (None of one seed), interval, difference and difference_interval (None
        of the reference, or where it has no such bits). A metric that no query has is left out.

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
    if len({len(one.values) for row in rows for one in row.measured}) > 1:
        raise ValueError(
            "rows were measured on different numbers of queries; measure all on the same ones"
        )
    against = {row.num_bits: row for row in rows if row.name == reference}
    return [_record(row, against.get(row.num_bits), percent) for row in rows]


def save_measured(measured: Measured, path: str | os.PathLike[str]) -> None:
    """Write every metric of every query as .npz, whole or not at all."""
    protocol = json.dumps(measured.protocol.to_dict())
    save_arrays(
        path,
        names=np.array(measured.names),
        values=measured.values,
        protocol=np.array(protocol),
        num_database=np.array(measured.num_database),
        seconds=np.array(measured.seconds),
    )


def load_measured(path: str | os.PathLike[str]) -> Measured:
    """Read what save_measured wrote; DataError if it is damaged."""
    arrays = load_arrays(path, ("names", "values", "num_database", "protocol", "seconds"))
    names, values = tuple(str(name) for name in arrays["names"]), arrays["values"]
    if values.ndim != 2 or values.shape[1] != len(names):
        raise DataError(
            f"expected a column for each of {len(names)} metrics, got shape {values.shape}",
            path=path,
        )
    return Measured(
        names,
        values,
        int(arrays["num_database"]),
        Protocol(**json.loads(str(arrays["protocol"]))),
        float(arrays["seconds"]),
    )


def _record(row: Row, reference: Row | None, percent: float) -> dict[str, Any]:
    names, values = row.measured[0].names, row.per_query()
    by_seed = np.array([np.nanmean(one.values, axis=0) for one in row.measured])
    intervals = bootstrap(values, percent)
    compared = reference is not None and reference.name != row.name
    difference = values - _columns(reference, names) if compared and reference is not None else None
    ends = None if difference is None else bootstrap(difference, percent)
    metrics = {
        name: {
            "mean": float(by_seed[:, m].mean()),
            "std_over_seeds": float(by_seed[:, m].std(ddof=1)) if len(by_seed) > 1 else None,
            "interval": intervals[m].tolist(),
            "difference": None if difference is None else _finite_mean(difference[:, m]),
            "difference_interval": None
            if ends is None or np.isnan(ends[m]).any()
            else ends[m].tolist(),
        }
        for m, name in enumerate(names)
        if not np.isnan(values[:, m]).all()
    }
    return {
        "name": row.name,
        "num_bits": row.num_bits,
        "chosen": dict(row.chosen),
        "num_seeds": len(row.measured),
        "runs": list(row.runs),
        "metrics": metrics,
    }


def _columns(row: Row, names: Sequence[str]) -> np.ndarray:
    """The row's metrics in the order of ``names``, NaN where it has none (a radius exists for codes
    alone)."""
    own, values = row.measured[0].names, row.per_query()
    return np.stack(
        [
            values[:, own.index(name)] if name in own else np.full(len(values), np.nan)
            for name in names
        ],
        axis=1,
    )


def _finite_mean(values: np.ndarray) -> float | None:
    """Mean over the queries that have a value; None if none has."""
    return None if np.isnan(values).all() else float(np.nanmean(values))

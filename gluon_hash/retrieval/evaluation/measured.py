"""Measured: every metric of every query, their means, and their file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays, scalar
from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, parse_json
from gluon_hash.retrieval.evaluation.confidence import bootstrap
from gluon_hash.retrieval.evaluation.kernels.table import missing_metrics
from gluon_hash.retrieval.evaluation.protocols import Protocol

__all__ = ["Measured"]


@dataclass(frozen=True)
class Measured:
    """Every metric of every query.

    Parameters
    ----------
    names : tuple of M str
        In printing order.
    values : float64, shape (Q, M)
        NaN: the query is left out of that mean.
    num_database : int
        Items that were ranked for a query.
    protocol : Protocol
        The rules, with the cut-offs that were asked for.
    seconds : float
    """

    names: tuple[str, ...]
    values: np.ndarray
    num_database: int
    protocol: Protocol
    seconds: float

    def column(self, name: str) -> np.ndarray:
        """The values of one metric: float64 (Q,)."""
        return self.values[:, self.names.index(name)]

    def summary(self, confidence: float | None = None) -> dict[str, Any]:
        """Means over queries, as evaluate returns them.

        Parameters
        ----------
        confidence : float, optional
            Percentage of bootstrap intervals, added as ``confidence``.
        """
        result: dict[str, Any] = {name: _mean(self.column(name)) for name in self.names}
        result.update(
            num_queries=len(self.values),
            num_database=self.num_database,
            seconds=round(self.seconds, 3),
            num_queries_without_relevant=int(np.isnan(self.column("map_tie_averaged")).sum()),
            protocol=self.protocol.to_dict(),
        )
        if confidence is not None:
            ends = bootstrap(self.values, confidence).tolist()
            result["confidence"] = {"percent": confidence, **dict(zip(self.names, ends))}
        return result

    def is_complete(self) -> bool:
        """Whether it has every metric of this version; a file of an older one may lack some."""
        return not missing_metrics(self.names, self.protocol.name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write every metric of every query as .npz, whole or not at all."""
        save_arrays(
            path,
            names=np.array(self.names),
            values=self.values,
            protocol=np.array(json.dumps(self.protocol.to_dict())),
            num_database=np.array(self.num_database),
            seconds=np.array(self.seconds),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measured:
        """Read what ``save`` wrote; DataError if it is damaged."""
        arrays = load_arrays(path, ("names", "values", "num_database", "protocol", "seconds"))
        names, values = arrays["names"], arrays["values"]
        if names.ndim != 1 or names.dtype.kind != "U" or values.dtype != np.float64:
            raise DataError(
                f"expected names of metrics and float64 values, got {names.dtype} {names.shape} "
                f"and {values.dtype} {values.shape}",
                path=path,
            )
        if values.ndim != 2 or values.shape[1] != len(names):
            raise DataError(
                f"expected a column for each of {len(names)} metrics, got shape {values.shape}",
                path=path,
            )
        protocol = parse_json(scalar(arrays, "protocol", str, path), path)
        return cls(
            tuple(names.tolist()),
            values,
            scalar(arrays, "num_database", int, path),
            as_schema(protocol, Protocol, path),  # a rule of an older version is left out
            scalar(arrays, "seconds", float, path),
        )


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are defined; NaN if none is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")

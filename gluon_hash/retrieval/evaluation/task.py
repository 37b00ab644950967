"""What an evaluation computes, apart from how items are ranked."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.kernels.table import columns, num_columns
from gluon_hash.retrieval.evaluation.labels import similarity_by_level
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import Protocol

__all__ = ["Task"]


class Task:
    """What is measured, whatever the distances: cut-offs, rules, what is left out.

    Parameters
    ----------
    query_labels : int32, shape (Q, K)
    num_database : int
    cutoffs : Cutoffs
    protocol : Protocol
    hierarchy : Hierarchy or None
    excluded : int, shape (Q,), or None
        As measure.

    Raises
    ------
    ValueError
        If nothing is left to be ranked.
    """

    def __init__(
        self,
        query_labels: np.ndarray,
        num_database: int,
        cutoffs: Cutoffs,
        protocol: Protocol,
        hierarchy: Hierarchy | None,
        excluded: np.ndarray | None,
    ) -> None:
        self.num_levels = query_labels.shape[1]
        none = np.full(len(query_labels), -1)
        self.excluded = (none if excluded is None else excluded).astype(np.int64)
        num_ranked = num_database - int(self.excluded.max() >= 0)
        if num_ranked < 1:
            raise ValueError(
                "expected at least 2 images when a query is left out of its own ranking, got 1"
            )
        self.ranks = cutoffs.ranks(protocol, num_ranked)
        self.protocol = protocol.cut_at(cutoffs.map, cutoffs.ahp)
        self.similarity = similarity_by_level(query_labels, hierarchy)

    def measured(self, rows_of: Callable[[np.ndarray], np.ndarray], *, radius: bool) -> Measured:
        """The rows that ``rows_of`` gives for the wanted columns, under their names."""
        started = time.perf_counter()
        num_levels = self.num_levels
        cut, name = self.protocol.map_at is not None, self.protocol.name
        column_of = columns(num_levels, self.ranks, cut, name, radius)
        wanted = np.zeros(num_columns(num_levels), np.bool_)
        wanted[list(column_of.values())] = True
        values = rows_of(wanted)
        headline = self.protocol.prints_first
        names = sorted(column_of, key=lambda metric: metric.partition("@")[0] != headline)
        return Measured(
            tuple(names),
            np.ascontiguousarray(values[:, [column_of[metric] for metric in names]]),
            self.ranks.num_ranked,
            self.protocol,
            time.perf_counter() - started,
        )

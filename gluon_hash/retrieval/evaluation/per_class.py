"""Metrics by class of the query, at every level."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gluon_hash.files import atomic_write_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.evaluation.measured import Measured

__all__ = ["ClassResult", "per_class", "write_per_class"]


@dataclass(frozen=True)
class ClassResult:
    """The means over the queries of one class.

    Parameters
    ----------
    level, label : int
        The class ``label`` of a level, 0 the finest.
    level_name, class_name : str
        Empty without a hierarchy.
    num_queries, num_database : int
        Images of the class among the queries and in the database.
    metrics : dict of float
        By name, as Measured.names; NaN where no query of the class has the metric.
    """

    level: int
    level_name: str
    label: int
    class_name: str
    num_queries: int
    num_database: int
    metrics: dict[str, float]


def per_class(
    measured: Measured,
    query_labels: np.ndarray,
    database_labels: np.ndarray | Sequence[Mapping[int, int]],
    hierarchy: Hierarchy | None = None,
) -> list[ClassResult]:
    """The mean of every metric over the queries of each class, level by level.

    Parameters
    ----------
    measured : Measured
        Of these queries in this order.
    query_labels : int32, shape (Q, K)
    database_labels : int32, shape (N, K), or a sequence of K mappings
        Mappings: label -> images of it in the database, at each level.
    hierarchy : Hierarchy, optional
        Names the classes.

    Returns
    -------
    list of ClassResult
        Classes of at least one query, ascending; the finest level first.

    Raises
    ------
    ValueError
        If ``measured`` is of another number of queries.
    """
    if len(measured.values) != len(query_labels):
        raise ValueError(
            f"expected labels of the {len(measured.values)} queries measured, got "
            f"{len(query_labels)}"
        )
    defined = ~np.isnan(measured.values)
    filled = np.where(defined, measured.values, 0.0)
    results = []
    for level in range(query_labels.shape[1]):
        if isinstance(database_labels, np.ndarray):
            in_database = dict(zip(*np.unique(database_labels[:, level], return_counts=True)))
        else:
            in_database = dict(database_labels[level])
        classes, number, num_queries = np.unique(
            query_labels[:, level], return_inverse=True, return_counts=True
        )
        total, count = np.zeros((2, len(classes), len(measured.names)))
        np.add.at(total, number, filled)
        np.add.at(count, number, defined)
        undefined = np.full(total.shape, np.nan)
        means = np.divide(total, count, out=undefined, where=count > 0)
        for row, label in enumerate(classes.tolist()):
            results.append(
                ClassResult(
                    level,
                    "" if hierarchy is None else hierarchy.level_names[level],
                    label,
                    "" if hierarchy is None else hierarchy.class_names[level][label],
                    int(num_queries[row]),
                    int(in_database.get(label, 0)),
                    dict(zip(measured.names, means[row].tolist())),
                )
            )
    return results


def write_per_class(results: Sequence[ClassResult], path: str | os.PathLike[str]) -> None:
    """Write results of per_class as CSV, a line for each class, whole or not at all.

    The columns are those of ClassResult, then the metrics; a metric that is undefined is empty.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ["level", "level_name", "label", "class_name", "num_queries", "num_database"]
    writer.writerow([*head, *results[0].metrics])
    for result in results:
        values = ["" if np.isnan(value) else value for value in result.metrics.values()]
        writer.writerow([*(getattr(result, name) for name in head), *values])
    atomic_write_text(path, stream.getvalue())

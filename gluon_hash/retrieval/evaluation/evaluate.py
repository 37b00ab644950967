"""Two CodeTables, or any distances, to the metrics of the field: per query, or averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable
from gluon_hash.retrieval.evaluation import ranking
from gluon_hash.retrieval.evaluation.advice import advise
from gluon_hash.retrieval.evaluation.blocks import query_blocks
from gluon_hash.retrieval.evaluation.curves import Curves, curve_ranks, curves, curves_from_counts
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.labels import check_labels, own_positions
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import get_protocol
from gluon_hash.retrieval.evaluation.task import Task

__all__ = ["evaluate", "leave_one_out", "measure", "measure_and_draw", "measure_by_distance"]

VALUES_AT_A_TIME = 1 << 24  # of given distances: bounds the memory


def evaluate(
    query: CodeTable,
    database: CodeTable,
    *,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
    confidence: float | None = None,
) -> dict[str, Any]:
    """Rank the database for every query by Hamming distance and average the metrics.

    Ties are ranked by database position; ``map_tie_averaged`` is the mean over all orders of ties,
    and ``map_tie_best`` and ``map_tie_worst`` those of the best and the worst. A query with nothing
    relevant in the database is left out of the means (``num_queries_without_relevant`` counts them)
    unless the protocol says otherwise; one with nothing within the radius counts as precision 0.
    What looks like a mistake (advise) is said on stderr.

    Parameters
    ----------
    query, database : CodeTable
        With the same num_bits and number of levels.
    cutoffs : Cutoffs
        Where the metrics stop; the names of the metrics say it.
    protocol : str
        A name of gluon_hash.retrieval.PROTOCOLS: how ``map`` is computed.
    hierarchy : Hierarchy, optional
        Checked against the labels of both; gives Barz's AHP its heights (default: one step a
        level).
    confidence : float, optional
        Percentage of bootstrap intervals over queries.

    Returns
    -------
    dict
        The means, by the names in the table of docs/retrieval.md, such as ``map``, ``map_level_1``,
        ``mahp@2500``; then ``num_queries``, ``num_database``, ``seconds``,
        ``num_queries_without_relevant``, ``protocol`` (its rules), and ``confidence`` if asked for.

    Raises
    ------
    ValueError
        If bits or levels differ, a table is empty, or there is no such protocol.
    DataError
        If labels are not in the hierarchy.

    Source: arXiv:1901.11259 for mAHP (Deng et al. 2011 for HP); of the others see
    gluon_hash.retrieval.metrics.
    """
    measured = measure(query, database, cutoffs=cutoffs, protocol=protocol, hierarchy=hierarchy)
    for text in advise(query, database, measured, hierarchy):
        log(f"warning: {text}")
    return measured.summary(confidence)


def leave_one_out(
    table: CodeTable,
    *,
    cutoffs: Cutoffs = Cutoffs(ahp=250),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
    confidence: float | None = None,
) -> dict[str, Any]:
    """Every image as a query against all the others of the same table; the rest as evaluate."""
    return measure(
        table,
        table,
        cutoffs=cutoffs,
        protocol=protocol,
        hierarchy=hierarchy,
        excluded=np.arange(len(table)),
    ).summary(confidence)


def measure(
    query: CodeTable,
    database: CodeTable,
    *,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
    excluded: np.ndarray | None = None,
) -> Measured:
    """Every metric of every query; as evaluate.

    Parameters
    ----------
    excluded : int64, shape (Q,), optional
        Position in the database that a query's ranking leaves out; -1: none. Default: none; of a
        protocol that leaves the query out, the item with the query's id.
    """
    counts = ranking.no_counts(query.num_bits)
    return _measure(query, database, cutoffs, protocol, hierarchy, excluded, counts)


def measure_and_draw(
    query: CodeTable,
    database: CodeTable,
    *,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
) -> tuple[Measured, Curves]:
    """What measure and curves return, of one ranking; arguments and errors as theirs.

    Curves are of all images: where a protocol leaves the query out, they are ranked again.
    """
    if get_protocol(protocol).query_excluded:
        measured = measure(query, database, cutoffs=cutoffs, protocol=protocol, hierarchy=hierarchy)
        return measured, curves(query, database)
    counts = ranking.make_counts(len(query), query.num_bits, curve_ranks(len(database)))
    measured = _measure(query, database, cutoffs, protocol, hierarchy, None, counts)
    return measured, curves_from_counts(*counts)


def _measure(
    query: CodeTable,
    database: CodeTable,
    cutoffs: Cutoffs,
    protocol: str,
    hierarchy: Hierarchy | None,
    excluded: np.ndarray | None,
    counts: ranking.Counts,
) -> Measured:
    rules = get_protocol(protocol)
    check_comparable(query, database)
    if excluded is None and rules.query_excluded:
        excluded = own_positions(query, database)
    check_labels(query.level_labels, database.level_labels, hierarchy)
    task = Task(query.level_labels, len(database), cutoffs, rules, hierarchy, excluded)
    return task.measured(
        lambda wanted: np.concatenate(
            [
                ranking.measure_rankings(
                    query.codes[block],
                    database.codes,
                    query.level_labels[block],
                    database.level_labels,
                    task.excluded[block],
                    query.num_bits,
                    task.similarity[block],
                    task.ranks,
                    rules.rules(),
                    wanted,
                    ranking.some_counts(counts, block),
                )
                for block in query_blocks(len(query), len(database), "measure")
            ]
        ),
        radius=True,
    )


def measure_by_distance(
    distances_of: Callable[[slice], np.ndarray],
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    *,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
    excluded: np.ndarray | None = None,
) -> Measured:
    """Every metric of every query, ranked by distances of any kind, such as those of features.

    Parameters
    ----------
    distances_of : callable
        Distances of a slice of the queries to the whole database: float (q, N), not NaN; small is
        near.
    query_labels, database_labels : int32, shape (Q, K) and (N, K)
    excluded : int64, shape (Q,), optional
        As measure; there are no ids here, so a protocol that leaves the query out needs it.
    others :
        As evaluate. Equal distances are ties, as there. The metrics of a radius do not exist.

    Raises
    ------
    ValueError
        As evaluate; or if a distance is NaN, or ``excluded`` is missing.
    """
    rules = get_protocol(protocol)
    if excluded is None and rules.query_excluded:
        raise ValueError(
            f"protocol {protocol} leaves each query out of its own ranking: give `excluded`"
        )
    check_labels(query_labels, database_labels, hierarchy)
    task = Task(query_labels, len(database_labels), cutoffs, rules, hierarchy, excluded)
    sizes = len(query_labels), len(database_labels)
    return task.measured(
        lambda wanted: np.concatenate(
            [
                ranking.measure_distances(
                    _defined(distances_of(block)),
                    query_labels[block],
                    database_labels,
                    task.excluded[block],
                    task.similarity[block],
                    task.ranks,
                    rules.rules(),
                    wanted,
                )
                for block in query_blocks(*sizes, "measure", VALUES_AT_A_TIME)
            ]
        ),
        radius=False,
    )


def _defined(distances: np.ndarray) -> np.ndarray:
    if np.isnan(distances).any():
        raise ValueError("a distance is NaN; are the features finite?")
    return distances

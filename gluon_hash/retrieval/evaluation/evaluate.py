"""Two CodeTables (or any distances) -> the metrics of the field, a value per query or averaged over
queries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.similarity import lcs_height_by_level
from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable
from gluon_hash.retrieval.evaluation import ranking
from gluon_hash.retrieval.evaluation.confidence import bootstrap
from gluon_hash.retrieval.evaluation.kernels import FIXED_COLUMNS, RELEASED_CUTOFFS
from gluon_hash.retrieval.evaluation.protocols import Protocol, get_protocol
from gluon_hash.retrieval.evaluation.ranking import Cutoffs

__all__ = [
    "Measured",
    "evaluate",
    "leave_one_out",
    "measure",
    "measure_by_distance",
    "positions_of",
]

MAX_LEVELS = 8
VALUES_AT_A_TIME = 1 << 24  # of given distances: bounds the memory


@dataclass(frozen=True)
class Measured:
    """Every metric of every query.

    Parameters
    ----------
    names : tuple of M str
    values : float64, shape (Q, M)
        NaN: the query is left out of that mean.
    num_database : int
        Items that were ranked for a query.
    protocol : Protocol
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
        """Means over queries as evaluate returns them, with bootstrap intervals if a percentage is
        given."""
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


def evaluate(
    query: CodeTable,
    database: CodeTable,
    *,
    hierarchy: Hierarchy | None = None,
    protocol: str = "standard",
    map_at: int | None = None,
    ahp_at: int | None = None,
    ndcg_at: int = 100,
    precision_at: int = 100,
    radius: int = 2,
    confidence: float | None = None,
) -> dict[str, Any]:
    """Rank the database for every query by Hamming distance and average the metrics.

    Ties are ranked by database position; ``map_tie_averaged`` is the mean over all orders of ties,
    and ``map_tie_best`` and ``map_tie_worst`` those of the best and the worst. A query with nothing
    relevant in the database is left out of the means (``num_queries_without_relevant`` counts them)
    unless the protocol says otherwise; one with nothing within ``radius`` counts as precision 0.

    Parameters
    ----------
    query, database : CodeTable
        With the same num_bits and number of levels.
    hierarchy : Hierarchy, optional
        Checked against the labels of both; gives Barz's AHP its heights (default: one step a
        level).
    protocol : str
        A name of gluon_hash.retrieval.evaluation.protocols.PROTOCOLS: how ``map`` is computed.
    map_at, ahp_at : int, optional
        Cut-offs of ``map`` and mAHP; default: the protocol's.
    ndcg_at, precision_at : int
        Cut-offs; one larger than the database is cut to it, and the name of the metric then says
        so.
    radius : int
        In bits.
    confidence : float, optional
        Percentage of bootstrap intervals over queries.

    Returns
    -------
    dict
        ``map`` (finest level; ``map@R`` if cut), ``map_level_1`` ..., ``map_tie_averaged``,
        ``map_tie_best``, ``map_tie_worst``, ``mahp@R``, ``mahp_barz@R``, ``ndcg@R``,
        ``mean_ndcg_released@100``, ``precision@N``, ``recall@N``, ``acg@N``, ``weighted_recall@N``,
        ``precision_radius_2``, ``recall_radius_2``, ``num_queries``,
        ``num_queries_without_relevant``, ``num_database``, ``seconds``, ``protocol`` (its rules),
        ``confidence``.

    Raises
    ------
    ValueError
        If bits or levels differ, a table is empty, a cut-off is not positive or there is no such
        protocol.
    DataError
        If labels are not in the hierarchy.

    Source: arXiv:1901.11259 for mAHP (Deng et al. 2011 for HP); see
    gluon_hash.retrieval.evaluation.metrics.
    """
    return measure(
        query,
        database,
        hierarchy=hierarchy,
        protocol=protocol,
        map_at=map_at,
        ahp_at=ahp_at,
        ndcg_at=ndcg_at,
        precision_at=precision_at,
        radius=radius,
    ).summary(confidence)


def leave_one_out(
    table: CodeTable, *, ahp_at: int = 250, confidence: float | None = None, **options: Any
) -> dict[str, Any]:
    """Every image as a query against all the others of the same table; ``options`` as of
    evaluate."""
    return measure(table, table, excluded=np.arange(len(table)), ahp_at=ahp_at, **options).summary(
        confidence
    )


def measure(
    query: CodeTable,
    database: CodeTable,
    *,
    hierarchy: Hierarchy | None = None,
    protocol: str = "standard",
    map_at: int | None = None,
    ahp_at: int | None = None,
    ndcg_at: int = 100,
    precision_at: int = 100,
    radius: int = 2,
    excluded: np.ndarray | None = None,
) -> Measured:
    """Every metric of every query; as evaluate.

    Parameters
    ----------
    excluded : int64, shape (Q,), optional
        Position in the database that a query's ranking leaves out. Default: none; of a protocol
        that leaves the query out, the item with the query's id.
    """
    rules = get_protocol(protocol).cut_at(map_at, ahp_at)
    check_comparable(query, database)
    _check_labels(query.level_labels, database.level_labels, hierarchy)
    if excluded is None:
        excluded = (
            positions_of(query.ids, database.ids)
            if rules.query_excluded
            else np.full(len(query), -1)
        )
    num_ranked = len(database) - int(excluded.max() >= 0)
    at = _cutoffs(rules, num_ranked, ndcg_at, precision_at, radius)
    started = time.perf_counter()
    values = ranking.measure_rankings(
        query.codes,
        database.codes,
        query.level_labels,
        database.level_labels,
        excluded.astype(np.int64),
        query.num_bits,
        _similarity(query.level_labels, hierarchy),
        at,
    )
    return _measured(values, query.level_labels.shape[1], num_ranked, rules, at, started)


def measure_by_distance(
    distances_of: Callable[[slice], np.ndarray],
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    *,
    hierarchy: Hierarchy | None = None,
    protocol: str = "standard",
    map_at: int | None = None,
    ahp_at: int | None = None,
    ndcg_at: int = 100,
    precision_at: int = 100,
    excluded: np.ndarray | None = None,
) -> Measured:
    """Every metric of every query, ranked by distances of any kind, such as those of real-valued
    features.

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
    rules, num_items = get_protocol(protocol).cut_at(map_at, ahp_at), len(database_labels)
    _check_labels(query_labels, database_labels, hierarchy)
    if excluded is None:
        if rules.query_excluded:
            raise ValueError(
                f"protocol {protocol} leaves each query out of its own ranking: give `excluded`"
            )
        excluded = np.full(len(query_labels), -1)
    num_ranked = num_items - int(excluded.max() >= 0)
    at = _cutoffs(rules, num_ranked, ndcg_at, precision_at, 0)
    started = time.perf_counter()
    similarity = _similarity(query_labels, hierarchy)
    count = max(1, VALUES_AT_A_TIME // num_items)
    blocks = [slice(start, start + count) for start in range(0, len(query_labels), count)]
    values = np.concatenate(
        [
            ranking.measure_distances(
                _defined(distances_of(block)),
                query_labels[block],
                database_labels,
                excluded[block].astype(np.int64),
                similarity[block],
                at,
            )
            for block in blocks
        ]
    )
    return _measured(values, query_labels.shape[1], num_ranked, rules, at, started)


def _measured(
    values: np.ndarray,
    num_levels: int,
    num_ranked: int,
    rules: Protocol,
    at: Cutoffs,
    started: float,
) -> Measured:
    """The columns of the kernels under their names."""
    column = {name: values[:, num_levels + place] for place, name in enumerate(FIXED_COLUMNS)}
    average_precision = rules.average_precision(
        column["precision_sum"], column["hits"], column["num_relevant"]
    )
    named = {
        "map" if rules.map_at is None else f"map@{at.map}": average_precision,
        **{f"map_level_{k}": values[:, k] for k in range(1, num_levels)},
        "map_tie_averaged": column["tie_mean"],
        "map_tie_best": column["tie_best"],
        "map_tie_worst": column["tie_worst"],
        f"mahp@{at.ahp}": column["ahp"],
        f"mahp_barz@{at.ahp}": column["barz_ahp"],
        f"ndcg@{at.ndcg}": column["ndcg"],
        f"mean_ndcg_released@{min(RELEASED_CUTOFFS, num_ranked)}": column["mean_ndcg"],
        f"precision@{at.precision}": column["precision"],
        f"recall@{at.precision}": column["recall"],
        f"acg@{at.precision}": column["acg"],
        f"weighted_recall@{at.precision}": column["weighted_recall"],
        f"precision_radius_{at.radius}": column["radius_precision"],
        f"recall_radius_{at.radius}": column["radius_recall"],
    }
    known = {
        name: found
        for name, found in named.items()
        if not ("_radius_" in name and np.isnan(column["radius_precision"]).all())
    }
    return Measured(
        tuple(known),
        np.stack(list(known.values()), axis=1),
        num_ranked,
        rules,
        time.perf_counter() - started,
    )


def _cutoffs(
    rules: Protocol, num_ranked: int, ndcg_at: int, precision_at: int, radius: int
) -> Cutoffs:
    wanted = [
        num_ranked if rules.map_at is None else rules.map_at,
        rules.ahp_at,
        ndcg_at,
        precision_at,
    ]
    if num_ranked < 1:
        raise ValueError(
            "expected at least 2 images when a query is left out of its own ranking, got 1"
        )
    if min(wanted) < 1 or radius < 0:
        raise ValueError(f"cut-offs must be >= 1 and the radius >= 0, got {wanted} and {radius}")
    return Cutoffs._make([*(min(at, num_ranked) for at in wanted), radius])


def _similarity(query_labels: np.ndarray, hierarchy: Hierarchy | None) -> np.ndarray:
    """Of each query to an item, by the finest level at which they agree: float64 (Q, K + 1)."""
    num_levels = query_labels.shape[1]
    if hierarchy is not None:
        return lcs_height_by_level(hierarchy)[query_labels[:, 0]]
    return np.tile(1.0 - np.arange(num_levels + 1) / num_levels, (len(query_labels), 1))


def positions_of(query_ids: np.ndarray, database_ids: np.ndarray) -> np.ndarray:
    """Where in the database each query's id stands."""
    order = np.argsort(database_ids)
    place = np.minimum(
        np.searchsorted(database_ids, query_ids, sorter=order), len(database_ids) - 1
    )
    found = order[place]
    missing = np.flatnonzero(database_ids[found] != query_ids)
    if len(missing):
        raise ValueError(
            "this protocol searches each query among the other images of one table, but the query "
            "id "
            f"{query_ids[missing[0]]} is not in the database; give the same codes for both"
        )
    return found


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are defined; NaN if none is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _defined(distances: np.ndarray) -> np.ndarray:
    if np.isnan(distances).any():
        raise ValueError("a distance is NaN; are the features finite?")
    return distances


def _check_labels(
    query_labels: np.ndarray, database_labels: np.ndarray, hierarchy: Hierarchy | None
) -> None:
    """ValueError unless there are labels of the same levels on both sides; DataError if not of the
    hierarchy."""
    levels = query_labels.shape[1]
    if levels != database_labels.shape[1] or levels > MAX_LEVELS:
        raise ValueError(
            f"query labels have {levels} levels, database labels {database_labels.shape[1]}; "
            f"expected the same number, at most {MAX_LEVELS}"
        )
    if not len(query_labels) or not len(database_labels):
        raise ValueError(
            f"expected at least one query and one database image, got {len(query_labels)} and "
            f"{len(database_labels)}"
        )
    for side, labels in (("query", query_labels), ("database", database_labels)):
        if labels.min() < 0:
            raise ValueError(
                f"a {side} image lacks a label (-1 at a level) and cannot be judged; leave it out"
            )
    if hierarchy is not None:
        hierarchy.check_level_labels(query_labels)
        hierarchy.check_level_labels(database_labels)

"""Two CodeTables -> the metrics of the field, averaged over queries."""
from __future__ import annotations

import time
from typing import Optional

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import ranking
from gluon_hash.retrieval.tables import CodeTable

__all__ = ["evaluate", "leave_one_out"]

MAX_LEVELS = 8


def evaluate(query: CodeTable, database: CodeTable, *, hierarchy: Optional[Hierarchy] = None, ahp_at: int = 2500,
             ndcg_at: int = 100, precision_at: int = 100, radius: int = 2) -> dict[str, float]:
    """Rank the database for every query by Hamming distance and average the metrics.

    Ties are ranked by database position; ``map_tie_averaged`` is the mean over all orders of ties, and
    ``map_tie_best`` and ``map_tie_worst`` those of the best and the worst. A query with nothing relevant in the
    database is left out of the means (``num_queries_without_relevant`` counts them); one with nothing within
    ``radius`` counts as precision 0.

    Parameters
    ----------
    query, database : CodeTable
        With the same num_bits and number of levels.
    hierarchy : Hierarchy, optional
        Checked against the labels of both.
    ahp_at, ndcg_at, precision_at : int
        Cut-offs of mAHP, nDCG, precision and recall; a larger one than the database is cut to it, and the
        name of the metric then says so.
    radius : int
        In bits.

    Returns
    -------
    dict
        ``map`` (finest level, whole ranking), ``map_level_1`` ..., ``map_tie_averaged``, ``map_tie_best``,
        ``map_tie_worst``, ``mahp@R``, ``ndcg@R``, ``mean_ndcg_released@100``, ``precision@N``, ``recall@N``,
        ``precision_radius_2``, ``num_queries``, ``num_queries_without_relevant``, ``num_database``, ``seconds``.

    Raises
    ------
    ValueError
        If bits or levels differ, a table is empty or a cut-off is not positive.
    DataError
        If labels are not in the hierarchy.

    Source: arXiv:1901.11259 for mAHP (Deng et al. 2011 for HP); see gluon_hash.retrieval.metrics.
    """
    _check(query, database, hierarchy)
    return _evaluate(query, database, np.full(len(query), -1), len(database), ahp_at, ndcg_at, precision_at, radius)


def leave_one_out(table: CodeTable, *, ahp_at: int = 250, ndcg_at: int = 100, precision_at: int = 100,
                  radius: int = 2) -> dict[str, float]:
    """Every image as a query against all the others of the same table; as evaluate, without the query itself."""
    _check(table, table, None)
    if len(table) < 2:
        raise ValueError("leave_one_out: expected at least 2 images, got 1")
    return _evaluate(table, table, np.arange(len(table)), len(table) - 1, ahp_at, ndcg_at, precision_at, radius)


def _evaluate(query: CodeTable, database: CodeTable, excluded: np.ndarray, num_ranked: int, ahp_at: int, ndcg_at: int,
              precision_at: int, radius: int) -> dict[str, float]:
    if min(ahp_at, ndcg_at, precision_at) < 1 or radius < 0:
        raise ValueError(f"cut-offs must be >= 1 and the radius >= 0, got {ahp_at}, {ndcg_at}, {precision_at} and "
                         f"{radius}")
    started = time.perf_counter()
    cuts = {name: min(at, num_ranked) for name, at in
            (("ahp_at", ahp_at), ("ndcg_at", ndcg_at), ("precision_at", precision_at))}
    values = ranking.measure_rankings(query.codes, database.codes, query.level_labels, database.level_labels,
                                      excluded.astype(np.int64), query.num_bits, radius=radius, **cuts)
    num_levels = query.level_labels.shape[1]
    columns = {"map": 0, "map_tie_averaged": num_levels + ranking.TIE_MEAN,
               "map_tie_best": num_levels + ranking.TIE_BEST, "map_tie_worst": num_levels + ranking.TIE_WORST,
               **{f"map_level_{k}": k for k in range(1, num_levels)},
               f"mahp@{cuts['ahp_at']}": num_levels + ranking.AHP,
               f"ndcg@{cuts['ndcg_at']}": num_levels + ranking.NDCG,
               f"mean_ndcg_released@{min(ranking.RELEASED_CUTOFFS, num_ranked)}": num_levels + ranking.MEAN_NDCG,
               f"precision@{cuts['precision_at']}": num_levels + ranking.PRECISION,
               f"recall@{cuts['precision_at']}": num_levels + ranking.RECALL,
               f"precision_radius_{radius}": num_levels + ranking.RADIUS}
    result = {name: _mean(values[:, column]) for name, column in columns.items()}
    return {**result, "num_queries": len(query), "num_queries_without_relevant": int(np.isnan(values[:, 0]).sum()),
            "num_database": num_ranked, "seconds": round(time.perf_counter() - started, 3)}


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are defined; NaN if none is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _check(query: CodeTable, database: CodeTable, hierarchy: Optional[Hierarchy]) -> None:
    if query.num_bits != database.num_bits:
        raise ValueError(f"query codes have {query.num_bits} bits, database codes {database.num_bits}; "
                         "encode both with the same network")
    levels = query.level_labels.shape[1]
    if levels != database.level_labels.shape[1] or levels > MAX_LEVELS:
        raise ValueError(f"query labels have {levels} levels, database labels {database.level_labels.shape[1]}; "
                         f"expected the same number, at most {MAX_LEVELS}")
    if not len(query) or not len(database):
        raise ValueError(f"expected at least one query and one database image, got {len(query)} and {len(database)}")
    if hierarchy is not None:
        hierarchy.check_level_labels(query.level_labels)
        hierarchy.check_level_labels(database.level_labels)

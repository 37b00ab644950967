"""Precision-recall and P@N curves of Hamming rankings, averaged over queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable
from gluon_hash.retrieval.evaluation import ranking

__all__ = ["Curves", "curves"]


@dataclass(frozen=True)
class Curves:
    """Curves at the finest level, means over the queries that have a relevant item.

    Parameters
    ----------
    ranks : int64, shape (M,)
    precision_at, recall_at : float64, shape (M,)
        Among the first ``ranks`` items.
    precision_within, recall_within : float64, shape (num_bits + 1,)
        Within Hamming radius 0, 1, ...; a query with nothing within it counts as precision 0.
    """

    ranks: np.ndarray
    precision_at: np.ndarray
    recall_at: np.ndarray
    precision_within: np.ndarray
    recall_within: np.ndarray

    def to_dict(self) -> dict[str, list]:
        """As JSON values."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}


def curves(query: CodeTable, database: CodeTable, ranks: np.ndarray | None = None) -> Curves:
    """Precision and recall by rank and by Hamming radius; ties by database position.

    Parameters
    ----------
    query, database : CodeTable
    ranks : int array, ascending, optional
        Default: about 60 ranks from 1 to the size of the database, evenly spaced by their
        logarithm.

    Raises
    ------
    ValueError
        If the tables do not fit together, ``ranks`` are not ascending in [1, N], or nothing is
        relevant to any query.
    """
    check_comparable(query, database)
    count = len(database)
    if ranks is None:
        ranks = np.unique(np.round(np.geomspace(1, count, 60)).astype(np.int64))
    ranks = np.asarray(ranks, dtype=np.int64)
    if not len(ranks) or ranks[0] < 1 or ranks[-1] > count or (np.diff(ranks) <= 0).any():
        raise ValueError(
            f"ranks: expected ascending values from 1 to {count}, got {ranks.tolist()[:5]} ..."
        )
    by_rank, within, hits_within = ranking.count_hits(
        query.codes,
        database.codes,
        query.level_labels,
        database.level_labels,
        np.full(len(query), -1),
        query.num_bits,
        ranks,
    )
    relevant = hits_within[:, -1:]
    some = relevant[:, 0] > 0
    if not some.any():
        raise ValueError(
            "no query has a relevant image in the database; do both have labels of the same "
            "hierarchy?"
        )
    by_rank, within, hits_within, relevant = (
        by_rank[some],
        within[some],
        hits_within[some],
        relevant[some],
    )
    return Curves(
        ranks,
        (by_rank / ranks).mean(axis=0),
        (by_rank / relevant).mean(axis=0),
        (hits_within / np.maximum(within, 1)).mean(axis=0),
        (hits_within / relevant).mean(axis=0),
    )

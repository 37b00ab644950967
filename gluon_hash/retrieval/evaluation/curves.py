"""Precision-recall and P@N curves of Hamming rankings, averaged over queries."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, load_json
from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable
from gluon_hash.retrieval.evaluation import ranking
from gluon_hash.retrieval.evaluation.blocks import query_blocks

__all__ = ["Curves", "curve_ranks", "curves", "curves_from_counts"]

LARGEST_RANK = 2.0**53  # up to which a float64 holds every whole number


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

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Curves:
        """Read the values of ``to_dict`` from a JSON file.

        Raises
        ------
        DataError
            If there is no such file, it is not JSON, or does not hold curves.
        """
        values = as_schema(load_json(path), dict[str, list[float]], path)
        if values.keys() != {field.name for field in fields(cls)}:
            raise DataError(
                f"expected {', '.join(field.name for field in fields(cls))}, got "
                f"{', '.join(values) or 'nothing'}; `gluon-hash evaluate --curves` writes them",
                path=path,
            )
        by_rank = {len(values[name]) for name in ("ranks", "precision_at", "recall_at")}
        by_radius = {len(values[name]) for name in ("precision_within", "recall_within")}
        if len(by_rank) > 1 or len(by_radius) > 1 or not min(by_rank | by_radius):
            raise DataError("expected as many values of precision as of recall", path=path)
        arrays = {name: np.array(numbers) for name, numbers in values.items()}
        ranks = arrays["ranks"]
        if (
            not all(np.isfinite(numbers).all() for numbers in arrays.values())
            or ((ranks < 1) | (ranks > LARGEST_RANK) | (ranks != np.trunc(ranks))).any()
        ):
            raise DataError("expected finite numbers, and ranks from 1", path=path)
        return cls(**{**arrays, "ranks": ranks.astype(np.int64)})


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
    ranks = curve_ranks(count) if ranks is None else np.asarray(ranks, dtype=np.int64)
    if not len(ranks) or ranks[0] < 1 or ranks[-1] > count or (np.diff(ranks) <= 0).any():
        raise ValueError(
            f"ranks: expected ascending values from 1 to {count}, got {ranks.tolist()[:5]} ..."
        )
    counts = ranking.make_counts(len(query), query.num_bits, ranks)
    for block in query_blocks(len(query), count, "count hits"):
        ranking.count_hits(
            query.codes[block],
            database.codes,
            query.level_labels[block],
            database.level_labels,
            query.num_bits,
            ranking.some_counts(counts, block),
        )
    return curves_from_counts(*counts)


def curve_ranks(num_items: int) -> np.ndarray:
    """About 60 ranks from 1 to ``num_items``, evenly spaced by their logarithm: int64."""
    return np.unique(np.round(np.geomspace(1, num_items, 60)).astype(np.int64))


def curves_from_counts(
    ranks: np.ndarray, by_rank: np.ndarray, within: np.ndarray, hits_within: np.ndarray
) -> Curves:
    """The means of gluon_hash.retrieval.evaluation.ranking.Counts.

    Raises
    ------
    ValueError
        If nothing is relevant to any query.
    """
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

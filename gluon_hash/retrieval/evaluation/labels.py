"""What is checked and looked up of labels and ids before anything is ranked."""

from __future__ import annotations

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.similarity import lcs_height_by_level
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable

__all__ = ["check_labels", "own_positions", "similarity_by_level"]

MAX_LEVELS = 8  # agreement is a byte
Table = CodeTable | FeatureTable


def check_labels(
    query_labels: np.ndarray, database_labels: np.ndarray, hierarchy: Hierarchy | None
) -> None:
    """Check that both sides can be judged.

    Raises
    ------
    ValueError
        Unless both have labels of the same levels, at most 8, and none is missing.
    DataError
        If a label is not in the hierarchy.
    """
    num_levels = query_labels.shape[1]
    if num_levels != database_labels.shape[1] or num_levels > MAX_LEVELS:
        raise ValueError(
            f"query labels have {num_levels} levels, database labels {database_labels.shape[1]}; "
            f"expected the same number, at most {MAX_LEVELS}"
        )
    if not len(query_labels) or not len(database_labels):
        raise ValueError(
            f"expected at least one query and one database image, got {len(query_labels)} and "
            f"{len(database_labels)}"
        )
    if not num_levels:
        raise ValueError("the images have no labels, so that no answer can be judged")
    for side, labels in (("query", query_labels), ("database", database_labels)):
        if labels.min() < 0:
            raise ValueError(
                f"a {side} image lacks a label (-1 at a level) and cannot be judged; leave it out"
            )
    if hierarchy is not None:
        hierarchy.check_level_labels(query_labels, "query labels")
        hierarchy.check_level_labels(database_labels, "database labels")


def similarity_by_level(query_labels: np.ndarray, hierarchy: Hierarchy | None) -> np.ndarray:
    """Barz's similarity of each query to an item, by the finest level at which they agree.

    Parameters
    ----------
    query_labels : int32, shape (Q, K)
    hierarchy : Hierarchy, optional
        Gives the heights; default: one step a level.

    Returns
    -------
    float64, shape (Q, K + 1)
        The last column, agreement nowhere, is 0.
    """
    num_levels = query_labels.shape[1]
    if hierarchy is not None:
        return lcs_height_by_level(hierarchy)[query_labels[:, 0]]
    return np.tile(1.0 - np.arange(num_levels + 1) / num_levels, (len(query_labels), 1))


def own_positions(query: Table, database: Table) -> np.ndarray:
    """The position of each query in the database, for a protocol that leaves it out: int64 (Q,).

    Raises
    ------
    ValueError
        If the id of a query is not in the database, or is that of an image with other labels.
    """
    order = np.argsort(database.ids)
    sorted_positions = np.searchsorted(database.ids, query.ids, sorter=order)
    positions = order[np.minimum(sorted_positions, len(database) - 1)]
    together = "this protocol searches each query among the other images of one table, but"
    missing = np.flatnonzero(database.ids[positions] != query.ids)
    if len(missing):
        raise ValueError(
            f"{together} the query id {query.ids[missing[0]]} is not in the database; give the "
            "same codes for both"
        )
    differing = (database.level_labels[positions] != query.level_labels).any(axis=1)
    if differing.any():
        raise ValueError(
            f"{together} the id {query.ids[np.argmax(differing)]} has other labels in the "
            "database, so that it is another image; give the same codes for both"
        )
    return positions

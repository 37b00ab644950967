"""What is checked and looked up of labels and ids before anything is ranked."""

from __future__ import annotations

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.similarity import lcs_height_by_level

__all__ = ["check_labels", "positions_of", "similarity_by_level"]

MAX_LEVELS = 8  # agreement is a byte


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
    if not levels:
        raise ValueError("the images have no labels, so that no answer can be judged")
    for side, labels in (("query", query_labels), ("database", database_labels)):
        if labels.min() < 0:
            raise ValueError(
                f"a {side} image lacks a label (-1 at a level) and cannot be judged; leave it out"
            )
    if hierarchy is not None:
        hierarchy.check_level_labels(query_labels)
        hierarchy.check_level_labels(database_labels)


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


def positions_of(query_ids: np.ndarray, database_ids: np.ndarray) -> np.ndarray:
    """The position in the database of each query's id: int64 (Q,); ValueError if one is missing."""
    order = np.argsort(database_ids)
    sorted_positions = np.searchsorted(database_ids, query_ids, sorter=order)
    positions = order[np.minimum(sorted_positions, len(database_ids) - 1)]
    missing = np.flatnonzero(database_ids[positions] != query_ids)
    if len(missing):
        raise ValueError(
            "this protocol searches each query among the other images of one table, but the query "
            f"id {query_ids[missing[0]]} is not in the database; give the same codes for both"
        )
    return positions

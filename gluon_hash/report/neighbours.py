"""What is found for queries: shares of classes among the first results; good and bad queries."""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval import CodeTable, HammingIndex

__all__ = ["choose_queries", "class_shares", "nearest"]


def nearest(query: CodeTable, database: CodeTable, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and positions in the database of what is nearest: int (Q, min(k, N)) each."""
    index = HammingIndex(database.num_bits)
    index.add(database.codes, np.arange(len(database)))
    return index.search(query.codes, min(k, len(database)))


def class_shares(
    query_labels: np.ndarray, result_labels: np.ndarray, num_classes: int
) -> np.ndarray:
    """How often a result of a class's query is of each class.

    Parameters
    ----------
    query_labels : int, shape (Q,)
    result_labels : int, shape (Q, k)
    num_classes : int

    Returns
    -------
    float64, shape (C, C)
        Rows sum to 1; NaN where a class has no query.

    Examples
    --------
    >>> class_shares(np.array([0, 0]), np.array([[0, 1], [0, 0]]), 2)
    array([[0.75, 0.25],
           [ nan,  nan]])
    """
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (query_labels[:, None], result_labels), 1)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def choose_queries(values: np.ndarray, classes: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """The best, the typical and the worst queries, each of another class where there are enough.

    Parameters
    ----------
    values : float, shape (Q,)
        Of a metric, higher is better; NaN: not chosen.
    classes : int, shape (Q,)
    count : int
        Of each kind.

    Returns
    -------
    dict of int arrays of at most ``count`` positions
        "best", "typical" (nearest to the median) and "worst".
    """
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return {}
    far_from_median = np.abs(values[known] - np.median(values[known]))
    orders = {
        "best": known[np.argsort(-values[known], kind="stable")],
        "typical": known[np.argsort(far_from_median, kind="stable")],
        "worst": known[np.argsort(values[known], kind="stable")],
    }
    return {kind: _of_different_classes(order, classes, count) for kind, order in orders.items()}


def _of_different_classes(order: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """The first of each class, and then the others, in their order."""
    _, first = np.unique(classes[order], return_index=True)
    firsts = np.zeros(len(order), bool)
    firsts[first] = True
    return np.concatenate([order[firsts], order[~firsts]])[:count]

"""Rankings by real-valued features: the reference line that codes are held against."""
from __future__ import annotations

from typing import Any, Callable, Optional, Union

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.evaluate import Measured, measure, measure_by_distance
from gluon_hash.retrieval.tables import CodeTable, FeatureTable

__all__ = ["DISTANCES", "feature_distances", "measure_tables"]


def feature_distances(query: np.ndarray, database: np.ndarray, distance: str) -> Callable[[slice], np.ndarray]:
    """Distances of a slice of the queries to the database, computed when asked for.

    Parameters
    ----------
    query, database : float, shape (Q, D) and (N, D)
    distance : "cosine" or "l2"
        1 - cosine, or the squared Euclidean distance.

    Returns
    -------
    callable
        slice -> float32 (q, N)

    Raises
    ------
    ValueError
        If the distance is unknown or the widths differ.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance: expected one of {', '.join(DISTANCES)}, got {distance!r}")
    if query.shape[1] != database.shape[1]:
        raise ValueError(f"query features have {query.shape[1]} columns, database features {database.shape[1]}; "
                         "encode both with the same network")
    return DISTANCES[distance](query.astype(np.float32), database.astype(np.float32))


def _cosine(query: np.ndarray, database: np.ndarray) -> Callable[[slice], np.ndarray]:
    unit_query, unit_database = _unit(query), _unit(database)
    return lambda part: 1.0 - unit_query[part] @ unit_database.T


def _squared_l2(query: np.ndarray, database: np.ndarray) -> Callable[[slice], np.ndarray]:
    norms = (database**2).sum(axis=1)
    return lambda part: ((query[part] ** 2).sum(axis=1, keepdims=True) + norms) - 2.0 * query[part] @ database.T


DISTANCES = {"cosine": _cosine, "l2": _squared_l2}


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1.0)


def measure_tables(query: Union[CodeTable, FeatureTable], database: Union[CodeTable, FeatureTable], *,
                   distance: str = "cosine", radius: int = 2, hierarchy: Optional[Hierarchy] = None,
                   **options: Any) -> Measured:
    """As measure, for two tables of codes; or for two of features, ranked by ``distance``.

    Raises
    ------
    ValueError
        As measure; or if one table holds codes and the other features.
    """
    if isinstance(query, CodeTable) and isinstance(database, CodeTable):
        return measure(query, database, hierarchy=hierarchy, radius=radius, **options)
    if isinstance(query, CodeTable) or isinstance(database, CodeTable):
        raise ValueError("one of the two files holds codes, the other features; give two of a kind")
    return measure_by_distance(feature_distances(query.features, database.features, distance), query.level_labels,
                               database.level_labels, hierarchy=hierarchy, **options)

"""Rankings by real-valued features: the reference line that codes are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.evaluate import measure, measure_by_distance
from gluon_hash.retrieval.evaluation.labels import own_positions
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import get_protocol
from gluon_hash.retrieval.evaluation.weighted import weighted_distances

__all__ = ["DISTANCES", "bilinear_distances", "feature_distances", "measure_tables"]


def feature_distances(
    query: np.ndarray, database: np.ndarray, distance: str
) -> Callable[[slice], np.ndarray]:
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
        raise ValueError(
            f"query features have {query.shape[1]} columns, database features {database.shape[1]}; "
            "encode both with the same network"
        )
    return DISTANCES[distance](query.astype(np.float32), database.astype(np.float32))


def bilinear_distances(
    query: np.ndarray, database: np.ndarray, similarity: np.ndarray
) -> Callable[[slice], np.ndarray]:
    """1 - p' S q of a slice of the queries and the database, computed when asked for.

    Parameters
    ----------
    query, database : float, shape (Q, C) and (N, C)
        Probabilities of C classes.
    similarity : float, shape (C, C)
        S, of the classes, such as gluon_hash.hierarchy.similarity.lcs_height of their tree.

    Returns
    -------
    callable
        slice -> float32 (q, N), for gluon_hash.retrieval.measure_by_distance

    Raises
    ------
    ValueError
        If the widths differ.

    Source: Deng, Berg and Fei-Fei, CVPR 2011.
    """
    widths = {query.shape[1], database.shape[1], *similarity.shape}
    if len(widths) > 1:
        raise ValueError(
            f"expected one number of classes, got probabilities of {query.shape[1]} and "
            f"{database.shape[1]} classes and a similarity of shape {similarity.shape}"
        )
    compared = (query.astype(np.float64) @ similarity).astype(np.float32)  # (Q, C)
    others = np.ascontiguousarray(database.T, np.float32)
    return lambda block: 1.0 - compared[block] @ others


def _cosine(query: np.ndarray, database: np.ndarray) -> Callable[[slice], np.ndarray]:
    unit_query, unit_database = _unit(query), _unit(database)
    return lambda block: 1.0 - unit_query[block] @ unit_database.T


def _squared_l2(query: np.ndarray, database: np.ndarray) -> Callable[[slice], np.ndarray]:
    norms = (database**2).sum(axis=1)
    return lambda block: (
        ((query[block] ** 2).sum(axis=1, keepdims=True) + norms) - 2.0 * query[block] @ database.T
    )


DISTANCES = {"cosine": _cosine, "l2": _squared_l2}


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1.0)


def measure_tables(
    query: CodeTable | FeatureTable,
    database: CodeTable | FeatureTable,
    *,
    distance: str | None = None,
    segments: Sequence[int] | None = None,
    segment_weights: Sequence[float] | None = None,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
) -> Measured:
    """Every metric of every query, for two tables of codes or two tables of features.

    Parameters
    ----------
    query, database : CodeTable or FeatureTable
    distance : str, optional
        Of features, as feature_distances; default: "cosine".
    segments, segment_weights : sequences, optional
        Of codes, as weighted_distances: they are ranked by the weighted distance of their segments.
    cutoffs, protocol, hierarchy :
        As evaluate.

    Raises
    ------
    ValueError
        As measure and weighted_distances; or if one table holds codes and the other features, or
        an argument is not for what the tables hold.
    """
    if isinstance(query, CodeTable) and isinstance(database, CodeTable):
        if distance is not None:
            raise ValueError(
                f"distance {distance!r} ranks features, and these are codes, ranked by Hamming "
                "distance; leave it out, or give the features"
            )
        distances_of = _weighted(query, database, segments, segment_weights)
        if distances_of is None:
            return measure(query, database, cutoffs=cutoffs, protocol=protocol, hierarchy=hierarchy)
    elif isinstance(query, CodeTable) or isinstance(database, CodeTable):
        raise ValueError("one of the two files holds codes, the other features; give two of a kind")
    elif segments is not None or segment_weights is not None:
        raise ValueError("features have no segments; these weight the bits of codes")
    else:
        distances_of = feature_distances(query.features, database.features, distance or "cosine")
    query_excluded = get_protocol(protocol).query_excluded
    return measure_by_distance(
        distances_of,
        query.level_labels,
        database.level_labels,
        cutoffs=cutoffs,
        protocol=protocol,
        hierarchy=hierarchy,
        excluded=own_positions(query, database) if query_excluded else None,
    )


def _weighted(
    query: CodeTable,
    database: CodeTable,
    segments: Sequence[int] | None,
    weights: Sequence[float] | None,
) -> Callable[[slice], np.ndarray] | None:
    """The weighted distances, or None where no segments are given."""
    if segments is None and weights is None:
        return None
    if segments is None or weights is None:
        raise ValueError("segments and their weights go together: give both or none")
    return weighted_distances(query, database, segments, weights)

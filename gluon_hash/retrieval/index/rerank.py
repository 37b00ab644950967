"""Re-ranking: the nearest by Hamming distance, put in the order of a finer distance."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gluon_hash.retrieval.codes.packing import unpack
from gluon_hash.retrieval.codes.tables import FeatureTable
from gluon_hash.retrieval.evaluation.float_ranking import feature_distances
from gluon_hash.retrieval.index.answers import Answers, find_answers
from gluon_hash.retrieval.index.hamming import HammingIndex
from gluon_hash.retrieval.index.searcher import Searcher

__all__ = ["asymmetric_distances", "check_rerank", "rerank_asymmetric", "rerank_by_features"]

QUERIES_AT_A_TIME = 64
COMPARED_COLUMNS = 16


def asymmetric_distances(relaxed: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """How much of a relaxed code must change sign to become each code: sum_j |u_j| [s_j != b_j].

    s is the sign of u; the order is that of -u.b. Where every |u_j| is 1 it is the Hamming
    distance.

    Parameters
    ----------
    relaxed : float, shape (num_bits,)
        u, the network's output for a query, before the sign.
    packed : uint8, shape (m, ceil(num_bits / 8))
        The codes b.

    Returns
    -------
    float32, shape (m,)

    Source: Gordo, Perronnin, Gong and Lazebnik, Asymmetric distances for binary embeddings, PAMI
    2014; here the query's values are taken as they are.

    Examples
    --------
    >>> packed = np.array([[0b101], [0b000], [0b111]], np.uint8)
    >>> asymmetric_distances(np.array([0.1, -2.0, 0.0]), packed)
    array([0. , 0.1, 2. ], dtype=float32)
    """
    relaxed = np.asarray(relaxed, np.float32)
    signs = np.where(relaxed >= 0, 1, -1)
    differ = unpack(packed, len(relaxed)) != signs  # (m, num_bits)
    return differ @ np.abs(relaxed)


def rerank_asymmetric(
    answers: Sequence[Answers], relaxed: np.ndarray, searcher: Searcher, k: int
) -> list[Answers]:
    """The answers by asymmetric distance of the query's relaxed code to the codes.

    Parameters
    ----------
    answers : sequence of Q Answers
        The nearest m by Hamming distance; fewer than ``k`` are put in order all the same.
    relaxed : float, shape (Q, num_bits)
    searcher : HammingIndex or MilvusIndex
        That found the answers.
    k : int

    Returns
    -------
    list of Q Answers
        ``k`` each at most, with ``scores``; equal scores stay in the order of the answers.

    Raises
    ------
    ValueError
        If the relaxed codes have another length or there are not Q of them.
    """
    if relaxed.shape != (len(answers), searcher.num_bits):
        raise ValueError(
            f"relaxed codes: expected ({len(answers)}, {searcher.num_bits}), got {relaxed.shape}"
        )
    packed = _split(searcher.look_up_codes(_ids(answers)), answers)
    return [
        _reordered(row, asymmetric_distances(query, codes), k)
        for query, row, codes in zip(relaxed, answers, packed)
    ]


def rerank_by_features(
    answers: Sequence[Answers],
    query_features: np.ndarray,
    features: FeatureTable,
    k: int,
    distance: str = "cosine",
) -> list[Answers]:
    """The answers by distance of features.

    Parameters
    ----------
    answers : sequence of Q Answers
        As of rerank_asymmetric.
    query_features : float, shape (Q, D)
    features : FeatureTable
        Of the images in the index, under the same ids.
    k : int
    distance : "cosine" or "l2"

    Returns
    -------
    list of Q Answers
        As rerank_asymmetric.

    Raises
    ------
    ValueError
        If an id has no features, the widths differ, or there are not Q queries.
    """
    if len(query_features) != len(answers):
        raise ValueError(f"query features: expected {len(answers)} rows, got {len(query_features)}")
    rows = _rows(_ids(answers), features.ids)
    alike = _may_be_equal(features.features, rows)
    reordered = []
    for query, row, places, likes in zip(
        query_features, answers, _split(rows, answers), _split(alike, answers)
    ):
        near = features.features[places]
        scores = feature_distances(query[None], near, distance)(slice(0, 1))[0]
        if likes.any():  # a matrix product may round equal rows differently
            scores = scores[_first_equal(near, np.flatnonzero(likes))]
        reordered.append(_reordered(row, scores, k))
    return reordered


def check_rerank(
    index: HammingIndex,
    queries: np.ndarray,
    query_features: np.ndarray,
    features: FeatureTable,
    *,
    k: int,
    num_candidates: int,
    distance: str = "cosine",
    scan: bool = False,
) -> dict[str, float]:
    """How much of the exact ranking by features is found, by codes alone and re-ranked.

    Parameters
    ----------
    index : HammingIndex
    queries : uint8, shape (Q, ceil(num_bits / 8))
    query_features, features, distance :
        As of rerank_by_features.
    k, num_candidates : int
        The nearest ``num_candidates`` codes are re-ranked; the first ``k`` are kept.
    scan : bool
        As of HammingIndex.search.

    Returns
    -------
    dict
        ``feature_recall@k``: fraction of the first k answers by codes that are as near by features
        as the k-th nearest in the index; ``reranked_recall@k``: of the first k re-ranked;
        ``search_seconds``, ``rerank_seconds``, ``exact_seconds``: of the codes' search, of what
        re-ranking adds, of the exact ranking.

    Raises
    ------
    ValueError
        As HammingIndex.search and rerank_by_features; or if there are fewer candidates than k.
    """
    if num_candidates < k:
        raise ValueError(
            f"candidates: expected {k} or more, which are asked for, got {num_candidates}"
        )
    started = time.perf_counter()
    answers = find_answers(index, queries, k=num_candidates, scan=scan)
    searched = time.perf_counter()
    reordered = rerank_by_features(answers, query_features, features, k, distance)
    reranked = time.perf_counter()
    near = features.features[_rows(index.ids, features.ids)]
    distances_of = feature_distances(query_features, near, distance)
    by_codes = [row.take(np.arange(min(k, len(row)))) for row in answers]
    (hits, reranked_hits), exact_seconds = _exact_hits(
        distances_of, [by_codes, reordered], index.ids, k
    )
    count = k * max(len(queries), 1)
    return {
        f"feature_recall@{k}": hits / count,
        f"reranked_recall@{k}": reranked_hits / count,
        "search_seconds": round(searched - started, 4),
        "rerank_seconds": round(reranked - searched, 4),
        "exact_seconds": round(exact_seconds, 4),
    }


def _exact_hits(
    distances_of: Callable[[slice], np.ndarray],
    rankings: Sequence[Sequence[Answers]],
    ids: np.ndarray,
    k: int,
) -> tuple[list[int], float]:
    """Answers of each ranking that are among the ``k`` nearest of all; seconds to find those."""
    rows = [_split(_rows(_ids(ranking), ids), ranking) for ranking in rankings]
    hits, seconds = [0] * len(rankings), 0.0
    num_queries = len(rankings[0])
    for start in range(0, num_queries, QUERIES_AT_A_TIME):
        started = time.perf_counter()
        exact = distances_of(slice(start, start + QUERIES_AT_A_TIME))
        farthest = np.partition(exact, k - 1, axis=1)[:, k - 1]
        seconds += time.perf_counter() - started
        for number, places in enumerate(rows):
            for row, (distances, most) in enumerate(zip(exact, farthest), start=start):
                hits[number] += int((distances[places[row]] <= most).sum())
    return hits, seconds


def _may_be_equal(features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which of some rows, with repetition, share a few columns with another row: bool.

    Those alone are compared whole.
    """
    places, number = np.unique(rows, return_inverse=True)
    columns = np.linspace(0, features.shape[1] - 1, COMPARED_COLUMNS).astype(int)
    parts = _as_bytes(features[places[:, None], columns])
    _, group, counts = np.unique(parts, return_inverse=True, return_counts=True)
    return counts[group.reshape(-1)][number.reshape(-1)] > 1


def _first_equal(rows: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """For each row, (m, D), the first with the same bytes, looked for among ``alike``: (m,)."""
    first = np.arange(len(rows))
    _, at, which = np.unique(_as_bytes(rows[alike]), return_index=True, return_inverse=True)
    first[alike] = alike[at[which.reshape(-1)]]
    return first


def _as_bytes(rows: np.ndarray) -> np.ndarray:
    """Each row, of (m, D), as one value: (m,)."""
    rows = np.ascontiguousarray(rows)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).reshape(-1)


def _reordered(answers: Answers, scores: np.ndarray, k: int) -> Answers:
    order = np.argsort(scores, kind="stable")[:k]
    return replace(answers.take(order), scores=scores[order].astype(np.float32))


def _ids(answers: Sequence[Answers]) -> np.ndarray:
    """The ids of all answers, one query after the other."""
    return np.concatenate([np.empty(0, np.int64), *(row.items.ids for row in answers)])


def _split(values: np.ndarray, answers: Sequence[Answers]) -> list[np.ndarray]:
    """What belongs to _ids, by query."""
    return np.split(values, np.cumsum([len(row) for row in answers])[:-1]) if answers else []


def _rows(ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Position of each id among those that have features; ValueError if one has none."""
    order = np.argsort(among)
    nearest = np.searchsorted(among, ids, sorter=order)
    there = nearest < len(among)
    there[there] = among[order[nearest[there]]] == ids[there]
    if not there.all():
        raise ValueError(
            f"re-ranking: id {ids[~there][0]} of the index has no features; give those of the "
            "images that the index was built from"
        )
    return order[nearest]

"""Exact answers from a structure that compares every code: by our scan where it pays, or FAISS."""

from __future__ import annotations

import faiss
import numpy as np

from gluon_hash.retrieval.index import scan
from gluon_hash.retrieval.index.kinds.base import (
    QUERIES_AT_A_TIME,
    Within,
    padded_bits,
    range_search,
)

__all__ = ["all_counts", "all_nearest", "all_within", "flat_structure"]

FEW = (
    4  # of so many codes one or fewer is not hidden: several queries are compared with those alone
)


def flat_structure(num_bits: int) -> faiss.IndexBinaryFlat:
    """An empty structure whose ties stay in the order of adding."""
    structure = faiss.IndexBinaryFlat(padded_bits(num_bits))
    structure.use_heap = False  # counting keeps that order, where a heap keeps any of the ties
    return structure


def all_nearest(
    flat: faiss.IndexBinaryFlat, queries: np.ndarray, k: int, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As Kind.search, exact: every code is compared."""
    if not _pays(flat, queries):
        shown, kept = _without(flat, hidden)
        blocks = [
            shown.search(queries[start : start + QUERIES_AT_A_TIME], k)
            for start in range(0, len(queries), QUERIES_AT_A_TIME)
        ]
        if not blocks:
            return np.empty((0, k), np.int32), np.empty((0, k), np.int64)
        distances, positions = (np.concatenate(columns) for columns in zip(*blocks))
        return distances, positions if kept is None else kept[positions]
    packed, hidden, kept = _scanned(flat, queries, hidden)
    distances, positions = scan.nearest(packed, queries, k, hidden)
    return distances, positions if kept is None else kept[positions]


def all_within(
    flat: faiss.IndexBinaryFlat, queries: np.ndarray, radius: int, hidden: np.ndarray
) -> Within:
    """As Kind.within, exact: every code is compared."""
    if not _pays(flat, queries):
        shown, kept = _without(flat, hidden)
        near = range_search(shown, queries, radius, np.empty(0, bool))
    else:
        packed, hidden, kept = _scanned(flat, queries, hidden)
        radii = np.full(len(queries), radius, np.int64)
        near = Within(*scan.within(packed, queries, radii, hidden))
    return near if kept is None else near._replace(positions=kept[near.positions])


def all_counts(
    flat: faiss.IndexBinaryFlat, queries: np.ndarray, radii: np.ndarray, hidden: np.ndarray
) -> list[np.ndarray]:
    """How many codes lie at 0, 1, ..., radii[q] bits of query q: int64 (radii[q] + 1,) each."""
    if not _pays(flat, queries):
        counts = []
        for query, radius in zip(queries, radii):
            near = range_search(flat, query[None], int(radius), hidden)
            counts.append(np.bincount(near.distances, minlength=radius + 1))
        return counts
    packed, hidden, _ = _scanned(flat, queries, hidden)
    counted = scan.count_within(packed, queries, np.asarray(radii, np.int64), hidden)
    return [row[: radius + 1] for row, radius in zip(counted, radii)]


def _pays(flat: faiss.IndexBinaryFlat, queries: np.ndarray) -> bool:
    return scan.pays(len(queries), flat.ntotal, flat.code_size)


def _view(flat: faiss.IndexBinaryFlat) -> np.ndarray:
    """The codes, uint8 (N, code_size), without a copy: as long as the structure lives."""
    codes: np.ndarray = faiss.rev_swig_ptr(flat.xb.data(), flat.ntotal * flat.code_size)
    return codes.reshape(flat.ntotal, flat.code_size)


def _scanned(
    flat: faiss.IndexBinaryFlat, queries: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Codes and hidden as the scan takes them, and positions of the codes where they are few."""
    packed = _view(flat)
    if len(queries) > 1 and len(hidden):
        kept = np.flatnonzero(~hidden)
        if FEW * len(kept) <= len(hidden):
            return packed[kept], np.empty(0, bool), kept
    return packed, hidden, None


def _without(
    flat: faiss.IndexBinaryFlat, hidden: np.ndarray
) -> tuple[faiss.IndexBinaryFlat, np.ndarray | None]:
    """A structure without the hidden codes, and the positions of the others: fewer to compare."""
    if not hidden.any():
        return flat, None
    kept = np.flatnonzero(~hidden)
    fewer = flat_structure(flat.d)
    fewer.add(_view(flat)[kept])
    return fewer, kept

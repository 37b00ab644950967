"""Weighted Hamming distance between segments of codes, such as SHDH's: a segment for each level."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gluon_hash.retrieval.codes.packing import num_bytes
from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable

__all__ = ["weighted_distances"]

STEP = 1e-9  # weights are counted in these, so that sums are exact and equal distances tie
ROWS_AT_A_TIME = 100_000


def weighted_distances(
    query: CodeTable, database: CodeTable, segments: Sequence[int], weights: Sequence[float]
) -> Callable[[slice], np.ndarray]:
    r"""Distances of a slice of the queries to the database, computed when asked for.

    .. math:: d(q, x) = \sum_s w_s \, d_H(q^s, x^s)

    Parameters
    ----------
    query, database : CodeTable
    segments : sequence of int
        Bits of each segment, in the order of the code; they sum to num_bits.
    weights : sequence of float
        w, to nine decimals: 0, or from 1e-9 to 1000.

    Returns
    -------
    callable
        slice -> float64 (q, N), for gluon_hash.retrieval.measure_by_distance. Sums are exact: two
        items are tied if and only if their distances are equal.

    Raises
    ------
    ValueError
        If the tables do not fit together, the segments do not sum to num_bits, or there is not a
        weight for each.

    Source: Wang, Huang, Lu, Feng, Wen, Nie and Mao 2018 (SHDH).
    """
    check_comparable(query, database)
    if sum(segments) != query.num_bits or min(segments) < 1:
        raise ValueError(
            f"expected segments of at least one bit that sum to the {query.num_bits} bits of the "
            f"codes, got {list(segments)}"
        )
    if len(weights) != len(segments):
        raise ValueError(
            f"expected a weight for each of the {len(segments)} segments, got {len(weights)}"
        )
    if not all(weight == 0 or STEP <= weight <= 1000 for weight in weights):
        raise ValueError(
            f"expected weights that are 0 or from {STEP:g} to 1000, got {list(weights)}"
        )
    begins = np.cumsum([0, *segments])
    pairs = [
        tuple(_segment(side.codes, begin, end) for side in (query, database))
        for begin, end in zip(begins, begins[1:])
    ]
    steps = [round(weight / STEP) for weight in weights]

    def distances_of(block: slice) -> np.ndarray:
        total = np.zeros((len(query.ids[block]), len(database)))
        for (queries, items), count in zip(pairs, steps):
            total += float(count) * _hamming(queries[block], items)
        return total * STEP

    return distances_of


def _segment(packed: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Bits ``begin`` to before ``end`` of packed codes: whole 64-bit words, uint8 (N, 8 * W)."""
    result = np.zeros((len(packed), -(-num_bytes(end - begin) // 8) * 8), np.uint8)
    for start in range(0, len(packed), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        bits = np.unpackbits(packed[rows], axis=1, count=end, bitorder="little")[:, begin:]
        result[rows, : num_bytes(end - begin)] = np.packbits(bits, axis=1, bitorder="little")
    return result


def _hamming(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Hamming distances of all pairs: uint8 (q, B), (N, B) -> int32 (q, N)."""
    import faiss  # every evaluation would wait for it

    queries, result = np.ascontiguousarray(queries), np.empty((len(queries), len(items)), np.int32)
    faiss.hammings(
        faiss.swig_ptr(queries),
        faiss.swig_ptr(items),
        len(queries),
        len(items),
        items.shape[1],
        faiss.swig_ptr(result),
    )
    return result

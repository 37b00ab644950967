"""How good an index is: its recall against a scan of the same codes, and its time."""

from __future__ import annotations

import time

import numpy as np

from gluon_hash.retrieval.index.hamming import HammingIndex
from gluon_hash.retrieval.index.kinds import Flat

__all__ = ["check_index"]


def check_index(
    index: HammingIndex, queries: np.ndarray, k: int, *, scan: bool = False
) -> dict[str, float]:
    """Search ``queries`` with the index and by a scan of its codes.

    Parameters
    ----------
    index : HammingIndex
    queries : uint8, shape (Q, ceil(num_bits / 8))
        At least one.
    k : int
    scan : bool
        See HammingIndex.search.

    Returns
    -------
    dict
        ``recall@k``: fraction of the results that are as near as the k-th nearest code, so that
        ties count as found; ``same_distances``: fraction of the queries whose k distances are the
        exact ones; ``seconds`` of the index and ``scan_seconds``; ``num_queries``, ``num_codes``.

    Raises
    ------
    ValueError
        As HammingIndex.search; or if there is no query.
    """
    if not len(queries):
        raise ValueError("check_index: expected at least one query")
    exact = HammingIndex(index.num_bits, Flat())
    exact.add(index.codes(), index.ids)
    distances, seconds = _timed(index, queries, k, scan)
    exact_distances, scan_seconds = _timed(exact, queries, k, False)
    near = (distances >= 0) & (distances <= exact_distances[:, -1:])
    return {
        f"recall@{k}": float(near.mean()),
        "same_distances": float((distances == exact_distances).all(axis=1).mean()),
        "seconds": round(seconds, 4),
        "scan_seconds": round(scan_seconds, 4),
        "num_queries": len(queries),
        "num_codes": len(index),
    }


def _timed(
    index: HammingIndex, queries: np.ndarray, k: int, scan: bool
) -> tuple[np.ndarray, float]:
    index.search(queries[:1], k, scan=scan)  # what is loaded for the first search does not count
    started = time.perf_counter()
    distances, _ = index.search(queries, k, scan=scan)
    return distances, time.perf_counter() - started

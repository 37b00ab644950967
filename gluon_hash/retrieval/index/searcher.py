"""Searcher: what can be searched with codes, wherever the codes are."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["Near", "Searcher"]


class Near(NamedTuple):
    """What lies within a radius of each of Q queries.

    ``distances`` (int32) and ``ids`` (int64) of query q are at [offsets[q]:offsets[q + 1]], nearest
    first.
    """

    offsets: np.ndarray
    distances: np.ndarray
    ids: np.ndarray


class Searcher(Protocol):
    """Codes under ids, searched by Hamming distance: HammingIndex, MilvusIndex."""

    @property
    def num_bits(self) -> int:
        """Length of a code."""

    def __len__(self) -> int:
        """How many codes can be found."""

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query: distances int32 (Q, k), ids int64 (Q, k)."""

    def search_radius(self, queries: np.ndarray, radius: int, *, scan: bool = False) -> Near:
        """All codes within ``radius`` bits of each query."""

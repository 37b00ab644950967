"""Searcher: what can be searched with codes, wherever the codes are."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.zoom import Branch

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
    """Codes under ids, searched by Hamming distance: HammingIndex, MilvusIndex.

    ``within`` keeps the answers to one branch of the hierarchy; ``scan`` is for an index that
    refuses work of more than a scan.
    """

    @property
    def num_bits(self) -> int:
        """Length of a code."""

    def __len__(self) -> int:
        """How many codes can be found."""

    def count(self, within: Branch) -> int:
        """How many of them are in a branch."""

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False, within: Branch | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query: distances int32 (Q, k), ids int64 (Q, k)."""

    def search_radius(
        self, queries: np.ndarray, radius: int, *, scan: bool = False, within: Branch | None = None
    ) -> Near:
        """All codes within ``radius`` bits of each query."""

    def count_by_distance(
        self, queries: np.ndarray, radii: np.ndarray, *, within: Branch | None = None
    ) -> list[np.ndarray]:
        """How many codes lie at 0, 1, ..., radii[q] bits of query q: int64; -1 where unknown."""

    def look_up(self, ids: np.ndarray) -> Items:
        """Names and labels of ``ids``, in their order; of none, what there is to know."""

    def look_up_codes(self, ids: np.ndarray) -> np.ndarray:
        """The packed codes of ``ids``, in their order."""

    def name_classes(self, hierarchy: Hierarchy) -> None:
        """Give the classes names; ValueError if the labels are of another hierarchy."""

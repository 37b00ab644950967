"""Hnsw: a graph of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, Within, padded_bits, range_search

__all__ = ["Hnsw"]


@dataclass(frozen=True)
class Hnsw(Kind):
    """Approximate search on a graph of neighbours. Building it is not deterministic.

    Parameters
    ----------
    num_neighbors : int
        Links of a code.
    search_width : int
        Candidates kept during a search: more is slower and finds more.

    Source: Malkov and Yashunin 2018.
    """

    num_neighbors: int = 32
    search_width: int = 128
    name = "hnsw"

    def create(self, num_bits: int) -> faiss.IndexBinaryHNSW:
        """An empty graph for codes of ``num_bits``."""
        structure = faiss.IndexBinaryHNSW(padded_bits(num_bits), self.num_neighbors)
        structure.hnsw.efConstruction = max(self.search_width, 40)
        self.restore(structure)
        return structure

    def restore(self, structure: faiss.IndexBinaryHNSW) -> None:
        """Set the width of a search."""
        structure.hnsw.efSearch = self.search_width

    def may_refuse(self, *, by_radius: bool) -> bool:
        """A search by radius: the graph has none."""
        return by_radius

    def scanned(self, structure: faiss.IndexBinaryHNSW) -> faiss.IndexBinaryFlat:
        """The codes that the graph links."""
        return faiss.downcast_IndexBinary(structure.storage)

    def within(
        self,
        structure: faiss.IndexBinaryHNSW,
        queries: np.ndarray,
        radius: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> Within:
        """As Kind.within, if ``scan`` allows a scan; else ValueError: a graph has no radius."""
        if scan:
            return range_search(self.scanned(structure), queries, radius, hidden)
        raise ValueError(
            "search_radius: an hnsw index has no radius search; ask for a scan (scan=True, --scan) "
            "or build a flat or multihash index"
        )

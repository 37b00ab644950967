"""Flat: every code is compared."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, Within
from gluon_hash.retrieval.index.kinds.exact import all_nearest, all_within, flat_structure

__all__ = ["Flat"]


@dataclass(frozen=True)
class Flat(Kind):
    """Exact search by comparing every code. Codes can be deleted in place."""

    name = "flat"

    def create(self, num_bits: int) -> faiss.IndexBinaryFlat:
        """An empty structure for codes of ``num_bits``."""
        return flat_structure(num_bits)

    def restore(self, structure: faiss.IndexBinaryFlat) -> None:
        """Count again, where a structure that was read keeps a heap."""
        structure.use_heap = False

    def remove(self, structure: faiss.IndexBinaryFlat, positions: np.ndarray) -> bool:
        """Take codes out; the structure shrinks."""
        structure.remove_ids(positions)
        return True

    def scanned(self, structure: faiss.IndexBinaryFlat) -> faiss.IndexBinaryFlat:
        """The structure itself."""
        return structure

    def search(
        self,
        structure: faiss.IndexBinaryFlat,
        queries: np.ndarray,
        k: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As Kind.search: exact, also where codes are hidden."""
        return all_nearest(structure, queries, k, hidden)

    def within(
        self,
        structure: faiss.IndexBinaryFlat,
        queries: np.ndarray,
        radius: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> Within:
        """As Kind.within: exact, also where codes are hidden."""
        return all_within(structure, queries, radius, hidden)

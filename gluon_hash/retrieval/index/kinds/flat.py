"""Flat: every code is compared."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, Within, padded_bits, range_search

__all__ = ["Flat", "flat_structure"]


def flat_structure(num_bits: int) -> faiss.IndexBinaryFlat:
    """An empty structure whose ties stay in the order of adding."""
    structure = faiss.IndexBinaryFlat(padded_bits(num_bits))
    structure.use_heap = False  # counting keeps that order, where a heap keeps any of the ties
    return structure


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
        if not hidden.any():
            return super().search(structure, queries, k, hidden, scan=scan)
        kept = np.flatnonzero(~hidden)
        distances, positions = super().search(
            self._fewer(structure, kept), queries, k, hidden[kept], scan=scan
        )
        return distances, kept[positions]

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
        if not hidden.any():
            return range_search(structure, queries, radius, hidden)
        kept = np.flatnonzero(~hidden)
        near = range_search(self._fewer(structure, kept), queries, radius, hidden[kept])
        return near._replace(positions=kept[near.positions])

    def _search_block(
        self, structure: faiss.IndexBinaryFlat, queries: np.ndarray, k: int, hidden: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """FAISS counts: ties are in the order of adding already."""
        distances, positions = structure.search(queries, k)
        return distances, positions

    def _fewer(self, structure: faiss.IndexBinaryFlat, kept: np.ndarray) -> faiss.IndexBinaryFlat:
        """The codes at ``kept`` alone, in their order: fewer to compare."""
        fewer = flat_structure(structure.d)
        fewer.add(self.codes(structure)[kept])
        return fewer

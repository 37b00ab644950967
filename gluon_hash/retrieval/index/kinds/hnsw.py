"""Hnsw: a graph of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, Within, padded_bits
from gluon_hash.retrieval.index.kinds.exact import all_within
from gluon_hash.retrieval.index.kinds.layout import LayoutError, StructureFile, expect_within

__all__ = ["Hnsw"]

GRAPH = b"IBHf"
MOST_LAYERS = 64
MOST_CANDIDATES = 1 << 20


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
    pays_from = 2_000_000

    def create(self, num_bits: int) -> faiss.IndexBinaryHNSW:
        """An empty graph for codes of ``num_bits``."""
        structure = faiss.IndexBinaryHNSW(padded_bits(num_bits), self.num_neighbors)
        structure.hnsw.efConstruction = max(self.search_width, 40)
        self.restore(structure)
        return structure

    def restore(self, structure: faiss.IndexBinaryHNSW) -> None:
        """Set the width of a search."""
        structure.hnsw.efSearch = self.search_width

    def check_file(self, file: StructureFile) -> None:
        """As Kind.check_file: every link leads to a code that is on the link's layer."""
        count, _ = file.header(GRAPH)
        chances = file.vector("<f8")
        if not len(chances) < MOST_LAYERS or not ((chances >= 0) & (chances <= 1)).all():
            raise LayoutError(f"{len(chances)} chances that are not probabilities")
        # layer l of a code has slots ends[l] to ends[l + 1] of its own; "levels" counts its layers
        ends = file.vector("<i4", len(chances) + 1).astype(np.int64)
        levels, offsets = file.vector("<i4", count), file.vector("<u8", count + 1)
        if ends[0] or (np.diff(ends) < 1).any():
            raise LayoutError("the slots of its layers do not follow each other")
        expect_within(levels, 1, len(ends), "layers of a code")
        steps = np.cumsum(np.concatenate([[0], ends[levels]]))
        if not np.array_equal(steps, offsets):
            raise LayoutError("the links of its codes do not follow each other")
        links = file.vector("<i4", int(steps[-1]))
        expect_within(links, -1, count, "a link")
        for layer in range(1, int(levels.max(initial=1))):
            nodes = np.flatnonzero(levels > layer)
            slots = steps[nodes][:, None] + np.arange(ends[layer], ends[layer + 1])
            there = links[slots]
            if (levels[there[there >= 0]] <= layer).any():
                raise LayoutError(f"a link of layer {layer} leads to a code that is not on it")
        entry, top = file.number("<i4"), file.number("<i4")
        at_top = levels[entry] == top + 1 == levels.max() if 0 <= entry < count else count == 0
        if not at_top or (count == 0 and (entry, top) != (-1, -1)):
            raise LayoutError(f"its search begins at code {entry} on layer {top}")
        widths = file.numbers("<i4", 3)  # of building, of searching (set again), of a beam
        if not 1 <= widths[0] <= MOST_CANDIDATES or widths[2] != 1:
            raise LayoutError(f"it was built with widths {widths.tolist()}")
        if len(file.flat()) != count:
            raise LayoutError(f"it links {count} codes, but holds others")

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
            return all_within(self.scanned(structure), queries, radius, hidden)
        raise ValueError(
            "search_radius: an hnsw index has no radius search; ask for a scan (scan=True, --scan) "
            "or build a flat or multihash index"
        )

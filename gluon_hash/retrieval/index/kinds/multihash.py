"""MultiHash: tables of parts of the code, for exact search within a radius."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, Within, padded_bits, range_search
from gluon_hash.retrieval.index.kinds.exact import all_within
from gluon_hash.retrieval.index.kinds.layout import LayoutError, StructureFile

__all__ = ["MultiHash"]

TABLES = b"IBHm"

# Work, in codes compared one after the other, of 3,000,000 codes of 64 bits on 2 cores: measured
# 3800 for a bucket of 1.43 codes (parts of 21 bits), 2000 for one of 0.72 (22 bits).
LOOKUP_COST = 500  # finding a bucket by its hash
CANDIDATE_COST = 2000  # fetching and comparing a code in it


@dataclass(frozen=True)
class MultiHash(Kind):
    """Exact search within a radius, by tables of parts of the code.

    A code within radius r of a query differs in at most r // num_hashes bits in one of
    ``num_hashes`` disjoint parts (pigeonhole), so the buckets that far from the query's hold every
    such code.

    Parameters
    ----------
    num_hashes : int
        Parts, and tables.
    bits_per_hash : int
        Length of a part; num_hashes * bits_per_hash <= num_bits.

    Source: Norouzi, Punjani and Fleet 2012 (multi-index hashing).
    """

    num_hashes: int
    bits_per_hash: int
    name = "multihash"

    @classmethod
    def defaults(cls, num_bits: int, num_codes: int) -> dict[str, int]:
        """Parts about as long as the codes are many: one code a bucket."""
        length = max(1, min(round(math.log2(max(num_codes, 2))), num_bits // 2 or 1, 24))
        return {"num_hashes": num_bits // length, "bits_per_hash": length}

    def create(self, num_bits: int) -> faiss.IndexBinaryMultiHash:
        """An empty structure for codes of ``num_bits``; ValueError if the parts do not fit."""
        if (
            self.num_hashes < 1
            or self.bits_per_hash < 1
            or self.num_hashes * self.bits_per_hash > num_bits
        ):
            raise ValueError(
                f"multihash: {self.num_hashes} hashes of {self.bits_per_hash} bits do not fit into "
                f"a code of {num_bits} bits"
            )
        return faiss.IndexBinaryMultiHash(
            padded_bits(num_bits), self.num_hashes, self.bits_per_hash
        )

    def check_file(self, file: StructureFile) -> None:
        """As Kind.check_file, of the codes: they come before the tables, which are not read."""
        self._stored(file)

    def read(
        self, path: str | os.PathLike[str], num_bits: int, *, memory_mapped: bool
    ) -> faiss.IndexBinaryMultiHash:
        """As Kind.read; the tables are made again of the codes.

        FAISS (1.8 to 1.15) trusts what the tables say, and writes them wrong where 2**n codes, all
        there are, share a part: they are lost when it reads them.
        """
        codes = self._stored(StructureFile(path, padded_bits(num_bits)))
        structure = self.create(num_bits)
        structure.add(np.ascontiguousarray(codes))
        return structure

    def _stored(self, file: StructureFile) -> np.ndarray:
        """The codes in a file."""
        count, _ = file.header(TABLES)
        codes = file.flat()
        if len(codes) != count:
            raise LayoutError(f"it says {count} codes, but holds {len(codes)}")
        return codes

    def may_refuse(self, *, by_radius: bool) -> bool:
        """Both, where the tables do not pay."""
        return True

    def scanned(self, structure: faiss.IndexBinaryMultiHash) -> faiss.IndexBinaryFlat:
        """The codes that the tables point to."""
        return faiss.downcast_IndexBinary(structure.storage)

    def search(
        self,
        structure: faiss.IndexBinaryMultiHash,
        queries: np.ndarray,
        k: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As Kind.search, exact: wider radii for the queries that have not found k yet."""
        distances = np.empty((len(queries), k), np.int32)
        positions = np.empty((len(queries), k), np.int64)
        waiting, radius = np.arange(len(queries)), self.num_hashes - 1
        while len(waiting):
            near = self.within(
                structure, queries[waiting], min(radius, structure.d), hidden, scan=scan
            )
            enough = np.diff(near.offsets) >= k
            take = near.offsets[:-1][enough][:, None] + np.arange(k)
            distances[waiting[enough]] = near.distances[take]
            positions[waiting[enough]] = near.positions[take]
            waiting, radius = waiting[~enough], radius + self.num_hashes
        return distances, positions

    def within(
        self,
        structure: faiss.IndexBinaryMultiHash,
        queries: np.ndarray,
        radius: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> Within:
        """As Kind.within, exact; ValueError if a scan is less work and is not allowed."""
        if self.pays(radius, structure.ntotal):
            structure.nflip = self.flips(radius)
            return range_search(structure, queries, radius, hidden)
        if scan:
            return all_within(self.scanned(structure), queries, radius, hidden)
        largest = self.largest_radius(structure.ntotal)
        pays = "no radius pays here"
        if largest >= 0:
            pays = f"the largest radius that pays here is {largest}"
        raise ValueError(
            f"multihash: at radius {radius} a query would look into {self.num_buckets(radius)} "
            f"buckets of {structure.ntotal} codes, more work than comparing them all; "
            f"{pays}; ask for a scan (scan=True, --scan) or use a flat index"
        )

    def flips(self, radius: int) -> int:
        """Bits to flip in each part so that nothing within ``radius`` is missed."""
        return radius // self.num_hashes

    def num_buckets(self, radius: int) -> int:
        """Buckets that a query looks into."""
        flips = min(self.flips(radius), self.bits_per_hash)
        return self.num_hashes * sum(
            math.comb(self.bits_per_hash, count) for count in range(flips + 1)
        )

    def pays(self, radius: int, num_codes: int) -> bool:
        """Whether it is less work than a scan.

        The work is that of the lookups, and of the codes expected in the buckets if codes are
        spread evenly.
        """
        buckets = self.num_buckets(radius)
        return (
            buckets * (LOOKUP_COST + CANDIDATE_COST * num_codes / 2**self.bits_per_hash) < num_codes
        )

    def largest_radius(self, num_codes: int) -> int:
        """The largest radius that pays; -1 if none does."""
        radius = -1
        while self.pays(radius + 1, num_codes):
            radius += 1
        return radius

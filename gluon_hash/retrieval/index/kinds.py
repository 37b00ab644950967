"""The kinds of a HammingIndex: which FAISS structure holds the codes, and what it promises.

flat       exact, every code is compared.
multihash  exact within a radius; codes that share no part with the query are never looked at.
hnsw, ivf  approximate; `index check` measures the recall. No promise about a radius.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import faiss
import numpy as np

__all__ = ["KINDS", "Flat", "Hnsw", "Ivf", "Kind", "MultiHash", "kind_for"]

# Work, in codes compared one after the other, of 3,000,000 codes of 64 bits on 2 cores: measured
# 3800 for a bucket of 1.43 codes (parts of 21 bits), 2000 for one of 0.72 (22 bits).
LOOKUP_COST = 500  # finding a bucket by its hash
CANDIDATE_COST = 2000  # fetching and comparing a code in it


@dataclass(frozen=True)
class Flat:
    """Exact search by comparing every code. Codes can be deleted in place."""

    name = "flat"

    def create(self, num_padded_bits: int) -> faiss.IndexBinary:
        index = faiss.IndexBinaryFlat(num_padded_bits)
        index.use_heap = (
            False  # counting: ties stay in the order of adding, where a heap keeps any of them
        )
        return index


@dataclass(frozen=True)
class MultiHash:
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

    def create(self, num_padded_bits: int) -> faiss.IndexBinary:
        if (
            self.num_hashes < 1
            or self.bits_per_hash < 1
            or self.num_hashes * self.bits_per_hash > num_padded_bits
        ):
            raise ValueError(
                f"multihash: {self.num_hashes} hashes of {self.bits_per_hash} bits do not fit into "
                "a code "
                f"of {num_padded_bits} bits"
            )
        return faiss.IndexBinaryMultiHash(num_padded_bits, self.num_hashes, self.bits_per_hash)

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
        """Is it less work than a scan: the lookups, and the codes expected in the buckets of evenly
        spread codes?"""
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


@dataclass(frozen=True)
class Hnsw:
    """Approximate search on a graph of neighbours (Malkov and Yashunin 2018). Building it is not
    deterministic.

    Parameters
    ----------
    num_neighbors : int
        Links of a code.
    search_width : int
        Candidates kept during a search: more is slower and finds more.
    """

    num_neighbors: int = 32
    search_width: int = 128
    name = "hnsw"

    def create(self, num_padded_bits: int) -> faiss.IndexBinary:
        index = faiss.IndexBinaryHNSW(num_padded_bits, self.num_neighbors)
        index.hnsw.efSearch = self.search_width
        index.hnsw.efConstruction = max(self.search_width, 40)
        return index


@dataclass(frozen=True)
class Ivf:
    """Approximate search in the lists nearest to the query; the lists are learnt from the first
    codes added.

    Parameters
    ----------
    num_lists : int
        Lists that the codes are divided into.
    num_probes : int
        Lists that a search looks into: all of them is exact.
    """

    num_lists: int = 256
    num_probes: int = 16
    name = "ivf"

    def create(self, num_padded_bits: int) -> faiss.IndexBinary:
        if not 1 <= self.num_probes <= self.num_lists:
            raise ValueError(
                f"ivf: expected 1 <= num_probes <= num_lists, got {self.num_probes} of "
                f"{self.num_lists}"
            )
        quantizer = faiss.IndexBinaryFlat(num_padded_bits)
        index = faiss.IndexBinaryIVF(quantizer, num_padded_bits, self.num_lists)
        index.own_fields = True
        quantizer.this.disown()  # the index frees it
        index.nprobe = self.num_probes
        return index

    def learn(self, index: faiss.IndexBinary, codes: np.ndarray) -> None:
        """Learn the lists from ``codes``; ValueError if there are fewer codes than lists."""
        if len(codes) < self.num_lists:
            raise ValueError(
                f"ivf: the first {len(codes)} codes cannot make {self.num_lists} lists; add more "
                "at once, "
                "or ask for fewer lists"
            )
        index.train(codes)


Kind = Flat | MultiHash | Hnsw | Ivf
KINDS: dict[str, type] = {"flat": Flat, "multihash": MultiHash, "hnsw": Hnsw, "ivf": Ivf}


def kind_for(
    name: str, num_bits: int, num_codes: int, given: Mapping[str, int | None] | None = None
) -> Kind:
    """A kind whose parameters fit ``num_codes`` codes of ``num_bits``, but for those that are
    ``given``.

    Raises
    ------
    ValueError
        If there is no such kind, or it has no parameter of a given name.
    """
    if name not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {name!r}")
    parameters = {
        parameter: value for parameter, value in (given or {}).items() if value is not None
    }
    unknown = set(parameters) - {field.name for field in fields(KINDS[name])}
    if unknown:
        raise ValueError(f"kind {name} does not take {', '.join(sorted(unknown))}")
    return KINDS[name](**{**_defaults(name, num_bits, num_codes), **parameters})


def _defaults(name: str, num_bits: int, num_codes: int) -> dict[str, int]:
    if name == "multihash":  # parts about as long as the codes are many: one code a bucket
        part = max(1, min(round(math.log2(max(num_codes, 2))), num_bits // 2 or 1, 24))
        return {"num_hashes": num_bits // part, "bits_per_hash": part}
    if name == "ivf":
        lists = max(1, min(1024, round(4 * math.sqrt(num_codes)), num_codes))
        return {"num_lists": lists, "num_probes": max(1, lists // 16)}
    return {}


def to_dict(kind: Kind) -> dict[str, Any]:
    """Name and parameters, as JSON values."""
    return {"kind": kind.name, "parameters": asdict(kind)}


def from_dict(description: dict[str, Any]) -> Kind:
    """The inverse of to_dict; KeyError or TypeError if it is none."""
    return KINDS[description["kind"]](**description.get("parameters", {}))

"""Rows of `make bench` for search: ours, FAISS called directly, USearch, NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

import faiss
import numpy as np

from bench_measuring import Bench, Command, Here, Peer, Row, Size, Works
from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.retrieval.index.kinds import kind_for
from gluon_hash.retrieval.index.kinds.ivf import Ivf

__all__ = ["clustered", "growth_rows", "kind_rows", "search_rows"]

NUM_CLASSES, CODES_AT_A_TIME = 100, 100_000
FLIPPED = 0.12  # of the bits of a class, in its images' codes
USEARCH_QUERIES = 100  # a thousand take ten seconds
BEHIND = (
    "Of less than 4 MB of codes ours is FAISS with a check of what is asked; above, the compiled "
    "scan needs AVX-512 VPOPCNTDQ to be ahead, and FAISS is taken without it."
)
WALKED = "Of so few codes a scan takes less than a walk through a graph or lists."


def clustered(num_bits: int, num_codes: int, seed: int) -> np.ndarray:
    """Packed codes around class centers: uint8 (num_codes, num_bits / 8); made in blocks."""
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(24)  # one set of classes for queries and databases
    centers = shared.choice(np.array([-1, 1], np.int8), (NUM_CLASSES, num_bits))
    blocks = []
    for start in range(0, num_codes, CODES_AT_A_TIME):
        fine = rng.integers(0, NUM_CLASSES, min(CODES_AT_A_TIME, num_codes - start))
        noise = rng.random((len(fine), num_bits), np.float32) < FLIPPED
        blocks.append(codes.pack(np.where(noise, -centers[fine], centers[fine])))
    return np.concatenate(blocks)


@lru_cache(maxsize=1)
def database_of(num_bits: int, num_codes: int) -> np.ndarray:
    """The last one that was drawn is kept: rows that follow one another share it."""
    return clustered(num_bits, num_codes, 1)


def search_rows(size: Size) -> Iterator[Row]:
    """One query and many, a million codes and, if asked for, ten."""
    sizes = [size(1_000_000, 20_000), *[10_000_000] * size.large]
    for num_codes in sizes:
        for num_queries, k in ((1, 10), (size(1000, 50), 10), (size(1000, 50), 100)):
            yield search_row(num_queries, num_codes, 64, k, seconds=14 if num_queries > 1 else 8)


def growth_rows(size: Size) -> Iterator[Row]:
    """How the cost grows: with the queries, the database, the bits, the neighbours."""
    million = size(1_000_000, 20_000)
    for count in (1, 10, 100, 1000)[: size(4, 2)]:
        yield search_row(count, million, 64, 10, peers=False)
    for k in (1, 100, 1000)[: size(3, 1)]:
        yield search_row(100, million, 64, k, peers=False)
    for exponent in range(4, 8 if size.large else size(7, 5)):
        if 10**exponent != million:
            yield search_row(100, 10**exponent, 64, 10, peers=False)
    for num_bits in (16, 32, 48, 64, 128, 256, 512, 1024)[: size(8, 2)]:
        yield search_row(100, size(200_000, 5_000), num_bits, 10, peers=False)


def kind_rows(size: Size) -> Iterator[Row]:
    """Kinds that do not compare every code, at sizes that are built in a minute."""
    kinds = [("hnsw", size(200_000, 5_000), 45), ("ivf", size(1_000_000, 20_000), 15)]
    for kind, num_codes, seconds in [*kinds, *[("ivf", 10_000_000, 90)] * size.large]:
        yield Row(
            f"{kind}: {size(1000, 50):,} queries, k = 10, {num_codes:,} codes of 64 bits",
            partial(_kind, kind=kind, num_queries=size(1000, 50), num_codes=num_codes),
            amount=size(1000, 50),
            unit="queries",
            seconds=seconds,
            behind=WALKED,
        )


def search_row(
    num_queries: int,
    num_codes: int,
    num_bits: int,
    k: int,
    *,
    peers: bool = True,
    seconds: float = 5,
) -> Row:
    """``k`` nearest of the queries: ours beside FAISS, and with ``peers`` the others too."""
    plural = "query" if num_queries == 1 else "queries"
    return Row(
        f"{num_queries:,} {plural}, k = {k}, {num_codes:,} codes of {num_bits} bits",
        partial(
            _search,
            num_queries=num_queries,
            num_codes=num_codes,
            num_bits=num_bits,
            k=k,
            peers=peers,
        ),
        amount=num_queries,
        unit="queries",
        seconds=seconds,
        behind=BEHIND,
    )


def _search(
    bench: Bench, *, num_queries: int, num_codes: int, num_bits: int, k: int, peers: bool
) -> Works:
    database, queries = database_of(num_bits, num_codes), clustered(num_bits, num_queries, 2)
    index = HammingIndex(num_bits)
    index.add(database, np.arange(num_codes))
    plain = faiss.IndexBinaryFlat(num_bits)
    plain.add(database)
    assert np.array_equal(index.search(queries[:10], k)[0], plain.search(queries[:10], k)[0])
    rivals: dict[str, Here | Peer | Command] = {
        f"FAISS {faiss.__version__}": Here(lambda: plain.search(queries, k))
    }
    if peers:
        arrays = {"queries": queries, "database": database, "k": k}
        fewer = {**arrays, "queries": queries[:USEARCH_QUERIES]}
        rivals |= {
            "FAISS, newest": Peer("faiss", "bench_rival_codes.faiss_flat", arrays),
            "USearch": Peer(
                "usearch",
                "bench_rival_codes.usearch_exact",
                fewer,
                amount=min(num_queries, USEARCH_QUERIES),
            ),
            "NumPy": Here(lambda: numpy_search(queries[:1], database, k), amount=1),
        }
    limit = bench.machine.scan(num_queries, num_codes, num_bits // 8)
    return Works(Here(lambda: index.search(queries, k)), rivals, limit=limit)


def _kind(bench: Bench, *, kind: str, num_queries: int, num_codes: int) -> Works:
    database, queries = database_of(64, num_codes), clustered(64, num_queries, 2)
    index, flat = HammingIndex(64, kind_for(kind, 64, num_codes)), HammingIndex(64)
    for each in (index, flat):
        each.add(database, np.arange(num_codes))
    found, exact = index.search(queries, 10)[0], flat.search(queries, 10)[0]
    recall = float((found <= exact[:, -1:]).mean())
    compared = num_codes
    if isinstance(index.kind, Ivf):  # a graph is walked: how much of it depends on the query
        compared = num_codes * index.kind.num_probes // index.kind.num_lists
    return Works(
        Here(lambda: index.search(queries, 10)),
        {"our scan": Here(lambda: flat.search(queries, 10))},
        limit=bench.machine.scan(num_queries, compared, 8) if compared < num_codes else None,
        note=f"recall {recall:.3f}",
    )


def numpy_search(queries: np.ndarray, database: np.ndarray, k: int) -> None:
    """XOR, unpackbits, argpartition: as one writes it."""
    for query in queries:
        distance = np.unpackbits(database ^ query, axis=1).sum(axis=1, dtype=np.uint16)
        np.argpartition(distance, k)[:k]

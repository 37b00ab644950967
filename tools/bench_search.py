"""Rows of `make bench` for search: ours, FAISS called directly, NumPy, USearch."""

from __future__ import annotations

from collections.abc import Iterator

import faiss
import numpy as np
from bench_machine import Machine
from bench_measuring import Peer, Row, Sample, Work

from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.retrieval.index.kinds import kind_for

__all__ = ["growth_rows", "kind_rows", "search_rows"]

NUM_CLASSES, CODES_AT_A_TIME = 100, 100_000
FLIPPED = 0.12  # of the bits of a class, in its images' codes


def clustered(rng: np.random.RandomState, centers: np.ndarray, count: int) -> np.ndarray:
    """Packed codes around class centers: uint8 (count, num_bits / 8); made in blocks."""
    blocks = []
    for start in range(0, count, CODES_AT_A_TIME):
        fine = rng.randint(0, len(centers), min(CODES_AT_A_TIME, count - start))
        noise = rng.rand(len(fine), centers.shape[1]).astype(np.float32) < FLIPPED
        blocks.append(codes.pack(np.where(noise, -centers[fine], centers[fine])))
    return np.concatenate(blocks)


def drawn(num_bits: int, num_queries: int, num_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries and a database of the same classes."""
    rng = np.random.RandomState(24)
    centers = rng.choice([-1.0, 1.0], (NUM_CLASSES, num_bits)).astype(np.float32)
    return clustered(rng, centers, num_queries), clustered(rng, centers, num_codes)


def search_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """The rows of the table: one query and many, a million codes and ten."""
    for num_codes in (1_000_000, 10_000_000)[: 1 + large]:
        queries, database = drawn(64, 1000, num_codes)
        for num_queries, k in ((1, 10), (1000, 10), (1000, 100)):
            peers = num_codes == 1_000_000 and k == 10
            yield search_row(machine, queries[:num_queries], database, k, peers=peers)


def growth_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """How the cost grows: with the queries, the database, the bits."""
    queries, database = drawn(64, 1000, 1_000_000)
    for count in (1, 10, 100, 1000):
        yield search_row(machine, queries[:count], database, 10)
    del database
    for exponent in range(4, 8 if large else 7):
        queries, database = drawn(64, 100, 10**exponent)
        yield search_row(machine, queries, database, 10)
    for num_bits in (16, 32, 48, 64, 128, 256, 512, 1024):
        queries, database = drawn(num_bits, 100, 200_000)
        yield search_row(machine, queries, database, 10)


def kind_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """Kinds that do not compare every code, at sizes that are built in a minute."""
    for name, num_codes in (("hnsw", 200_000), ("ivf", 1_000_000)):
        queries, database = drawn(64, 1000, num_codes)
        index = HammingIndex(64, kind_for(name, 64, num_codes))
        flat = HammingIndex(64)
        for each in (index, flat):
            each.add(database, np.arange(num_codes))
        found, exact = index.search(queries, 10)[0], flat.search(queries, 10)[0]
        recall = float((found <= exact[:, -1:]).mean())
        yield Row(
            f"{name}, recall {recall:.3f}: 1,000 queries, k = 10, {num_codes:,} codes of 64 bits",
            "queries",
            1000,
            lambda: index.search(queries, 10),  # noqa: B023
            {"our scan": lambda: flat.search(queries, 10)},  # noqa: B023
        )


def search_row(
    machine: Machine, queries: np.ndarray, database: np.ndarray, k: int, *, peers: bool = False
) -> Row:
    """``k`` nearest of the queries: ours beside FAISS, and with ``peers`` the others too."""
    num_codes, num_bytes = database.shape
    index = HammingIndex(8 * num_bytes)
    index.add(database, np.arange(num_codes))
    plain = faiss.IndexBinaryFlat(8 * num_bytes)
    plain.add(database)
    assert np.array_equal(index.search(queries[:10], k)[0], plain.search(queries[:10], k)[0])
    arrays = {"queries": queries, "database": database, "k": np.array(k)}
    rivals: dict[str, Work] = {f"FAISS {faiss.__version__}": lambda: plain.search(queries, k)}
    if peers:
        rivals |= {
            "FAISS, newest": Peer("faiss", "faiss_flat", arrays),
            "USearch": Peer("usearch", "usearch_exact", arrays),
            "NumPy": Sample(lambda: numpy_search(queries[:1], database, k), 1),
        }
    plural = "query" if len(queries) == 1 else "queries"
    name = f"{len(queries):,} {plural}, k = {k}, {num_codes:,} codes of {8 * num_bytes} bits"
    return Row(
        name,
        "queries",
        len(queries),
        lambda: index.search(queries, k),
        rivals,
        machine.scan_limit(len(queries), num_codes, num_bytes),
    )


def numpy_search(queries: np.ndarray, database: np.ndarray, k: int) -> None:
    """XOR, unpackbits, argpartition: as one writes it."""
    for query in queries:
        distance = np.unpackbits(database ^ query, axis=1).sum(axis=1, dtype=np.uint16)
        np.argpartition(distance, k)[:k]

"""Rows of `make bench` for evaluation: ours, a NumPy loop, two libraries of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import numpy as np

from bench_measuring import Bench, Command, Here, Peer, Row, Size, Works
from gluon_hash.retrieval import CodeTable, codes, evaluate, metrics
from gluon_hash.retrieval.evaluation import measure_and_draw

__all__ = ["evaluation_growth_rows", "evaluation_rows", "pair"]

NUM_CLASSES, NUM_BITS = 100, 48
FEW = 100  # queries of a rival that would take minutes


def table(num_bits: int, num_levels: int, count: int, seed: int) -> CodeTable:
    """Codes around class centers; level 1 has a fifth of the classes, each further one half."""
    rng, centers = np.random.default_rng(seed), _centers(num_bits)
    fine = rng.integers(0, NUM_CLASSES, count)
    packed = np.concatenate(
        [
            codes.pack(centers[part] + 1.5 * rng.standard_normal((len(part), num_bits), np.float32))
            for part in np.array_split(fine, max(1, count // 100_000))
        ]
    )
    labels = [fine, *(fine // (5 * 2**level) for level in range(num_levels - 1))]
    level_labels = np.stack(labels, axis=1).astype(np.int32)
    return CodeTable(np.arange(count), packed, level_labels, num_bits)


@lru_cache(maxsize=1)
def _centers(num_bits: int) -> np.ndarray:
    return np.random.default_rng(24).standard_normal((NUM_CLASSES, num_bits), np.float32)


@lru_cache(maxsize=1)
def pair(
    num_queries: int, num_codes: int, num_bits: int, num_levels: int
) -> tuple[CodeTable, CodeTable]:
    """Queries and a database of the same classes."""
    parts = ((num_queries, 2), (num_codes, 1))
    query, database = (table(num_bits, num_levels, *part) for part in parts)
    return query, database


def evaluation_rows(size: Size) -> Iterator[Row]:
    """The CIFAR-100 protocol, with what may be asked for besides."""
    counts = size(10_000, 300), size(50_000, 3_000)
    what = f"every metric, {counts[0]:,} x {counts[1]:,}, {NUM_BITS} bits"
    yield evaluation_row(f"{what}, 2 levels", counts, 2, rivals=True, seconds=90)
    yield evaluation_row(f"{what}, 1 level", counts, 1)
    yield evaluation_row(f"{what}, 6 levels", counts, 6)
    yield evaluation_row(f"{what}, 2 levels, with --confidence", counts, 2, how="confidence")
    yield evaluation_row(f"{what}, 2 levels, with --curves", counts, 2, how="curves", seconds=15)
    if size.large:
        what = "every metric, 1,000 x 10,000,000, 64 bits, 2 levels"
        yield evaluation_row(what, (1_000, 10_000_000), 2, num_bits=64, seconds=120)


def evaluation_growth_rows(size: Size) -> Iterator[Row]:
    """How the cost grows: with the database, the levels, the bits."""
    count, database = size(1000, 50), size(50_000, 3_000)
    for number in [5_000, 50_000, 500_000][: size(3, 1)]:
        yield evaluation_row(f"database of {number:,}", (count, number), 2)
    for levels in range(1, size(7, 3)):
        name = f"{levels} level{'s' * (levels > 1)}"
        yield evaluation_row(name, (count, database), levels, seconds=3)
    for bits in (16, 64, 128, 256, 512, 1024)[: size(6, 1)]:
        yield evaluation_row(f"{bits:,} bits", (count, database), 2, num_bits=bits, seconds=3)


def evaluation_row(
    name: str,
    counts: tuple[int, int],
    num_levels: int,
    *,
    num_bits: int = NUM_BITS,
    rivals: bool = False,
    how: str = "",
    seconds: float = 8,
) -> Row:
    """A row of so many queries and codes."""
    return Row(
        name,
        partial(
            _evaluation,
            counts=counts,
            num_levels=num_levels,
            num_bits=num_bits,
            rivals=rivals,
            how=how,
        ),
        amount=counts[0],
        unit="queries",
        seconds=seconds,
    )


def _evaluation(
    bench: Bench,
    *,
    counts: tuple[int, int],
    num_levels: int,
    num_bits: int,
    rivals: bool,
    how: str,
) -> Works:
    query, database = pair(*counts, num_bits, num_levels)
    ours: dict[str, Callable[[], object]] = {
        "": lambda: evaluate(query, database),
        "confidence": lambda: evaluate(query, database, confidence=95),
        "curves": lambda: measure_and_draw(query, database),
    }
    limit = bench.machine.scan(*counts, -(-num_bits // 8))
    if not rivals:
        return Works(Here(ours[how]), limit=limit)
    few = query.take(np.arange(min(FEW, len(query))))
    _check(few, database)
    return Works(
        Here(ours[how]),
        {
            f"NumPy loop ({LOOPED})": Here(lambda: numpy_loop(few, database), amount=len(few)),
            **_peers(few, database),
        },
        limit=limit,
    )


LOOPED = "AP, AHP, nDCG"


def _peers(few: CodeTable, database: CodeTable) -> dict[str, Here | Peer | Command]:
    arrays = {
        "queries": codes.unpack(few.codes, few.num_bits).astype(np.float32),
        "database": codes.unpack(database.codes, few.num_bits).astype(np.float32),
        "query_labels": few.level_labels[:, 0],
        "labels": database.level_labels[:, 0],
    }
    amount = len(few)
    return {
        "torchmetrics (AP, precision, nDCG)": Peer(
            "torchmetrics", "bench_rival_codes.torchmetrics", arrays, amount=amount
        ),
        "pytorch-metric-learning (AP)": Peer(
            "metric_learning", "bench_rival_codes.metric_learning", arrays, amount=amount
        ),
    }


def _check(few: CodeTable, database: CodeTable) -> None:
    """The rival in this process measures what ours measures."""
    ours, looped = evaluate(few, database), numpy_loop(few, database)
    cut = next(name for name in ours if name.startswith("mahp@"))
    assert np.allclose(looped, [ours["map"], ours[cut], ours["ndcg@100"]])


def numpy_loop(query: CodeTable, database: CodeTable) -> np.ndarray:
    """The recipe of most code bases: per query a product of +-1 codes, an argsort, the metrics."""
    base = codes.unpack(database.codes, database.num_bits).astype(np.float32)
    unpacked = codes.unpack(query.codes, query.num_bits).astype(np.float32)
    rows = []
    for code, labels in zip(unpacked, query.level_labels):
        order = np.argsort(0.5 * (query.num_bits - base @ code), kind="stable")
        match = database.level_labels[order] == labels
        gain = match.sum(axis=1)[None]
        rows.append(
            [
                metrics.average_precision(match[None, :, 0])[0],
                metrics.ahp(gain, min(2500, len(database)))[0],
                metrics.ndcg(gain, 100)[0],
            ]
        )
    return np.mean(rows, axis=0)

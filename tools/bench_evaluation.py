"""Rows of `make bench` for evaluation: ours, a NumPy loop, the slow twin, one more library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sys import path

import numpy as np
from bench_machine import Machine
from bench_measuring import Peer, Row, Sample

path.append(str(Path(__file__).resolve().parent.parent / "tests"))
import reference

from gluon_hash.retrieval import CodeTable, Cutoffs, codes, evaluate, measure, metrics

__all__ = ["evaluation_growth_rows", "evaluation_rows"]

NUM_CLASSES, NUM_BITS = 100, 48


def table(rng: np.random.RandomState, centers: np.ndarray, count: int, levels: int) -> CodeTable:
    """Codes around class centers; level 1 has a fifth of the classes, each further one half."""
    fine = rng.randint(0, len(centers), count)
    relaxed = np.concatenate(
        [
            codes.pack(centers[part] + 1.5 * rng.standard_normal((len(part), centers.shape[1])))
            for part in np.array_split(fine, max(1, count // 100_000))
        ]
    )
    labels = [fine, *(fine // (5 * 2**level) for level in range(levels - 1))]
    return CodeTable(
        np.arange(count), relaxed, np.stack(labels, axis=1).astype(np.int32), centers.shape[1]
    )


def pair(queries: int, database: int, bits: int, levels: int) -> tuple[CodeTable, CodeTable]:
    """Queries and a database of the same classes."""
    rng = np.random.RandomState(24)
    centers = rng.randn(NUM_CLASSES, bits)
    return table(rng, centers, queries, levels), table(rng, centers, database, levels)


def evaluation_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """The CIFAR-100 protocol, and with ``large`` ten million codes."""
    query, database = pair(10_000, 50_000, NUM_BITS, 2)
    first, some, few = (
        query.take(np.arange(100)),
        query.take(np.arange(2)),
        database.take(np.arange(2000)),
    )
    cutoffs = Cutoffs(ahp=250, ndcg=250, precision=250)
    _check(first, database, some, few, cutoffs)
    yield Row(
        "evaluate, every metric, 10,000 x 50,000, 48 bits",
        "queries",
        10_000,
        lambda: evaluate(query, database),
        {"NumPy loop (AP, AHP, nDCG)": Sample(lambda: numpy_loop(first, database), 100)},
    )
    yield Row(
        "evaluate, every metric, 100 x 50,000, 48 bits",
        "queries",
        100,
        lambda: evaluate(first, database),
        {"pytorch-metric-learning (mAP)": _metric_learning(first, database)},
    )
    yield Row(
        "evaluate, every metric, 1,000 x 2,000, 48 bits",
        "queries",
        1000,
        lambda: measure(query.take(np.arange(1000)), few, cutoffs=cutoffs),
        {"slow twin": Sample(lambda: reference.slow_metrics(some, few, 2, 250), 2)},
    )
    if large:
        query, database = pair(1000, 10_000_000, 64, 2)
        yield Row(
            "evaluate, every metric, 1,000 x 10,000,000, 64 bits",
            "queries",
            1000,
            lambda: evaluate(query, database),
        )


def _check(
    first: CodeTable, database: CodeTable, some: CodeTable, few: CodeTable, cutoffs: Cutoffs
) -> None:
    """The rivals in this process measure what ours measures."""
    close = evaluate(first, database)
    looped = numpy_loop(first, database)
    assert np.allclose(looped, [close["map"], close["mahp@2500"], close["ndcg@100"]])
    fast = measure(some, few, cutoffs=cutoffs)
    names = [fast.names.index(name) for name in reference.metric_names(2, 250, 100)]
    assert np.allclose(fast.values[:, names], reference.slow_metrics(some, few, 2, 250))


def _metric_learning(query: CodeTable, database: CodeTable) -> Peer:
    arrays = {
        "queries": codes.unpack(query.codes, NUM_BITS).astype(np.float32),
        "database": codes.unpack(database.codes, NUM_BITS).astype(np.float32),
        "query_labels": query.level_labels[:, 0],
        "labels": database.level_labels[:, 0],
    }
    return Peer("metric_learning", "pytorch_metric_learning", arrays)


def evaluation_growth_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """How the cost grows: with the levels and the bits."""
    for levels in range(1, 7):
        query, database = pair(1000, 50_000, NUM_BITS, levels)
        yield _growing(query, database, f"{levels} level{'s' * (levels > 1)}")
    for bits in (16, 64, 128, 256, 512, 1024):
        query, database = pair(1000, 50_000, bits, 2)
        yield _growing(query, database, f"{bits} bits")


def _growing(query: CodeTable, database: CodeTable, what: str) -> Row:
    name = f"evaluate, every metric, 1,000 x 50,000, {what}"
    return Row(name, "queries", len(query), lambda: evaluate(query, database))


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
                metrics.ahp(gain, 2500)[0],
                metrics.ndcg(gain, 100)[0],
            ]
        )
    return np.mean(rows, axis=0)

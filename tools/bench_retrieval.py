"""Evaluation and search: seconds, memory, and ratios to NumPy, the slow twin and plain FAISS.

`make bench` runs it; `--large` adds 10,000,000 codes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from gluon_hash import environment

environment.set_threads()

import faiss
import numpy as np
import reference

from gluon_hash.retrieval import CodeTable, Cutoffs, HammingIndex, codes, evaluate, measure, metrics
from gluon_hash.retrieval.index.check import check_index
from gluon_hash.retrieval.index.kinds import kind_for

NUM_CLASSES = 100


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it returned."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def peak() -> str:
    """Largest resident memory of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB at most so far"


def clustered(rng: np.random.RandomState, centers: np.ndarray, count: int) -> CodeTable:
    """Codes around class centers: 100 fine classes, 5 to a coarse one; made in blocks."""
    fine = rng.randint(0, NUM_CLASSES, count)
    packed = np.concatenate(
        [
            codes.pack(
                centers[fine[start : start + 100_000]]
                + 1.5
                * rng.standard_normal(
                    (len(fine[start : start + 100_000]), centers.shape[1])
                ).astype(np.float32)
            )
            for start in range(0, count, 100_000)
        ]
    )
    labels = np.stack([fine, fine // 5], axis=1).astype(np.int32)
    return CodeTable(np.arange(count), packed, labels, centers.shape[1])


def numpy_loop(query: CodeTable, database: CodeTable) -> np.ndarray:
    """The recipe of most code bases: per query a product of +-1 codes, an argsort, the metrics."""
    base = codes.unpack(database.codes, database.num_bits).astype(np.float32)
    rows = []
    for code, labels in zip(
        codes.unpack(query.codes, query.num_bits).astype(np.float32), query.level_labels
    ):
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


def part(table: CodeTable, count: int) -> CodeTable:
    """The first ``count`` rows."""
    return CodeTable(
        table.ids[:count], table.codes[:count], table.level_labels[:count], table.num_bits
    )


def evaluation(rng: np.random.RandomState) -> None:
    """The CIFAR-100 protocol: 10,000 x 50,000 at 48 bits, every metric."""
    centers = rng.randn(NUM_CLASSES, 48).astype(np.float32)
    query, database = clustered(rng, centers, 10_000), clustered(rng, centers, 50_000)
    first, _ = timed(lambda: evaluate(part(query, 10), part(database, 1000)))
    ours, result = timed(lambda: evaluate(query, database))
    loop, looped = timed(lambda: numpy_loop(part(query, 100), database))
    few = part(database, 2000)
    twin, rows = timed(lambda: reference.slow_metrics(part(query, 2), few, 2, 250))
    quick, fast = timed(
        lambda: measure(part(query, 1000), few, cutoffs=Cutoffs(ahp=250, ndcg=250, precision=250))
    )
    assert np.allclose(
        fast.values[:2, [fast.names.index(name) for name in reference.metric_names(2, 250, 100)]],
        rows,
    )
    close = evaluate(part(query, 100), database)
    assert np.allclose(looped, [close["map"], close["mahp@2500"], close["ndcg@100"]])
    print(
        f"evaluate, every metric, 10000 x 50000 at 48 bits: {ours:.2f} s (first call, compiling or "
        "loading: "
        f"{first:.2f} s), {peak()}; map {result['map']:.4f}"
    )
    print(
        f"  NumPy loop (AP, AHP, nDCG): {100 * loop:.1f} s, {100 * loop / ours:.0f} times ours, "
        "from 100 queries"
    )
    print(
        f"  slow twin, every metric, one query and 2000 codes: {twin / 2:.2f} s, "
        f"{500 * twin / quick:.0f} times ours"
    )


def search(rng: np.random.RandomState) -> None:
    """100 nearest of 1,000 queries among 1,000,000 codes of 64 bits."""
    centers = rng.randn(NUM_CLASSES, 64).astype(np.float32)
    query, database = clustered(rng, centers, 1000), clustered(rng, centers, 1_000_000)
    index = HammingIndex(64)
    index.add(database.codes, database.ids)
    ours, (found, _) = timed(lambda: index.search(query.codes, 100))
    plain = faiss.IndexBinaryFlat(64)
    plain.add(database.codes)
    direct, (expected, _) = timed(lambda: plain.search(query.codes, 100))
    assert (found == expected).all()
    words = database.codes.view(np.uint64)[:, 0]

    def brute() -> None:
        for code in query.codes[:5].view(np.uint64)[:, 0]:
            distance = np.unpackbits((words ^ code).view(np.uint8).reshape(-1, 8), axis=1).sum(
                axis=1
            )
            np.argpartition(distance, 100)[:100]

    slow, _ = timed(brute)
    print(
        f"search, k = 100, 1000 queries in 1,000,000 codes of 64 bits: {ours:.2f} s; plain FAISS "
        f"{direct:.2f} s "
        f"(ours / FAISS {ours / direct:.2f}); NumPy {200 * slow:.0f} s ({200 * slow / ours:.0f} "
        "times ours); "
        f"{peak()}"
    )


def large(rng: np.random.RandomState) -> None:
    """10,000,000 codes of 64 bits: evaluate 1,000 queries; build, save, load, search every kind."""
    centers = rng.randn(NUM_CLASSES, 64).astype(np.float32)
    query, database = clustered(rng, centers, 1000), clustered(rng, centers, 10_000_000)
    seconds, result = timed(lambda: evaluate(query, database))
    print(
        f"evaluate, every metric, 1000 x 10,000,000 at 64 bits: {seconds:.1f} s, {peak()}; map "
        f"{result['map']:.4f}"
    )
    for name in ("flat", "multihash", "ivf", "hnsw"):
        database = (
            database if name != "hnsw" else part(database, 200_000)
        )  # its graph takes minutes for each million
        index = HammingIndex(64, kind_for(name, 64, len(database)))
        with tempfile.TemporaryDirectory() as folder:
            build, _ = timed(lambda: index.add(database.codes, database.ids))  # noqa: B023
            save, _ = timed(lambda: index.save(Path(folder) / "index"))  # noqa: B023
            load, index = timed(lambda: HammingIndex.load(Path(folder) / "index"))  # noqa: B023
        if name == "multihash":
            radius = index.kind.largest_radius(len(index))
            took, near = timed(lambda: index.search_radius(query.codes[:100], radius))  # noqa: B023
            scan, _ = timed(lambda: flat.search_radius(query.codes[:100], radius))  # noqa: B023
            text = (
                f"radius {radius}, 100 queries: {took:.4f} s, {len(near.ids)} found; "
                f"a scan: {scan:.2f} s"
            )
        elif name == "flat":
            flat = index
            took, _ = timed(lambda: index.search(query.codes, 10))  # noqa: B023
            text = f"k = 10, 1000 queries: {took:.2f} s"
        else:
            checked = check_index(index, query.codes[:200], 10)
            text = (
                f"k = 10, 200 queries: {checked['seconds']:.2f} s (scan "
                f"{checked['scan_seconds']:.2f} s), recall "
                f"{checked['recall@10']:.3f}"
            )
        print(
            f"index of {len(index)} codes, {index.kind}: build {build:.1f} s, save {save:.1f} s, "
            f"load {load:.1f} s; "
            f"{text}; {peak()}"
        )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--large", action="store_true", help="also 10,000,000 codes (about 2 GB, minutes)"
    )
    options = parser.parse_args()
    rng = np.random.RandomState(24)
    evaluation(rng)
    search(rng)
    if options.large:
        large(rng)


if __name__ == "__main__":
    main()

"""Rows of `make bench` for figures: codes in the plane."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from bench_measuring import Bench, Here, Peer, Row, Size, Works
from bench_search import clustered
from gluon_hash.plots import embed
from gluon_hash.retrieval import codes

__all__ = ["plot_rows"]

NUM_BITS, SEED, FEW = 48, 24, 200


def plot_rows(size: Size) -> Iterator[Row]:
    """t-SNE of ten thousand codes."""
    count = size(10_000, 500)
    yield Row(
        f"t-SNE of {count:,} codes of {NUM_BITS} bits",
        partial(_tsne, count=count),
        seconds=100,
        behind="Ours calls scikit-learn (Barnes-Hut); openTSNE interpolates by FFT.",
    )


def _tsne(bench: Bench, *, count: int) -> Works:
    from sklearn.manifold import TSNE

    drawn = codes.unpack(clustered(NUM_BITS, count, 1), NUM_BITS)
    embed(drawn[:FEW], SEED)  # what it imports is not measured
    inputs = {"codes": drawn.astype(np.float32), "seed": SEED}
    return Works(
        Here(lambda: embed(drawn, SEED), warm=False),
        {
            "openTSNE": Peer("opentsne", "bench_rival_images.opentsne", inputs, warm=False),
            "scikit-learn": Here(
                lambda: TSNE(perplexity=30, init="pca", random_state=SEED).fit_transform(
                    inputs["codes"]
                ),
                warm=False,
            ),
        },
    )

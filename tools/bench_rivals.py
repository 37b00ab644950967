"""The rivals that have an environment of their own; this file runs there, without gluon_hash.

A rival is a function of its inputs that returns the work to be timed. The process does the work
for every line that it is sent, and prints the seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

Inputs = Mapping[str, np.ndarray]
SHORTEST = 0.2


def faiss_flat(inputs: Inputs) -> Callable[[], object]:
    """FAISS's IndexBinaryFlat."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * inputs["database"].shape[1])
    index.add(inputs["database"])
    return lambda: index.search(inputs["queries"], int(inputs["k"]))


def usearch_exact(inputs: Inputs) -> Callable[[], object]:
    """USearch's exact search of bits."""
    from usearch.index import MetricKind, search

    database, queries, k = inputs["database"], inputs["queries"], int(inputs["k"])
    return lambda: search(database, queries, k, MetricKind.Hamming, exact=True)


def pytorch_metric_learning(inputs: Inputs) -> Callable[[], object]:
    """AccuracyCalculator's mean average precision, of {-1, +1} codes by inner product."""
    import torch
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    calculator = AccuracyCalculator(
        include=("mean_average_precision",),
        k=len(inputs["database"]),
        knn_func=CustomKNN(DotProductSimilarity(normalize_embeddings=False), batch_size=100),
        device=torch.device("cpu"),
    )
    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    return lambda: calculator.get_accuracy(
        tensors["queries"], tensors["query_labels"], tensors["database"], tensors["labels"]
    )


def torch_resnet50(inputs: Inputs) -> Callable[[], object]:
    """A training step of torchvision's ResNet-50, channels last."""
    import torch
    import torchvision

    net = torchvision.models.resnet50(num_classes=int(inputs["num_bits"]))
    net = net.to(memory_format=torch.channels_last)
    images = torch.from_numpy(inputs["images"]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad()
        net(images).square().mean().backward()
        optimizer.step()

    return step


def main() -> None:
    """``bench_rivals.py WORK INPUTS.npz``."""
    name, path = sys.argv[1:]
    with np.load(path) as file:
        work = globals()[name](dict(file))
    work()
    started = time.perf_counter()
    work()
    calls = max(1, min(1000, int(SHORTEST / max(time.perf_counter() - started, 1e-9))))
    for _ in sys.stdin:
        least = float("inf")
        for _ in range(calls):
            started = time.perf_counter()
            work()
            least = min(least, time.perf_counter() - started)
        print(least, flush=True)


if __name__ == "__main__":
    main()

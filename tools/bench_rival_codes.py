"""Rivals that search and evaluate codes; each runs in its own environment, without gluon_hash."""

from __future__ import annotations

import numpy as np

from bench_rivals import Inputs, Work

__all__ = ["faiss_flat", "metric_learning", "torchmetrics", "usearch_exact"]


def faiss_flat(inputs: Inputs) -> Work:
    """FAISS's IndexBinaryFlat."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * inputs["database"].shape[1])
    index.add(inputs["database"])
    return lambda: index.search(inputs["queries"], int(inputs["k"]))


def usearch_exact(inputs: Inputs) -> Work:
    """USearch's exact search of bits."""
    from usearch.index import MetricKind, search

    database, queries, k = inputs["database"], inputs["queries"], int(inputs["k"])
    return lambda: search(database, queries, k, MetricKind.Hamming, exact=True)


def metric_learning(inputs: Inputs) -> Work:
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


def torchmetrics(inputs: Inputs) -> Work:
    """Its average precision, precision@100 and nDCG@100 of each query, by inner product."""
    import torch
    from torchmetrics.functional import retrieval

    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    labels, query_labels = tensors["labels"], tensors["query_labels"]

    def work() -> np.ndarray:
        scores = tensors["queries"] @ tensors["database"].T  # (num_queries, num_database)
        values = []
        for score, label in zip(scores, query_labels):
            relevant = labels == label
            values.append(
                [
                    float(retrieval.retrieval_average_precision(score, relevant)),
                    float(retrieval.retrieval_precision(score, relevant, top_k=100)),
                    float(retrieval.retrieval_normalized_dcg(score, relevant, top_k=100)),
                ]
            )
        return np.mean(values, axis=0)

    return work

"""Fit a baseline on features: one function a method, one table of names."""

from __future__ import annotations

import os
from collections.abc import Callable

import faiss
import numpy as np

from gluon_hash.arrays import load_arrays
from gluon_hash.errors import DataError
from gluon_hash.progress import track
from gluon_hash.retrieval.baselines.itml import learn_metric
from gluon_hash.retrieval.baselines.models import (
    KernelHash,
    LinearHash,
    ProductQuantizer,
    rbf_kernel,
)

__all__ = ["BASELINES", "Fitted", "fit", "load_baseline"]

Fitted = LinearHash | KernelHash | ProductQuantizer
ITQ_ITERATIONS = 50
NUM_ANCHORS, NUM_DRAWN = 300, 30  # KLSH: the paper's p and t
SUBSELECTED = 0.1
METRIC_AXES = 128
COLUMNS_AT_A_TIME = 128  # of features, centred
ROWS_AT_A_TIME = 6144  # a multiple of what BLAS takes at a time: the bits are those of one block
UNKNOWN = -1  # a label that is not known


def fit(
    name: str, features: np.ndarray, fine_labels: np.ndarray | None, num_bits: int, *, seed: int
) -> Fitted:
    """Fit a baseline.

    Parameters
    ----------
    name : str
        A key of BASELINES.
    features : float16, float32 or float64, shape (N, D)
        Computed with as float32.
    fine_labels : int, shape (N,), optional
        Read by metric_lsh only, which needs them.
    num_bits : int
    seed : int
        Of everything drawn: the same features and seed give the same model.

    Raises
    ------
    ValueError
        If there is no such method, a feature is not finite, or the method cannot make
        that many bits.
    """
    if name not in BASELINES:
        raise ValueError(f"method: expected one of {', '.join(BASELINES)}, got {name!r}")
    features = np.asarray(features, dtype=np.float32)
    if num_bits < 1 or features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"{name}: expected num_bits >= 1 and features (N, D) of at least two images, got "
            f"{num_bits} and {features.shape}"
        )
    labels = np.full(len(features), UNKNOWN) if fine_labels is None else np.asarray(fine_labels)
    if len(labels) != len(features):
        raise ValueError(
            f"{name}: expected {len(features)} labels, one for each image, got {len(labels)}"
        )
    blocks = range(0, len(features), ROWS_AT_A_TIME)
    if not all(np.isfinite(features[start : start + ROWS_AT_A_TIME]).all() for start in blocks):
        raise ValueError(f"{name}: a feature is not finite")
    return BASELINES[name](features, labels, num_bits, np.random.RandomState(seed))


def load_baseline(path: str | os.PathLike[str]) -> Fitted:
    """Read a model that ``save`` wrote; DataError if it is damaged, newer, or no baseline."""
    kind = str(load_arrays(path, ("kind",))["kind"])
    if kind == "linear":
        arrays = load_arrays(path, ("name", "mean", "weights"))
        return LinearHash(str(arrays["name"]), arrays["mean"], arrays["weights"])
    if kind == "kernel":
        arrays = load_arrays(path, ("name", "anchors", "gamma", "mean", "weights"))
        return KernelHash(
            str(arrays["name"]),
            arrays["anchors"],
            float(arrays["gamma"]),
            arrays["mean"],
            arrays["weights"],
        )
    if kind == "product":
        arrays = load_arrays(path, ("name", "num_features", "centroids"))
        return ProductQuantizer(
            str(arrays["name"]), int(arrays["num_features"]), arrays["centroids"]
        )
    raise DataError(
        f"expected a fitted linear, kernel or product baseline, got kind {kind!r}", path=path
    )


def _lsh(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """Random projections: two codes differ in a bit with probability angle / pi (Charikar 2002)."""
    return LinearHash(
        "lsh",
        features.mean(axis=0),
        rng.standard_normal((features.shape[1], num_bits)).astype("f4"),
    )


def _pca(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """Signs of the leading principal components."""
    mean, axes = _principal_axes("pca", features, num_bits)
    return LinearHash("pca", mean, axes)


def _pca_rr(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """Principal components under a random rotation, so that each bit has a share of each of them.

    Source: Moummad et al. 2025 (Hashing-Baseline, arXiv:2509.14427), on features of pretrained
    networks: centred, projected to num_bits principal axes, multiplied by the orthogonal factor of
    a Gaussian matrix, cut at 0. Theirs estimates the axes by a randomised SVD and ranks by the
    sum of |sigmoid(u_j) - b_j| over the bits of the database, u the relaxed code of the query; the
    exact axes, and Hamming distances as of all baselines here, are ours.
    """
    mean, axes = _principal_axes("pca_rr", features, num_bits)
    return LinearHash("pca_rr", mean, (axes @ _random_rotation(num_bits, rng)).astype(np.float32))


def _itq(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """Iterative quantisation: PCA, then the rotation that brings it closest to its signs.

    Source: Gong and Lazebnik 2011.
    """
    mean, axes = _principal_axes("itq", features, num_bits)
    projected = _projected(features, mean, axes)
    rotation = _random_rotation(num_bits, rng)
    for _ in track(range(ITQ_ITERATIONS), "rotate", ITQ_ITERATIONS, "rounds"):
        rotation = procrustes(projected, rotation)
    return LinearHash("itq", mean, (axes @ rotation).astype(np.float32))


def _subselective(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """ITQ whose covariance and rotations are each estimated from some of the images.

    Source: Li et al., AAAI 2014: sub-selection in place of whole matrix products. Drawing other
    images in every iteration, and their number (a tenth, at least 20 times num_bits), are ours.
    """
    count = min(len(features), max(int(SUBSELECTED * len(features)), 20 * num_bits))

    def draw() -> np.ndarray:
        return features[rng.permutation(len(features))[:count]]

    mean, axes = _principal_axes("subselective", draw(), num_bits)
    rotation = _random_rotation(num_bits, rng)
    for _ in track(range(ITQ_ITERATIONS), "rotate", ITQ_ITERATIONS, "rounds"):
        rotation = procrustes((draw() - mean) @ axes, rotation)
    return LinearHash("subselective", mean, (axes @ rotation).astype(np.float32))


def _metric_lsh(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> LinearHash:
    """LSH under a learned Mahalanobis metric A = G'G: sign(r' G x) (Jain, Kulis and Grauman 2008).

    A is learnt by ITML, as in the paper, in the space of the leading principal axes (their number
    is ours).
    """
    if (labels == UNKNOWN).any():
        raise ValueError(
            "metric_lsh: learns from the classes of the images, and some are not known; give "
            "labels, or take another method"
        )
    mean, axes = _principal_axes("metric_lsh", features, min(METRIC_AXES, *features.shape))
    values, vectors = np.linalg.eigh(learn_metric((features - mean) @ axes, labels, rng))
    scales = np.sqrt(np.maximum(values, 0.0))  # rounding may leave a value below 0
    root = (vectors * scales) @ vectors.T
    weights = axes @ root @ rng.standard_normal((len(root), num_bits))
    return LinearHash("metric_lsh", mean, weights.astype(np.float32))


def _klsh(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> KernelHash:
    """Kernelised LSH with an RBF kernel: random directions built from anchors.

    Source: Kulis and Grauman 2009. A direction is K^(-1/2) e_S, S a draw of t of the p anchors, in
    the space centred on the anchors. gamma is one over the median squared distance of the anchors
    (ours).
    """
    anchors = features[np.sort(rng.permutation(len(features))[:NUM_ANCHORS])]
    squared = -np.log(
        np.maximum(rbf_kernel(anchors, anchors, 1.0 / features.var(axis=0).sum()), 1e-300)
    )
    gamma = 1.0 / (max(float(np.median(squared)), 1e-12) * features.var(axis=0).sum())
    kernel = rbf_kernel(anchors, anchors, gamma)
    mean = kernel.mean(axis=0)
    centred = kernel - mean - mean[:, None] + kernel.mean()
    values, vectors = np.linalg.eigh(centred.astype(np.float64))
    values, vectors = values[values > 1e-8], vectors[:, values > 1e-8]
    root = (vectors / np.sqrt(values)) @ vectors.T
    drawn = np.zeros((len(anchors), num_bits))
    for bit in range(num_bits):
        drawn[rng.permutation(len(anchors))[:NUM_DRAWN], bit] = 1.0 / NUM_DRAWN
    weights = root @ (drawn - 1.0 / len(anchors))
    weights -= weights.mean(axis=0)  # the centring of k(x) over the anchors
    return KernelHash("klsh", anchors, gamma, mean.astype(np.float32), weights.astype(np.float32))


def _pq(
    features: np.ndarray, labels: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> ProductQuantizer:
    """Product quantisation, one byte a part (Jegou, Douze and Schmid 2011)."""
    parts, num_features = num_bits // 8, features.shape[1]
    if num_bits % 8 or parts > num_features or len(features) < 256:
        raise ValueError(
            f"pq: needs a multiple of 8 bits, at most 8 bits a feature ({8 * num_features} here) "
            f"and 256 images, got {num_bits} bits and {len(features)} images"
        )
    width = -(-num_features // parts)
    padded = np.ascontiguousarray(np.pad(features, ((0, 0), (0, parts * width - num_features))))
    quantizer = faiss.ProductQuantizer(parts * width, parts, 8)
    quantizer.cp.seed = int(rng.randint(1 << 30))
    quantizer.cp.min_points_per_centroid = 1
    quantizer.train(padded)
    centroids = faiss.vector_to_array(quantizer.centroids).reshape(parts, 256, width)
    return ProductQuantizer("pq", num_features, centroids)


BASELINES: dict[str, Callable[..., Fitted]] = {
    "lsh": _lsh,
    "pca": _pca,
    "pca_rr": _pca_rr,
    "itq": _itq,
    "subselective": _subselective,
    "klsh": _klsh,
    "metric_lsh": _metric_lsh,
    "pq": _pq,
}


def procrustes(projected: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The rotation R with least |B - V R|, B = sign(V R_old): float (N, L), (L, L) -> (L, L)."""
    signs = np.where(projected @ rotation >= 0, 1.0, -1.0)
    left, _, right = np.linalg.svd(projected.T.astype(np.float64) @ signs)
    return left @ right


def _principal_axes(
    name: str, features: np.ndarray, num_bits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean, float32 (D,), and leading principal axes, float32 (D, num_bits)."""
    if num_bits > min(features.shape):
        raise ValueError(
            f"{name}: at most {min(features.shape)} bits from features {features.shape}, got "
            f"{num_bits}"
        )
    mean = features.mean(axis=0)
    _, vectors = np.linalg.eigh(_scatter(features, mean))
    return mean, vectors[:, ::-1][:, :num_bits].astype(np.float32)


def _scatter(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Products of all pairs of centred columns, float64 (D, D), by blocks of columns.

    So it takes little memory, and each product adds up its terms as one of the whole would.
    """
    blocks = [
        slice(start, start + COLUMNS_AT_A_TIME)
        for start in range(0, features.shape[1], COLUMNS_AT_A_TIME)
    ]
    result = np.empty((features.shape[1],) * 2)
    for row, rows in enumerate(blocks):
        left = (features[:, rows] - mean[rows]).astype(np.float64)
        for columns in blocks[row:]:
            right = (features[:, columns] - mean[columns]).astype(np.float64)
            result[rows, columns] = left.T @ right
            result[columns, rows] = result[rows, columns].T
    return result


def _projected(features: np.ndarray, mean: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Float32 (N, L), by blocks of rows: the centred features are as large as the features."""
    starts = range(0, len(features), ROWS_AT_A_TIME)
    return np.concatenate([(features[i : i + ROWS_AT_A_TIME] - mean) @ axes for i in starts])


def _random_rotation(size: int, rng: np.random.RandomState) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((size, size)))[0]

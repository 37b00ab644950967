"""What a baseline is once fitted: arrays, and how they turn features into relaxed codes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

import faiss
import numpy as np

from gluon_hash.arrays import save_arrays

__all__ = ["KernelHash", "LinearHash", "ProductQuantizer", "rbf_kernel"]

ROWS_AT_A_TIME = 4096


class _Fitted:
    """A dataclass of ``name`` (the method) and arrays; its file holds its kind and them."""

    kind: ClassVar[str]
    name: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as .npz, whole or not at all."""
        arrays = {key: np.asarray(value) for key, value in vars(self).items()}
        save_arrays(path, kind=np.array(self.kind), **arrays)

    def _check(self, features: np.ndarray, num_features: int) -> np.ndarray:
        features = np.asarray(features, dtype=np.float32)
        if features.ndim != 2 or features.shape[1] != num_features:
            raise ValueError(
                f"{self.name}: expected features (N, {num_features}), as it was fitted on, got "
                f"{features.shape}"
            )
        if not np.isfinite(features).all():
            row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
            raise ValueError(f"{self.name}: the features in row {row} are not finite")
        return features


@dataclass(frozen=True)
class LinearHash(_Fitted):
    r"""Relaxed code :math:`W^T (x - \mu)`.

    Parameters
    ----------
    name : str
    mean : float32, shape (D,)
    weights : float32, shape (D, num_bits)
    """

    name: str
    mean: np.ndarray
    weights: np.ndarray
    kind: ClassVar[str] = "linear"

    def project(self, features: np.ndarray) -> np.ndarray:
        """Features, float (N, D) -> relaxed codes, float32 (N, num_bits), whose sign is the code.

        Raises
        ------
        ValueError
            If the width is another or a value is not finite.
        """
        return (self._check(features, len(self.mean)) - self.mean) @ self.weights


@dataclass(frozen=True)
class KernelHash(_Fitted):
    r"""Relaxed code :math:`W^T k(x)`, :math:`k_i(x) = \exp(-\gamma |x - a_i|^2)` for anchors a_i.

    Parameters
    ----------
    name : str
    anchors : float32, shape (A, D)
    gamma : float
    mean : float32, shape (A,)
        Of k over the anchors.
    weights : float32, shape (A, num_bits)
    """

    name: str
    anchors: np.ndarray
    gamma: float
    mean: np.ndarray
    weights: np.ndarray
    kind: ClassVar[str] = "kernel"

    def project(self, features: np.ndarray) -> np.ndarray:
        """As LinearHash.project."""
        features = self._check(features, self.anchors.shape[1])
        return np.concatenate(
            [
                (
                    rbf_kernel(
                        features[start : start + ROWS_AT_A_TIME], self.anchors, float(self.gamma)
                    )
                    - self.mean
                )
                @ self.weights
                for start in range(0, len(features), ROWS_AT_A_TIME)
            ]
        )


@dataclass(frozen=True)
class ProductQuantizer(_Fitted):
    """Sub-vectors replaced by the nearest of 256 centroids each (Jegou, Douze and Schmid 2011).

    Parameters
    ----------
    name : str
    num_features : int
        D; features are padded with zeros to parts * width.
    centroids : float32, shape (parts, 256, width)
    """

    name: str
    num_features: int
    centroids: np.ndarray
    kind: ClassVar[str] = "product"

    def encode(self, features: np.ndarray) -> np.ndarray:
        """Features, float (N, D) -> centroid of each part, uint8 (N, parts).

        These are not codes for Hamming search.
        """
        return self._quantizer().compute_codes(self._padded(features))

    def reconstruct(self, features: np.ndarray) -> np.ndarray:
        """Features, float (N, D) -> the features that their centroids stand for, float32 (N, D).

        Ranking these by L2 distance to the queries' own features is the asymmetric distance of the
        paper.
        """
        return self._quantizer().decode(self.encode(features))[:, : int(self.num_features)]

    def _padded(self, features: np.ndarray) -> np.ndarray:
        features = self._check(features, int(self.num_features))
        width = self.centroids.shape[0] * self.centroids.shape[2]
        return np.ascontiguousarray(np.pad(features, ((0, 0), (0, width - features.shape[1]))))

    def _quantizer(self) -> faiss.ProductQuantizer:
        parts, _, width = self.centroids.shape
        quantizer = faiss.ProductQuantizer(parts * width, parts, 8)
        faiss.copy_array_to_vector(
            np.ascontiguousarray(self.centroids, np.float32).ravel(), quantizer.centroids
        )
        return quantizer


def rbf_kernel(rows: np.ndarray, anchors: np.ndarray, gamma: float) -> np.ndarray:
    """exp(-gamma |x - a|^2): float (N, D), (A, D) -> (N, A)."""
    squared = (rows**2).sum(axis=1)[:, None] + (anchors**2).sum(axis=1) - 2.0 * rows @ anchors.T
    return np.exp(-gamma * np.maximum(squared, 0.0))

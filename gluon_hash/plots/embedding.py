"""Codes in two dimensions, each different code once: t-SNE, or UMAP where it is installed.

Source: van der Maaten and Hinton 2008, by scikit-learn; McInnes, Healy and Melville 2018, by
umap-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gluon_hash.errors import MissingPackageError

__all__ = ["METHODS", "METRICS", "Embedding", "embed"]

METHODS, METRICS = ("tsne", "umap"), ("euclidean", "hamming")
FEWEST = 5
PERPLEXITY = 30.0


@dataclass(frozen=True)
class Embedding:
    """Where codes are in the plane.

    Parameters
    ----------
    points : float32, shape (M, 2)
        Of each different code.
    point_of : int64, shape (N,)
        The point of each code that was given.
    title : str
        How it was made: "t-SNE (perplexity 30, euclidean)".
    """

    points: np.ndarray
    point_of: np.ndarray
    title: str

    @property
    def counts(self) -> np.ndarray:
        """How many codes are at each point: int64 (M,)."""
        return np.bincount(self.point_of, minlength=len(self.points))

    def majority(self, labels: np.ndarray) -> np.ndarray:
        """The most common label at each point, the smallest of several: int64 (M,).

        Parameters
        ----------
        labels : int, shape (N,)
        """
        table = np.zeros((len(self.points), int(labels.max()) + 1), np.int64)
        np.add.at(table, (self.point_of, labels), 1)
        return table.argmax(axis=1)


def embed(
    codes: np.ndarray,
    seed: int,
    *,
    method: str = "tsne",
    metric: str = "euclidean",
    perplexity: float | None = None,
) -> Embedding:
    """Equal codes as one point, the points in the plane.

    Parameters
    ----------
    codes : int8 in {-1, +1}, or relaxed codes, shape (N, num_bits)
    seed : int
    method : str
        "tsne" or "umap".
    metric : str
        "euclidean", in whose squares t-SNE measures (on {-1, +1} they are four times the Hamming
        distance), or "hamming", the fraction of the bits that differ (relaxed codes: by their
        signs).
    perplexity : float, optional
        Of t-SNE; the number of neighbours of UMAP. Default: 30, or a third of the codes.

    Raises
    ------
    ValueError
        With fewer than 5 different codes, or an option that does not fit.
    MissingPackageError
        If umap-learn is not installed.
    """
    if method not in METHODS or metric not in METRICS:
        raise ValueError(
            f"embed: expected method {' or '.join(METHODS)} and metric {' or '.join(METRICS)}, "
            f"got {method!r} and {metric!r}"
        )
    codes = np.where(codes >= 0, 1, -1).astype(np.int8) if metric == "hamming" else codes
    different, point_of = np.unique(codes, axis=0, return_inverse=True)
    _check_enough(len(codes), len(different))
    largest = (len(different) - 1) / 3 if method == "tsne" else len(different) - 1
    if perplexity is None:
        perplexity = min(PERPLEXITY, largest)
    if not 1 < perplexity <= max(largest, 1.01):
        raise ValueError(
            f"perplexity: expected a number above 1 and up to {largest:g} (of {len(different)} "
            f"different codes), got {perplexity:g}"
        )
    place = _by_tsne if method == "tsne" else _by_umap
    points = place(different.astype(np.float32), seed, metric, perplexity)
    said = "t-SNE, perplexity" if method == "tsne" else "UMAP, neighbours"
    title = f"{said} {perplexity:.3g}{', Hamming metric' if metric == 'hamming' else ''}"
    return Embedding(points.astype(np.float32), point_of.reshape(-1).astype(np.int64), title)


def _check_enough(num_codes: int, num_different: int) -> None:
    if num_codes < FEWEST:
        raise ValueError(f"tsne: expected at least {FEWEST} codes, got {num_codes}")
    collapsed = "the network has collapsed or was hardly trained"
    if num_different == 1:
        raise ValueError(f"tsne: all {num_codes} codes are the same: {collapsed}")
    if num_different < FEWEST:
        raise ValueError(
            f"tsne: {num_codes} codes, and only {num_different} different ones, fewer than "
            f"{FEWEST}: {collapsed}"
        )


def _by_tsne(codes: np.ndarray, seed: int, metric: str, perplexity: float) -> np.ndarray:
    from sklearn.manifold import TSNE

    fitted = TSNE(perplexity=perplexity, metric=metric, init="pca", random_state=seed)
    return fitted.fit_transform(codes)


def _by_umap(codes: np.ndarray, seed: int, metric: str, perplexity: float) -> np.ndarray:
    try:
        import umap
    except ImportError as error:
        raise MissingPackageError(
            "UMAP needs umap-learn: pip install 'gluon_hash[umap]' (t-SNE needs nothing more)"
        ) from error
    neighbours = max(2, round(perplexity))
    return umap.UMAP(n_neighbors=neighbours, metric=metric, random_state=seed).fit_transform(codes)

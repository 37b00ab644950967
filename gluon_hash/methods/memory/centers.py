"""Class centers per level: how they start and how they follow the codes. Pure NumPy.

Source: arXiv:1901.11259; the released code draws N(0, 1) at every level and uses that for epoch 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "random_centers",
    "hierarchical_centers",
    "class_sums",
    "class_means",
    "parent_centers",
    "center_shift",
]


def random_centers(
    num_classes: Sequence[int], num_bits: int, rng: np.random.RandomState
) -> list[np.ndarray]:
    """Centers drawn from N(0, 1), independently at every level (released code).

    Parameters
    ----------
    num_classes : sequence of int, length K
        Classes per level, finest first.
    num_bits : int
    rng : RandomState

    Returns
    -------
    list of K float32 arrays, shape (num_classes[k], num_bits)
    """
    return [rng.standard_normal((count, num_bits)).astype(np.float32) for count in num_classes]


def hierarchical_centers(
    parents: Sequence[np.ndarray],
    num_classes: Sequence[int],
    num_bits: int,
    rng: np.random.RandomState,
    child_scale: float = 0.5,
) -> list[np.ndarray]:
    """Centers of relatives that lie close together (ours, not the paper's).

    The coarsest level is drawn from N(0, 1); a child is its parent plus ``child_scale`` times N(0,
    1).

    Parameters
    ----------
    parents : sequence of K - 1 int arrays
        ``parents[k][c]`` is the parent at level k + 1 of class c.
    num_classes, num_bits, rng :
        As random_centers.
    child_scale : float
        Standard deviation of a child around its parent.

    Returns
    -------
    list of K float32 arrays, shape (num_classes[k], num_bits)
    """
    centers = [rng.standard_normal((num_classes[-1], num_bits)).astype(np.float32)]
    for parent in reversed(parents):
        noise = rng.standard_normal((len(parent), num_bits)).astype(np.float32)
        centers.insert(0, centers[0][parent] + np.float32(child_scale) * noise)
    return centers


def class_sums(
    codes: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the relaxed codes of each class, and how many there are.

    Parameters
    ----------
    codes : ndarray of float, shape (N, num_bits)
    labels : ndarray of int, shape (N,)
    num_classes : int

    Returns
    -------
    sums : float64, shape (num_classes, num_bits)
    counts : int64, shape (num_classes,)
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.zeros((num_classes, codes.shape[1]))
    present = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])[present]
    if len(present):
        sums[present] = np.add.reduceat(codes[order].astype(np.float64), starts, axis=0)
    return sums, counts


def class_means(
    sums: np.ndarray, counts: np.ndarray, previous: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean code of each class; a class without images keeps its previous center.

    Parameters
    ----------
    sums : float, shape (num_classes, num_bits)
    counts : shape (num_classes,)
    previous : float32, shape (num_classes, num_bits)

    Returns
    -------
    centers : float32, shape (num_classes, num_bits)
    empty : int64, the classes that kept their center
    """
    counts = np.asarray(counts)
    means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    return np.where(counts[:, None] > 0, means, previous), np.flatnonzero(counts == 0)


def parent_centers(fine_centers: np.ndarray, parents: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Centers of every level from the finest: a parent is the unweighted mean of its children.

    Parameters
    ----------
    fine_centers : float32, shape (num_classes[0], num_bits)
    parents : sequence of K - 1 int arrays
        Every class of level k + 1 has a child (Hierarchy guarantees it).

    Returns
    -------
    list of K float32 arrays, finest first
    """
    centers = [fine_centers]
    for parent in parents:
        sums, counts = class_sums(centers[-1], parent, int(parent.max()) + 1)
        centers.append((sums / counts[:, None]).astype(np.float32))
    return centers


def center_shift(previous: np.ndarray, current: np.ndarray) -> float:
    """Mean Euclidean distance that the centers moved, in code units."""
    return float(np.linalg.norm(current - previous, axis=1).mean())

"""Fixed targets of classes: binary centers (Hadamard, balanced random, placed by the tree), class embeddings."""
from __future__ import annotations

from typing import Sequence

import numpy as np

__all__ = ["balanced_targets", "class_embeddings", "hadamard_targets", "tree_targets"]

ROWS_AT_A_TIME = 4096
FLIPPED = 0.25  # of the bits, from a parent's target to a child's


def hadamard_targets(num_classes: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Rows of a Hadamard matrix and their negatives, at least num_bits / 2 apart; else balanced random targets.

    Parameters
    ----------
    num_classes, num_bits : int
        The matrix exists here where num_bits is a power of two, and is enough for 2 num_bits classes.
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes, num_bits)

    Source: Yuan et al. 2020 (CSQ).
    """
    if num_bits & (num_bits - 1) or num_classes > 2 * num_bits:
        return balanced_targets(num_classes, num_bits, rng)
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < num_bits:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return np.concatenate([matrix, -matrix])[rng.permutation(2 * num_bits)[:num_classes] if num_classes > num_bits
                                             else rng.permutation(num_bits)[:num_classes]]


def balanced_targets(num_classes: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Random targets, each with num_bits // 2 bits set; different where there are enough such codes.

    Parameters
    ----------
    num_classes, num_bits : int
        Any; 40,000 classes take seconds.
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes, num_bits)
    """
    targets = _draw_balanced(num_classes, num_bits, rng)
    for _ in range(20):  # a code drawn twice is drawn anew; with too few codes some stay equal
        _, first = np.unique(np.packbits(targets > 0, axis=1), axis=0, return_index=True)
        again = np.setdiff1d(np.arange(num_classes), first)
        if not len(again):
            break
        targets[again] = _draw_balanced(len(again), num_bits, rng)
    return targets


def tree_targets(parents: Sequence[np.ndarray], num_classes: Sequence[int], num_bits: int,
                 rng: np.random.RandomState) -> np.ndarray:
    """Targets placed by the tree: a child is its parent's target with a quarter of the bits flipped (ours).

    Parameters
    ----------
    parents : sequence of K - 1 int arrays
        ``parents[k][c]`` is the parent at level k + 1 of class c.
    num_classes : sequence of K int
    num_bits : int
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes[0], num_bits)
        Relatives are nearer than strangers on average.
    """
    targets = hadamard_targets(num_classes[-1], num_bits, rng)
    count = max(1, int(FLIPPED * num_bits))
    for parent in reversed(parents):
        flips = np.argsort(rng.random_sample((len(parent), num_bits)), axis=1) < count
        targets = targets[parent] * np.where(flips, -1.0, 1.0).astype(np.float32)
    return targets


def class_embeddings(similarity: np.ndarray, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Unit vectors whose inner products are the similarities.

    Parameters
    ----------
    similarity : float, shape (C, C)
        Symmetric, 1 on the diagonal, positive semi-definite, as tree similarities are.
    num_bits : int
        With fewer bits than the rank of ``similarity`` the inner products are the nearest that fit (ours: the paper
        takes as many dimensions as classes).
    rng : RandomState
        Rotates the vectors, so that every bit divides the classes (ours); inner products do not change.

    Returns
    -------
    float32, shape (C, num_bits), rows of length 1

    Raises
    ------
    ValueError
        If ``similarity`` is not symmetric with 1 on the diagonal.

    Source: Barz and Denzler 2019, section 3.2.
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    if not (np.allclose(similarity, similarity.T) and np.allclose(np.diag(similarity), 1.0)):
        raise ValueError("class_embeddings: the similarity must be symmetric, with 1 on the diagonal")
    values, vectors = np.linalg.eigh(similarity)
    kept = min(num_bits, len(values))
    coordinates = np.zeros((len(values), num_bits))
    coordinates[:, :kept] = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :kept]
    rotation, _ = np.linalg.qr(rng.standard_normal((num_bits, num_bits)))
    rotated = coordinates @ rotation
    return (rotated / np.linalg.norm(rotated, axis=1, keepdims=True)).astype(np.float32)


def _draw_balanced(count: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    parts = []
    for start in range(0, count, ROWS_AT_A_TIME):
        rows = min(ROWS_AT_A_TIME, count - start)
        place = np.argsort(rng.random_sample((rows, num_bits)), axis=1)
        parts.append(np.where(place < num_bits // 2, 1.0, -1.0).astype(np.float32))
    return np.concatenate(parts)

"""Fixed targets of classes: binary ones (Hadamard, balanced, placed by the tree), embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import hadamard

__all__ = ["balanced_targets", "class_embeddings", "hadamard_targets", "tree_targets"]

ROWS_AT_A_TIME = 4096
ENUMERATED_BITS = 20  # with more there are many times more balanced codes than classes
DRAWS = 100
FLIPPED = 0.25  # fraction of the bits, from a parent to a child
TIES = 1e-9  # of a similarity


def hadamard_targets(num_classes: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Rows of a Hadamard matrix and their negatives, at least num_bits / 2 apart.

    Balanced random targets where there is no such matrix.

    Parameters
    ----------
    num_classes, num_bits : int
        The matrix is made where num_bits is a power of two, and is enough for 2 num_bits classes.
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes, num_bits)

    Raises
    ------
    ValueError
        If there are fewer codes than classes.

    Source: Yuan et al. 2020 (CSQ), algorithm 1. The row of ones and its negative are centers as
    good as the others.
    """
    if num_bits & (num_bits - 1) or num_classes > 2 * num_bits:
        return balanced_targets(num_classes, num_bits, rng)
    rows = hadamard(num_bits).astype(np.float32)
    if num_classes > num_bits:
        rows = np.concatenate([rows, -rows])
    return rows[rng.permutation(len(rows))[:num_classes]]


def balanced_targets(num_classes: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    """Random targets, all different, each with half of its bits set (or half a bit less or more).

    Up to 20 bits, where there may be more classes than such codes, the most balanced codes that
    there are.

    Parameters
    ----------
    num_classes, num_bits : int
        40,000 classes take seconds at most.
    rng : RandomState

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes, num_bits)

    Raises
    ------
    ValueError
        If there are fewer codes than classes.

    Source: Yuan et al. 2020 (CSQ), algorithm 1, which draws each bit on its own and so bits that
    balance on average.
    """
    _check_room(num_classes, num_bits)
    if num_bits <= ENUMERATED_BITS:
        codes = rng.permutation(2**num_bits)
        num_set = sum((codes >> bit) & 1 for bit in range(num_bits))
        chosen = rng.permutation(
            codes[np.argsort(np.abs(2 * num_set - num_bits), kind="stable")[:num_classes]]
        )
        return np.where(chosen[:, None] >> np.arange(num_bits) & 1, 1.0, -1.0).astype(np.float32)
    targets = _draw_balanced(num_classes, num_bits, rng)
    return _all_different(
        targets, lambda again: _draw_balanced(len(again), num_bits, rng), num_bits
    )


def tree_targets(
    parents: Sequence[np.ndarray],
    num_classes: Sequence[int],
    num_bits: int,
    rng: np.random.RandomState,
    flipped: float = FLIPPED,
) -> np.ndarray:
    """Targets placed by the tree: a child is its parent's with some of the bits flipped (ours).

    Parameters
    ----------
    parents : sequence of K - 1 int arrays
        ``parents[k][c]`` is the parent at level k + 1 of class c.
    num_classes : sequence of K int
    num_bits : int
    rng : RandomState
    flipped : float
        Fraction of the bits that are flipped from a parent to a child, in (0, 0.5]: few bring
        relatives close together.

    Returns
    -------
    float32 in {-1, +1}, shape (num_classes[0], num_bits)
        All different; relatives are nearer than strangers on average.

    Raises
    ------
    ValueError
        If there is no room for the classes, or ``flipped`` is not in (0, 0.5].
    """
    if not 0 < flipped <= 0.5:
        raise ValueError(f"flipped: expected a fraction of the bits in (0, 0.5], got {flipped:g}")
    targets = hadamard_targets(num_classes[-1], num_bits, rng)
    count = max(1, int(flipped * num_bits))
    for parent in reversed(parents):
        _check_room(len(parent), num_bits)
        targets = _children(targets[parent], count, rng)
    return targets


def class_embeddings(
    similarity: np.ndarray, num_bits: int, rng: np.random.RandomState
) -> np.ndarray:
    """Unit vectors whose inner products are the similarities.

    Parameters
    ----------
    similarity : float, shape (C, C)
        Symmetric, 1 on the diagonal, positive semi-definite, as tree similarities are.
    num_bits : int
        With fewer bits than classes the largest eigenvectors are kept and rows set back to length 1
        (ours: the paper takes as many dimensions as classes). Among equal eigenvalues, of which a
        tree has many, the choice is random: chosen by LAPACK some classes would fall on one place,
        or on 0. With fewer bits than superclasses only these are told apart.
    rng : RandomState
        Rotates the vectors, so that every bit divides the classes (ours); inner products do not
        change.

    Returns
    -------
    float32, shape (C, num_bits), rows of length 1

    Raises
    ------
    ValueError
        If ``similarity`` is not symmetric and positive semi-definite with 1 on the diagonal.

    Source: Barz and Denzler 2019, section 3.2.
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    if not (np.allclose(similarity, similarity.T) and np.allclose(np.diag(similarity), 1.0)):
        raise ValueError(
            "class_embeddings: the similarity must be symmetric, with 1 on the diagonal"
        )
    ties = TIES * rng.standard_normal(similarity.shape)
    values, vectors = np.linalg.eigh(similarity + ties + ties.T)
    if values[0] < -1e-6 * len(values):
        raise ValueError(
            "class_embeddings: the similarity must be positive semi-definite, got eigenvalue "
            f"{values[0]}"
        )
    kept = min(num_bits, len(values))
    coordinates = np.zeros((len(values), num_bits))
    coordinates[:, :kept] = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :kept]
    rotation, _ = np.linalg.qr(rng.standard_normal((num_bits, num_bits)))
    rotated = coordinates @ rotation
    return (rotated / np.linalg.norm(rotated, axis=1, keepdims=True)).astype(np.float32)


def _draw_balanced(count: int, num_bits: int, rng: np.random.RandomState) -> np.ndarray:
    return np.where(_choose(count, num_bits, num_bits // 2, rng), 1.0, -1.0).astype(np.float32)


def _flip(targets: np.ndarray, count: int, rng: np.random.RandomState) -> np.ndarray:
    return np.where(_choose(len(targets), targets.shape[1], count, rng), -targets, targets)


def _children(above: np.ndarray, count: int, rng: np.random.RandomState) -> np.ndarray:
    """Each row with ``count`` bits flipped, all different."""
    return _all_different(
        _flip(above, count, rng), lambda again: _flip(above[again], count, rng), above.shape[1]
    )


def _choose(rows: int, num_bits: int, count: int, rng: np.random.RandomState) -> np.ndarray:
    """In each row ``count`` of the bits, at random: bool (rows, num_bits)."""
    parts = [
        np.argsort(rng.random_sample((min(ROWS_AT_A_TIME, rows - start), num_bits)), axis=1) < count
        for start in range(0, rows, ROWS_AT_A_TIME)
    ]
    return np.concatenate(parts)


def _all_different(
    targets: np.ndarray, draw: Callable[[np.ndarray], np.ndarray], num_bits: int
) -> np.ndarray:
    """``targets`` in which rows that repeat an earlier one are drawn again until none does.

    ``draw`` takes the numbers of rows and returns their targets.
    """
    for _ in range(DRAWS):
        _, kept = np.unique(np.packbits(targets > 0, axis=1), axis=0, return_index=True)
        again = np.setdiff1d(np.arange(len(targets)), kept)
        if not len(again):
            return targets
        targets[again] = draw(again)
    raise ValueError(
        f"targets: {len(targets)} different codes were not found among those of {num_bits} bits; "
        "set "
        "net.num_bits (or, with targets: tree, loss.flipped) higher"
    )


def _check_room(num_classes: int, num_bits: int) -> None:
    if num_classes > 2**num_bits:
        raise ValueError(
            f"targets: {num_bits} bits make {2**num_bits} codes, too few for {num_classes} "
            "classes; set "
            "net.num_bits higher"
        )

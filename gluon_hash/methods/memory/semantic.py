"""Semantic hash centers: binary targets as near each other as a classifier confuses the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from gluon_hash.arrays import evenly
from gluon_hash.methods.memory.annealed import MOST_CLASSES, TOO_NEAR
from gluon_hash.methods.memory.annealing import Search, anneal

__all__ = ["class_similarity", "least_distance", "ridge_scores", "semantic_targets"]

IMAGES_PER_CLASS = 100  # that the classifier is fitted on, evenly over a class
RIDGE = 0.1  # of the number of images, as standardised features have that much variance in all
LARGEST_FACTOR = 100.0


def semantic_targets(
    similarity: np.ndarray,
    num_bits: int,
    rng: np.random.RandomState,
    nested: Sequence[int] = (),
) -> np.ndarray:
    r"""Targets whose cosines follow a similarity of classes, with a least distance between any two.

    .. math:: \min_T \sum_{a < b} w (d_{ab} - g_{ab})^2, \quad
              g_{ab} = \max(L (1 - s_{ab}) / 2, d_{min})

    d the Hamming distances, g rounded, w 2 where d is below g, else 1, among the T that have as
    many +1 as -1 in every bit, or one more or less.

    Parameters
    ----------
    similarity : float in [-1, 1], shape (C, C)
        s, symmetric; as class_similarity gives it.
    num_bits : int
    rng : RandomState
    nested : sequence of int
        As of annealed_targets.

    Returns
    -------
    float32 in {-1, +1}, shape (C, num_bits)
        All different, already in their first ``nested`` bits.

    Raises
    ------
    ValueError
        If there is no room for the classes, or there are too many.

    Source: "Deep Hashing with Semantic Hash Centers" (SHC), TOIS 2025, arXiv:2507.08404, and its
    released code: cosines that follow similarities, by least squares, and the least distance.
    There it is a constraint and the codes are found by alternating steps from MDS's centers; here
    it is in g, the search is that of annealed_targets, and bits are balanced.
    """
    count = len(similarity)
    if count > MOST_CLASSES:
        raise ValueError(
            f"targets: semantic takes up to {MOST_CLASSES} classes, got {count}; set targets: tree"
        )
    above = (1.0 - np.eye(count)).astype(np.float32)

    def search_for(signs: np.ndarray) -> Search:
        length = signs.shape[1]
        least = least_distance(length, count)
        wanted = np.round(np.maximum(length * (1 - similarity) / 2, least))
        np.fill_diagonal(wanted, 0.0)
        return Search(wanted.astype(np.float32), above, np.float32(TOO_NEAR) * above, signs)

    return anneal(count, [*nested, num_bits], search_for, rng)


def least_distance(num_bits: int, num_classes: int) -> int:
    """Bits that so many codes can all be apart, by Gilbert and Varshamov: MDS's and SHC's bound.

    The smallest d for which the codes within d - 1 bits of one are 2^L / C or more.

    Examples
    --------
    >>> least_distance(16, 100)  # 1 + 16 + 120 + 560 = 697 of 65,536 codes; 655 a class
    4
    """
    within = 0
    for distance in range(num_bits + 1):
        within += math.comb(num_bits, distance)
        if within * num_classes >= 2**num_bits:
            return distance + 1
    return num_bits


def class_similarity(scores: np.ndarray, fine_labels: np.ndarray) -> np.ndarray:
    """How much a classifier takes images of one class for another: float64 (C, C), symmetric.

    The softmax of each image's scores without its own class, averaged over the images of a class,
    made symmetric; of each row the mean is taken off, and the rest divided by its largest absolute
    value; 1 on the diagonal; and, ours, made symmetric again.

    Parameters
    ----------
    scores : float, shape (N, C)
        Of a classifier.
    fine_labels : int, shape (N,)
        Each class at least once.

    Source: SHC, arXiv:2507.08404, after its released code.
    """
    count, rows = scores.shape[1], np.arange(len(scores))
    others = scores.astype(np.float64)
    others[rows, fine_labels] = -np.inf
    taken = np.zeros((count, count))
    np.add.at(taken, fine_labels, softmax(others, axis=1))
    taken /= np.bincount(fine_labels, minlength=count)[:, None]
    taken = (taken + taken.T) / 2
    centered = taken - taken.mean(axis=1, keepdims=True)
    np.fill_diagonal(centered, 0.0)
    largest = np.abs(centered).max(axis=1, keepdims=True)
    scaled = centered / np.where(largest > 0, largest, 1.0)
    np.fill_diagonal(scaled, 1.0)
    return (scaled + scaled.T) / 2


def ridge_scores(
    features: np.ndarray, fine_labels: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a linear classifier in closed form, and the labels of the images that they are of.

    Ridge regression of the classes on standardised features, of up to 100 images of each class,
    times the number that makes the softmax of the scores likeliest.

    Parameters
    ----------
    features : float, shape (N, num_features)
    fine_labels : int, shape (N,)
        -1: not known, and not read.
    num_classes : int

    Returns
    -------
    scores : float32, shape (M, num_classes)
    fine_labels : int, shape (M,)

    Raises
    ------
    ValueError
        If a class has no image.

    Source: ours; SHC trains a network by gradient descent for its similarities.
    """
    members = [np.flatnonzero(fine_labels == label) for label in range(num_classes)]
    if not all(map(len, members)):
        empty = [label for label, rows in enumerate(members) if not len(rows)]
        raise ValueError(
            f"targets: semantic learns from images of every class; class {empty[0]} has none "
            f"({len(empty)} in all); set targets: annealed"
        )
    rows = np.concatenate([each[evenly(len(each), IMAGES_PER_CLASS)] for each in members])
    labels, inputs = fine_labels[rows], features[rows].astype(np.float32)
    deviation = inputs.std(axis=0)
    inputs = (inputs - inputs.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    classes = np.eye(num_classes, dtype=np.float32)[labels]
    square = inputs.T @ inputs
    square[np.diag_indices_from(square)] += RIDGE * len(rows)
    scores = inputs @ np.linalg.solve(square, inputs.T @ (classes - classes.mean(axis=0)))
    return _likeliest(scores, labels), labels


def _likeliest(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The scores times the number that makes the softmax of the labels likeliest."""

    def loss(factor: float) -> float:
        logits = factor * scores
        own = logits[np.arange(len(labels)), labels]
        return float((np.logaddexp.reduce(logits, axis=1) - own).mean())

    return scores * minimize_scalar(loss, bounds=(0.0, LARGEST_FACTOR), method="bounded").x

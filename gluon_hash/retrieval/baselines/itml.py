"""A Mahalanobis metric learnt from pairs (ITML): same class near, others far."""

from __future__ import annotations

import numpy as np

from gluon_hash.progress import track

__all__ = ["learn_metric", "project"]

NUM_PAIRS = 20_000
NEAR, FAR = 5.0, 95.0  # percentiles of the distances: bounds of pairs of one class and of others
TINY = 1e-12  # squared distance of equal features: such a pair says nothing


def learn_metric(
    features: np.ndarray, labels: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """A metric under which pairs of one class come nearer than a bound, others farther than one.

    One pass over drawn pairs.

    Parameters
    ----------
    features : float, shape (N, D)
    labels : int, shape (N,)
    rng : RandomState
        Draws the pairs.

    Returns
    -------
    float64, shape (D, D)
        Symmetric, positive definite; (x - y)' A (x - y) is the squared distance.

    Source: Davis, Kulis, Jain, Sra and Dhillon 2007, Algorithm 1 with gamma = 1; the number of
    pairs, half of them of one class, and the single pass are ours.
    """
    first, second = _draw_pairs(labels, rng)
    differences = (features[first] - features[second]).astype(np.float64)
    squared = (differences**2).sum(axis=1)
    near, far = np.percentile(squared[1::2], [NEAR, FAR])
    metric = np.eye(features.shape[1])
    pairs = list(
        zip(differences[squared > TINY], (labels[first] == labels[second])[squared > TINY])
    )
    for difference, same in track(pairs, "learn the metric", len(pairs), "pairs"):
        project(metric, difference, near if same else far, 1.0 if same else -1.0)
    return metric


def project(metric: np.ndarray, difference: np.ndarray, bound: float, sign: float) -> None:
    r"""Change ``metric`` in place so that a pair comes half-way to its bound.

    It changes as little as LogDet divergence allows. A squared distance p beyond the bound b
    becomes the harmonic mean 2 p b / (p + b): the slack of the bound takes the other half. A pair
    on its right side of the bound changes nothing.

    Parameters
    ----------
    metric : float64, shape (D, D)
    difference : float64, shape (D,)
        Of the pair's features; not zero.
    bound : float
    sign : float
        1: the distance must be at most the bound; -1: at least.
    """
    along = metric @ difference
    distance = difference @ along
    step = min(0.0, 0.5 * sign * (1.0 / distance - 1.0 / bound))
    if step:
        metric += sign * step / (1.0 - sign * step * distance) * np.outer(along, along)


def _draw_pairs(labels: np.ndarray, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """The images of each pair: every other pair is of one class, those between are any two."""
    order = np.argsort(labels, kind="stable")
    _, number, counts = np.unique(labels, return_inverse=True, return_counts=True)
    begins = np.cumsum(counts) - counts
    first = rng.randint(len(labels), size=NUM_PAIRS)
    second = rng.randint(len(labels), size=NUM_PAIRS)
    same = np.arange(NUM_PAIRS) % 2 == 0
    kind = number[first[same]]
    second[same] = order[begins[kind] + rng.randint(1 << 30, size=len(kind)) % counts[kind]]
    return first, second

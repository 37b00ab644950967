"""How alike two classes are, and two images of a batch: values in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_hash.hierarchy.tree import Hierarchy

__all__ = [
    "matching_levels",
    "level_weighted",
    "lcs_height",
    "lcs_height_by_level",
    "wu_palmer",
    "pair_similarity",
]


def matching_levels(hierarchy: Hierarchy) -> np.ndarray:
    """Fraction of the levels at which two finest classes agree: s = g / K.

    Source: the gain of mAHP, arXiv:1901.11259.

    Returns
    -------
    float64, shape (C, C), C the number of finest classes
    """
    return level_weighted(hierarchy, [1.0] * hierarchy.num_levels)


def level_weighted(hierarchy: Hierarchy, weights: Sequence[float]) -> np.ndarray:
    """The weights of the levels at which two finest classes agree, over all weights.

    Parameters
    ----------
    hierarchy : Hierarchy
    weights : sequence of K floats >= 0
        Finest first, not all 0.

    Raises
    ------
    ValueError
        If the weights do not fit.
    """
    return pair_similarity(hierarchy.ancestors, hierarchy.ancestors, weights)


def lcs_height(hierarchy: Hierarchy) -> np.ndarray:
    """1 - height(lcs) / height(root), lcs the lowest class that two finest classes share.

    Source: Barz and Denzler 2019. The root is above the coarsest level: classes that share nothing
    have 0. A leaf that was completed by repetition is one node: heights are those of the tree
    before completion.

    Returns
    -------
    float64, shape (C, C)
    """
    by_level = lcs_height_by_level(hierarchy)
    result = np.zeros((hierarchy.num_classes[0],) * 2)
    for level in reversed(range(hierarchy.num_levels)):
        ancestor = hierarchy.ancestors[:, level]
        same = ancestor[:, None] == ancestor[None, :]
        result = np.where(same, by_level[:, level, None], result)
    return result


def lcs_height_by_level(hierarchy: Hierarchy) -> np.ndarray:
    """lcs_height of each finest class and any that it meets at a level k, and at no finer one.

    Returns
    -------
    float64, shape (C, K + 1)
        The last column, agreement nowhere, is 0.
    """
    heights = _heights(hierarchy)
    columns = [
        1.0 - heights[level][hierarchy.ancestors[:, level]] / heights[-1][0]
        for level in range(hierarchy.num_levels)
    ]
    return np.stack([*columns, np.zeros(hierarchy.num_classes[0])], axis=1)


def wu_palmer(hierarchy: Hierarchy) -> np.ndarray:
    """2 depth(lcs) / (depth(a) + depth(b)), depth counted in nodes from the root, which has 1.

    Source: Wu and Palmer 1994. Depths are those of the tree before completion.

    Returns
    -------
    float64, shape (C, C)
    """
    depths = _depths(hierarchy)
    shared = np.ones((hierarchy.num_classes[0],) * 2)
    for level in reversed(range(hierarchy.num_levels)):
        ancestor = hierarchy.ancestors[:, level]
        same = ancestor[:, None] == ancestor[None, :]
        shared = np.where(same, depths[level][ancestor][:, None], shared)
    own = depths[0]
    return 2.0 * shared / (own[:, None] + own[None, :])


def pair_similarity(
    labels_a: np.ndarray, labels_b: np.ndarray, weights: Sequence[float] | None = None
) -> np.ndarray:
    """Similarity of every pair of images: the weighted fraction of levels at which they agree.

    Parameters
    ----------
    labels_a, labels_b : int, shape (A, K) and (B, K)
    weights : sequence of K floats >= 0, optional
        1 each by default.

    Returns
    -------
    float64, shape (A, B)

    Raises
    ------
    ValueError
        If levels or weights do not fit.

    Examples
    --------
    >>> pair_similarity(np.array([[0, 0]]), np.array([[0, 0], [1, 0], [2, 1]]))
    array([[1. , 0.5, 0. ]])
    """
    num_levels = labels_a.shape[1]
    values = np.ones(num_levels) if weights is None else np.asarray(weights, dtype=np.float64)
    if (
        labels_b.shape[1] != num_levels
        or values.shape != (num_levels,)
        or values.min() < 0
        or values.sum() == 0
    ):
        raise ValueError(
            f"pair_similarity: expected labels and weights >= 0 of {num_levels} levels, got labels "
            f"of {labels_b.shape[1]} and weights {values.tolist()}"
        )
    total = np.zeros((len(labels_a), len(labels_b)))
    for level, weight in enumerate(values):
        total += weight * (labels_a[:, level, None] == labels_b[None, :, level])
    return total / values.sum()


def _is_copy(hierarchy: Hierarchy, level: int) -> np.ndarray:
    """Of each class at ``level``: whether it is the one above it, repeated by completion."""
    if level == hierarchy.num_levels - 1:
        return np.zeros(hierarchy.num_classes[level], dtype=bool)
    above = hierarchy.class_names[level + 1]
    return np.array(
        [
            name == above[parent]
            for name, parent in zip(hierarchy.class_names[level], hierarchy.parents[level])
        ]
    )


def _heights(hierarchy: Hierarchy) -> list[np.ndarray]:
    """Edges from each class down to its farthest leaf, per level; the root's is last."""
    heights = [np.zeros(hierarchy.num_classes[0])]
    for level in range(hierarchy.num_levels):
        last = level == hierarchy.num_levels - 1
        parents = np.zeros(len(heights[-1]), np.int64) if last else hierarchy.parents[level]
        above = np.zeros(1 if last else hierarchy.num_classes[level + 1])
        np.maximum.at(above, parents, heights[-1] + np.where(_is_copy(hierarchy, level), 0, 1))
        heights.append(above)
    return heights


def _depths(hierarchy: Hierarchy) -> list[np.ndarray]:
    """Nodes from the root (1) to each class, per level."""
    depths = [np.full(hierarchy.num_classes[-1], 2.0)]
    for level in reversed(range(hierarchy.num_levels - 1)):
        depths.insert(
            0, depths[0][hierarchy.parents[level]] + np.where(_is_copy(hierarchy, level), 0, 1)
        )
    return depths

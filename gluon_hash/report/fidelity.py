"""How well codes keep the hierarchy: distances of classes' codes against those of the tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, codes

__all__ = ["Fidelity", "class_distances", "coarser", "fidelity", "part_of_tree"]

MOST_CLASSES = 600  # pairs of classes grow with their square


@dataclass(frozen=True)
class Fidelity:
    """Distances between the codes of classes, and how they go with the tree's.

    Parameters
    ----------
    hierarchy : Hierarchy
        Of the classes that were compared: those that have codes.
    hamming : float64, shape (C, C)
        Between the codes of two classes, in bits.
    steps : int64, shape (C, C)
        Levels at which two classes differ: 0 of a class and itself, K of two that share nothing.
    linkage : float64, shape (C - 1, 4)
        Average linkage of ``hamming``.
    rank_correlation : float
        Spearman's, of the pairs of classes; NaN where one of the two does not vary.
    cophenetic_correlation : float
        Pearson's: the given tree's distances against those of the codes.
    own_cophenetic_correlation : float
        The same of the dendrogram of the codes: how well any tree says these distances.
    of_classes : int
        How many classes the hierarchy had.
    """

    hierarchy: Hierarchy
    hamming: np.ndarray
    steps: np.ndarray
    linkage: np.ndarray
    rank_correlation: float
    cophenetic_correlation: float
    own_cophenetic_correlation: float
    of_classes: int


def fidelity(table: CodeTable, hierarchy: Hierarchy, seed: int = 24) -> Fidelity:
    """Compare the codes of classes with the hierarchy.

    A class's code has each bit as most of its images have it (a tie: 1).

    Parameters
    ----------
    table : CodeTable
        With labels of ``hierarchy``; classes without a code are left out.
    hierarchy : Hierarchy
    seed : int
        Draws 600 classes where there are more.

    Raises
    ------
    ValueError
        If fewer than three classes have codes.
    """
    present = np.unique(table.level_labels[:, 0])
    if len(present) > MOST_CLASSES:
        present = np.sort(np.random.RandomState(seed).permutation(present)[:MOST_CLASSES])
    if len(present) < 3:
        raise ValueError(
            f"the codes are of {len(present)} classes; expected at least 3, to compare their "
            "distances with the tree"
        )
    part = part_of_tree(hierarchy, present)
    hamming = class_distances(table, present)
    ancestors = part.ancestors
    steps = (ancestors[:, None] != ancestors[None]).sum(axis=2)
    of_codes, of_tree = squareform(hamming, checks=False), squareform(steps, checks=False)
    tree = linkage(of_codes, "average")
    return Fidelity(
        hierarchy=part,
        hamming=hamming,
        steps=steps,
        linkage=tree,
        rank_correlation=_correlation(of_tree, of_codes, ranks=True),
        cophenetic_correlation=_correlation(of_tree, of_codes),
        own_cophenetic_correlation=_correlation(cophenet(tree), of_codes),
        of_classes=hierarchy.num_classes[0],
    )


def coarser(table: CodeTable, hierarchy: Hierarchy, level: int) -> tuple[CodeTable, Hierarchy]:
    """The same codes with the classes of a level as the finest.

    Parameters
    ----------
    table : CodeTable
    hierarchy : Hierarchy
    level : int

    Raises
    ------
    ValueError
        If there is no such level.
    """
    top = hierarchy.num_levels - 1
    if not 0 <= level <= top:
        raise ValueError(f"level: the hierarchy has levels 0 to {top}, got {level}")
    labels = np.ascontiguousarray(table.level_labels[:, level:])
    return CodeTable(table.ids, table.codes, labels, table.num_bits, table.names), Hierarchy(
        hierarchy.level_names[level:],
        hierarchy.class_names[level:],
        hierarchy.parents[level:],
    )


def class_distances(table: CodeTable, classes: np.ndarray) -> np.ndarray:
    """Hamming distances between the codes of finest classes, each by the majority of its images.

    Parameters
    ----------
    table : CodeTable
    classes : int, shape (C,)
        Ascending, each with at least one image.

    Returns
    -------
    float64, shape (C, C)
    """
    place = np.full(int(table.level_labels[:, 0].max()) + 1, -1)
    place[classes] = np.arange(len(classes))
    own = place[table.level_labels[:, 0]]
    votes = np.zeros((len(classes), table.num_bits), np.int64)
    for start in range(0, len(table), 65536):
        block = slice(start, start + 65536)
        known = own[block] >= 0
        bits = codes.unpack(table.codes[block][known], table.num_bits)
        np.add.at(votes, own[block][known], bits)
    majority = np.where(votes >= 0, 1.0, -1.0)
    return (table.num_bits - majority @ majority.T) / 2


def part_of_tree(hierarchy: Hierarchy, classes: np.ndarray) -> Hierarchy:
    """The hierarchy of some of its finest classes, in their order.

    Parameters
    ----------
    hierarchy : Hierarchy
    classes : int, shape (C,)
        Ascending.
    """
    kept = [np.unique(hierarchy.ancestors[classes, level]) for level in range(hierarchy.num_levels)]
    names = [tuple(hierarchy.class_names[level][c] for c in own) for level, own in enumerate(kept)]
    parents = [
        np.searchsorted(above, hierarchy.parents[level][own])
        for level, (own, above) in enumerate(zip(kept, kept[1:]))
    ]
    return Hierarchy(hierarchy.level_names, tuple(names), tuple(parents))


def _correlation(first: np.ndarray, second: np.ndarray, *, ranks: bool = False) -> float:
    """Pearson's or Spearman's; NaN if one of the two does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    if ranks:
        return float(spearmanr(first, second)[0])
    return float(np.corrcoef(first, second)[0, 1])

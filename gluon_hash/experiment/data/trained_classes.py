"""Which classes a training sees, and in which tree: all of data.root's, or what is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import read_unseen, relabelled, without_classes

__all__ = ["is_trained", "trained_hierarchy", "trained_labels"]


def trained_hierarchy(config: Config, hierarchy: Hierarchy) -> Hierarchy:
    """The tree of the classes that are trained.

    Parameters
    ----------
    config : Config
        With data.tree, another tree over the same finest classes; with data.unseen_classes, less.
    hierarchy : Hierarchy
        Of data.root.

    Raises
    ------
    DataError
        If data.tree is of other finest classes, or an unseen class is not one of them.
    """
    tree = hierarchy
    if config.data.tree is not None:
        tree = Hierarchy.load(config.data.tree)
        if tree.class_names[0] != hierarchy.class_names[0]:
            other = set(tree.class_names[0]) ^ set(hierarchy.class_names[0])
            said = f"{len(other)} differ, such as {min(other)!r}" if other else "another order"
            raise DataError(
                f"data.tree: expected the finest classes of {config.data.root} in their order: "
                f"{said}",
                path=Path(config.data.tree),
            )
    if config.data.unseen_classes is None:
        return tree
    return without_classes(tree, read_unseen(config.data.unseen_classes, hierarchy))


def trained_labels(
    config: Config, hierarchy: Hierarchy, trained: Hierarchy, level_labels: np.ndarray
) -> np.ndarray:
    """Labels of data.root's tree as those of the tree that is trained; -1 where it lacks the class.

    Raises
    ------
    DataError
        If data.tree is set and a finest label is not known.
    """
    if config.data.tree is None:
        return relabelled(level_labels, hierarchy, trained)
    fine = relabelled(level_labels[:, :1], hierarchy.take_levels([0]), trained.take_levels([0]))
    if (level_labels[:, 0] < 0).any():
        raise DataError(
            "data.tree: an image whose finest class is not known (-1) has no place in another "
            "tree; leave data.tree out",
            path=config.data.root,
        )
    return np.where(fine < 0, -1, trained.ancestors[fine[:, 0]]).astype(np.int32)


def is_trained(config: Config, level_labels: np.ndarray) -> np.ndarray:
    """Which images are of a class that is trained: bool (N,); labels as of trained_labels."""
    if config.data.unseen_classes is None:
        return np.ones(len(level_labels), bool)
    return level_labels[:, 0] >= 0

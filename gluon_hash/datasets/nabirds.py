"""NABirds in its official layout: 555 leaf classes in a tree of three and four levels.

Source: Van Horn et al. 2015, https://dl.allaboutbirds.org/nabirds.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from gluon_hash.datasets.dataset import Dataset
from gluon_hash.datasets.folder import image_split
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers

__all__ = ["read_nabirds", "nabirds_hierarchy"]


def read_nabirds(root: str | os.PathLike[str]) -> Dataset:
    """The official split: training set = database, test set = queries.

    Parameters
    ----------
    root : path-like
        Folder with hierarchy.txt, classes.txt, images.txt, image_class_labels.txt,
        train_test_split.txt and images/.

    Raises
    ------
    DataError
        If a file or images are missing, or the files do not fit together.
    """
    root = _inner(Path(root))
    paths, labels, is_train = (
        _table(root / name)
        for name in ("images.txt", "image_class_labels.txt", "train_test_split.txt")
    )
    if not paths.keys() == labels.keys() == is_train.keys():
        raise DataError(
            "images.txt, image_class_labels.txt and train_test_split.txt do not list the same "
            "images",
            path=root,
        )
    leaves = sorted(set(labels.values()), key=int)
    hierarchy = nabirds_hierarchy(root, leaves)
    missing = [name for name in paths.values() if not (root / "images" / name).exists()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(paths)} images are missing ({missing[0]}, ...); unpack the "
            "official "
            "archive with its images",
            path=root / "images",
        )
    index = {leaf: position for position, leaf in enumerate(leaves)}
    splits = []
    for wanted in ("1", "0"):
        keys = [key for key in paths if is_train[key] == wanted]
        splits.append(
            image_split(
                root / "images",
                [paths[key] for key in keys],
                np.array([index[labels[key]] for key in keys]),
            )
        )
    return Dataset("nabirds", hierarchy, splits[0], splits[1], source={"name": root.name})


def nabirds_hierarchy(root: str | os.PathLike[str], leaves: list[str] | None = None) -> Hierarchy:
    """The tree of hierarchy.txt with the names of classes.txt, completed to even depth."""
    root = _inner(Path(root))
    names = _table(root / "classes.txt")
    return readers.from_parent_lines(root / "hierarchy.txt", names, leaves=leaves)


def _inner(root: Path) -> Path:
    found = sorted(root.rglob("hierarchy.txt"))
    if len(found) != 1:
        raise DataError(f"expected NABirds' hierarchy.txt inside, found {len(found)}", path=root)
    return found[0].parent


def _table(path: Path) -> dict[str, str]:
    if not path.exists():
        raise DataError("missing from the data set", path=path)
    return readers.read_pairs(path)

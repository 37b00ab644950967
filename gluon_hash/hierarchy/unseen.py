"""Classes that are never trained on: drawn, written, read, and the hierarchy of the others.

And the protocols of data by name: what is trained on, and what is searched in what.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import replace_text
from gluon_hash.guard import read_lines
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = [
    "PAPER",
    "PROTOCOLS_OF_DATA",
    "UNSEEN",
    "UNSEEN_CLASSES",
    "UNSEEN_IMAGES",
    "check_protocols",
    "draw_unseen",
    "read_unseen",
    "relabelled",
    "without_classes",
    "write_unseen",
]

PAPER, UNSEEN_IMAGES, UNSEEN = "paper", "unseen-images", "unseen-classes"
PROTOCOLS_OF_DATA = (PAPER, UNSEEN_IMAGES, UNSEEN)
UNSEEN_CLASSES = "unseen_classes.txt"  # in a prepared folder: a name of a finest class a line
UNSEEN_SHARE = 0.2


def check_protocols(names: Sequence[str]) -> None:
    """ValueError unless these are protocols of data, each once, and there is one."""
    wrong = [name for name in names if name not in PROTOCOLS_OF_DATA]
    if wrong or not names or len(set(names)) < len(names):
        raise ValueError(
            f"protocol: expected one of {', '.join(PROTOCOLS_OF_DATA)} (or several different ones "
            f"where they are measured side by side), got {', '.join(names) or 'none'}"
        )


def draw_unseen(hierarchy: Hierarchy, seed: int, share: float = UNSEEN_SHARE) -> np.ndarray:
    """Finest classes to be left out of training, spread over their superclasses.

    They are drawn one by one, each from the superclass that has the smallest share of its classes
    drawn; every superclass keeps a class that is trained.

    Parameters
    ----------
    hierarchy : Hierarchy
    seed : int
    share : float
        Of the finest classes, rounded to whole classes, at least one.

    Returns
    -------
    int64, ascending

    Raises
    ------
    ValueError
        If ``share`` is not between 0 and 1, or every superclass has one class.

    Examples
    --------
    >>> rows = [(f"{form} {n}", form) for form in ("disc", "star") for n in range(5)]
    >>> drawn = draw_unseen(Hierarchy.from_table(rows, ("figure", "form")), seed=0)
    >>> len(drawn), bool(drawn[0] < 5 <= drawn[1])
    (2, True)
    """
    if not 0 < share < 1:
        raise ValueError(f"unseen classes: expected a share between 0 and 1, got {share}")
    count = hierarchy.num_classes[0]
    parent = hierarchy.parents[0] if hierarchy.num_levels > 1 else np.zeros(count, np.int64)
    rng = np.random.RandomState(seed)
    order = rng.permutation(parent.max() + 1)  # settles equal shares
    left = {int(p): rng.permutation(np.flatnonzero(parent == p)).tolist() for p in order}
    sizes = {p: len(classes) for p, classes in left.items()}
    drawn: list[int] = []
    for _ in range(max(1, round(share * count))):
        able = [p for p, classes in left.items() if len(classes) > 1]
        if not able:
            break
        drawn.append(left[min(able, key=lambda p: (sizes[p] - len(left[p]) + 1) / sizes[p])].pop())
    if not drawn:
        raise ValueError(
            "unseen classes: every superclass has one finest class, so none can be left out of "
            "training and have a relative there"
        )
    return np.sort(np.array(drawn, np.int64))


def without_classes(hierarchy: Hierarchy, unseen: np.ndarray) -> Hierarchy:
    """The hierarchy of the classes that are trained, in their order at every level."""
    kept = np.setdiff1d(np.arange(hierarchy.num_classes[0]), unseen)
    table = hierarchy.to_table()
    rows = [table[c] for c in kept]
    order = {}
    for level, name in enumerate(hierarchy.level_names):
        there = {row[level] for row in rows}
        order[name] = [c for c in hierarchy.class_names[level] if c in there]
    return Hierarchy.from_table(rows, hierarchy.level_names, order)


def relabelled(level_labels: np.ndarray, hierarchy: Hierarchy, trained: Hierarchy) -> np.ndarray:
    """Labels of a hierarchy as those of a part of it; -1 where it lacks the class.

    Parameters
    ----------
    level_labels : int32, shape (N, K)
    hierarchy, trained : Hierarchy
        Of these labels, and of what without_classes left.

    Returns
    -------
    int32, shape (N, K)
    """
    columns = []
    for level, names in enumerate(hierarchy.class_names):
        index = {name: c for c, name in enumerate(trained.class_names[level])}
        new = np.array([*(index.get(name, -1) for name in names), -1], np.int32)  # -1 stays -1
        columns.append(new[level_labels[:, level]])
    return np.stack(columns, axis=1)


def write_unseen(path: str | os.PathLike[str], hierarchy: Hierarchy, unseen: np.ndarray) -> None:
    """Write the names of finest classes, one a line."""
    replace_text(path, "".join(f"{hierarchy.class_names[0][c]}\n" for c in unseen))


def read_unseen(path: str | os.PathLike[str], hierarchy: Hierarchy) -> np.ndarray:
    """The finest classes that a file names: int64, ascending.

    Raises
    ------
    DataError
        With the line: there is no such class, or it comes twice. If no class is named, or no class
        is left to be trained.
    """
    index = {name: c for c, name in enumerate(hierarchy.class_names[0])}
    classes: list[int] = []
    for number, name in enumerate(read_lines(path), start=1):
        if name not in index or index[name] in classes:
            what = "is named twice" if name in index else "is not a finest class of the hierarchy"
            raise DataError(f"{name[:80]!r} {what}", path=path, line=number)
        classes.append(index[name])
    if not 0 < len(classes) < len(index):
        raise DataError(
            f"names {len(classes)} of {len(index)} finest classes; expected some, not all",
            path=path,
        )
    return np.sort(np.array(classes, np.int64))

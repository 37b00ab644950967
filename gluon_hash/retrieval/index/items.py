"""Items: what an index knows of its images besides their codes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.index.zoom import UNKNOWN, Branch

__all__ = ["Items"]


@dataclass(frozen=True)
class Items:
    """Ids, names and labels of images, in the order of adding.

    Parameters
    ----------
    ids : int64, shape (N,)
    names : str, shape (N,), or None
        Path of each image, or its name in a list; "" where it is not known.
    level_labels : int32, shape (N, K)
        Class per level, finest first; -1 where it is not known; K = 0 where no class is.
    hierarchy : Hierarchy, optional
        Names of the classes.
    model : str, optional
        The fingerprint of the model that made the codes.
    """

    ids: np.ndarray
    names: np.ndarray | None
    level_labels: np.ndarray
    hierarchy: Hierarchy | None = None
    model: str | None = None

    @classmethod
    def none(cls, hierarchy: Hierarchy | None = None, model: str | None = None) -> Items:
        """No item yet."""
        return cls(np.empty(0, np.int64), None, np.empty((0, 0), np.int32), hierarchy, model)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def num_levels(self) -> int:
        """K, the number of levels."""
        return self.level_labels.shape[1]

    @property
    def level_names(self) -> tuple[str, ...]:
        """The name of each level, finest first: of the hierarchy, else level_0, level_1, ..."""
        if self.hierarchy is not None and self.num_levels:
            return self.hierarchy.level_names
        return tuple(f"level_{level}" for level in range(self.num_levels))

    def class_name(self, branch: Branch) -> str:
        """The name of a class: of the hierarchy, else its number; "" if it is not known."""
        if branch.label == UNKNOWN:
            return ""
        if self.hierarchy is None:
            return str(branch.label)
        return self.hierarchy.class_names[branch.level][branch.label]

    def class_names(self, row: int) -> list[str]:
        """The classes of the image in ``row``, finest first."""
        labels = self.level_labels[row].tolist()
        return [self.class_name(Branch(*level_and_label)) for level_and_label in enumerate(labels)]

    def take(self, rows: np.ndarray) -> Items:
        """Some of the items: positions, or bool (N,)."""
        return replace(
            self,
            ids=self.ids[rows],
            names=None if self.names is None else self.names[rows],
            level_labels=self.level_labels[rows],
        )

    def append(
        self,
        ids: np.ndarray,
        names: np.ndarray | None = None,
        level_labels: np.ndarray | None = None,
    ) -> Items:
        """These items, then those; what only some have is unknown of the others.

        Raises
        ------
        ValueError
            If names or labels are not as many as ids, labels have another number of levels, or are
            not in the hierarchy.
        """
        labels = np.empty((len(ids), 0), np.int32) if level_labels is None else level_labels
        if len(labels) != len(ids) or labels.ndim != 2:
            raise ValueError(f"level_labels: expected int ({len(ids)}, K), got {labels.shape}")
        if names is not None and np.shape(names) != (len(ids),):
            raise ValueError(f"names: expected {len(ids)} of them, got {np.shape(names)}")
        self._check_labels(labels)
        return replace(
            self,
            ids=np.concatenate([self.ids, ids]),
            names=_joined(self.names, len(self), names, len(ids)),
            level_labels=_stacked(self.level_labels, labels),
        )

    def positions(self, ids: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Where ``ids`` are, hidden rows aside; ValueError if one is not there."""
        if not len(ids):
            return np.empty(0, np.int64)
        rows = np.flatnonzero(~hidden)
        known = self.ids[rows]
        if len(known) > 1 and not (np.diff(known) > 0).all():
            order = np.argsort(known)
            rows, known = rows[order], known[order]
        nearest = np.searchsorted(known, ids)
        there = nearest < len(known)
        there[there] = known[nearest[there]] == ids[there]
        if not there.all():
            raise ValueError(f"id {ids[~there][0]} is not in the index")
        return rows[nearest]

    def branch(self, text: str) -> Branch:
        """The branch that "LEVEL=CLASS" names; numbers do where there are no names.

        Raises
        ------
        ValueError
            If there is no such level or class; names the nearest ones.
        """
        level_text, equals, class_text = text.partition("=")
        if not equals:
            raise ValueError(f"within: expected LEVEL=CLASS, got {text!r}")
        if not self.num_levels:
            raise ValueError("within: the index knows no classes; build it from labelled images")
        level = self.level(level_text)
        names = self.hierarchy.class_names[level] if self.hierarchy is not None else ()
        if class_text in names:
            return Branch(level, names.index(class_text))
        if not names and class_text.isdigit():
            return Branch(level, int(class_text))
        expected = _nearest(class_text, names) if names else "the number of a class"
        raise ValueError(
            f"within: level {self.level_names[level]} has no class {class_text!r}; expected "
            f"{expected}"
        )

    def level(self, text: str) -> int:
        """The level of this name or number; ValueError, with the names, if there is none."""
        names = self.level_names
        if text in names:
            return names.index(text)
        if text.isdigit() and int(text) < len(names):
            return int(text)
        if not names:
            raise ValueError(
                "the index knows no classes, so it has no levels; build it from labelled images"
            )
        raise ValueError(f"level: expected one of {', '.join(names)}, got {text!r}")

    def _check_labels(self, labels: np.ndarray) -> None:
        tree, num_levels = self.hierarchy, labels.shape[1]
        if tree is None or not num_levels:
            return
        if num_levels != tree.num_levels:
            raise ValueError(
                f"level_labels: labels of {num_levels} levels, the hierarchy has {tree.num_levels} "
                f"({', '.join(tree.level_names)})"
            )
        known = (labels != UNKNOWN).any(axis=1)
        if known.any():
            tree.check_partial_labels(labels[known])


def _joined(
    names: np.ndarray | None, count: int, more: np.ndarray | None, num_more: int
) -> np.ndarray | None:
    if names is None and more is None:
        return None
    names = np.full(count, "") if names is None else names
    return np.concatenate([names, np.full(num_more, "") if more is None else np.asarray(more)])


def _stacked(labels: np.ndarray, more: np.ndarray) -> np.ndarray:
    num_levels, num_more_levels = labels.shape[1], more.shape[1]
    if not len(labels):
        return more.astype(np.int32)
    if num_levels and num_more_levels and num_levels != num_more_levels:
        raise ValueError(
            f"level_labels: the index has labels of {num_levels} levels, these have "
            f"{num_more_levels}"
        )
    wide = max(num_levels, num_more_levels)
    columns = [
        each if each.shape[1] else np.full((len(each), wide), UNKNOWN, np.int32)
        for each in (labels, more)
    ]
    return np.concatenate(columns).astype(np.int32)


def _nearest(name: str, names: tuple[str, ...]) -> str:
    """Names to offer: those that are like ``name``, else the first ones."""
    like = difflib.get_close_matches(name, names, n=3) or list(names[:3])
    return f"one of {len(names)}, such as {', '.join(like)}"

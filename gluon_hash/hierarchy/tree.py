"""Hierarchy: what a label means at every level; level 0 is the finest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.hierarchy.table import (
    HierarchyTable,
    RowError,
    check_names,
    check_rows,
    ordered_names,
    read_table,
    write_table,
)

__all__ = ["Hierarchy"]

PREPARED_WITH = "use the hierarchy that the data was prepared with"


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Class names and parents at every level of a label tree whose leaves all have the same depth.

    Parameters
    ----------
    level_names : tuple of str, length K
        Finest first, such as ("fine", "coarse").
    class_names : tuple of K tuples of str
        ``class_names[k][c]`` is the name of class c at level k.
    parents : tuple of K - 1 int64 arrays
        ``parents[k][c]`` is the class at level k + 1 that class c of level k belongs to.

    Raises
    ------
    ValueError
        If a name appears twice in a level or does not survive being written, a parent does not
        exist, or a class has no child.
    """

    level_names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    parents: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        if not self.level_names or len(self.class_names) != len(self.level_names):
            raise ValueError(
                f"Hierarchy: expected class names for the levels {self.level_names}, got "
                f"{len(self.class_names)} lists"
            )
        if len(self.parents) != len(self.level_names) - 1:
            raise ValueError(
                f"Hierarchy: {len(self.level_names)} levels have {len(self.level_names) - 1} "
                f"tables of parents, got {len(self.parents)}"
            )
        check_names(self.level_names, self.class_names)
        for level, parents in enumerate(self.parents):
            num_parents = len(self.class_names[level + 1])
            named = np.array_equal(np.unique(parents), np.arange(num_parents))
            if len(parents) != len(self.class_names[level]) or not named:
                lower, upper = self.level_names[level : level + 2]
                raise ValueError(
                    f"Hierarchy: parents of level {lower!r} must name every one of the "
                    f"{num_parents} classes of {upper!r}, and no other"
                )

    @property
    def num_levels(self) -> int:
        """K, the number of levels."""
        return len(self.level_names)

    @cached_property
    def num_classes(self) -> tuple[int, ...]:
        """Classes per level, finest first."""
        return tuple(len(names) for names in self.class_names)

    @cached_property
    def ancestors(self) -> np.ndarray:
        """The class of each finest class at every level: int32, shape (num_classes[0], K)."""
        columns = [self._ancestors_at(0, level) for level in range(self.num_levels)]
        return np.stack(columns, axis=1).astype(np.int32)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Hierarchy)
            and self.level_names == other.level_names
            and self.class_names == other.class_names
            and all(np.array_equal(a, b) for a, b in zip(self.parents, other.parents))
        )

    def __hash__(self) -> int:
        return hash((self.level_names, self.class_names))

    def level_labels(self, fine_labels: np.ndarray) -> np.ndarray:
        """Multi-level targets of finest labels.

        Parameters
        ----------
        fine_labels : ndarray of int, shape (N,)

        Returns
        -------
        ndarray of int32, shape (N, K)

        Raises
        ------
        ValueError
            If a label is not a class of level 0.
        """
        fine_labels = np.asarray(fine_labels)
        count = self.num_classes[0]
        wrong = np.flatnonzero((fine_labels < 0) | (fine_labels >= count))
        if len(wrong):
            at = wrong[0]
            raise ValueError(
                f"level_labels: label {fine_labels[at]} at position {at} is not in [0, {count})"
            )
        return self.ancestors[fine_labels]

    def check_level_labels(
        self, level_labels: np.ndarray, path: str | os.PathLike[str] | None = None
    ) -> None:
        """Raise DataError, naming the first such record, if labels disagree with this hierarchy.

        Parameters
        ----------
        level_labels : ndarray of int, shape (N, K)
        path : path-like, optional
            The file that they come from, for the message.
        """
        level_labels = np.asarray(level_labels)
        if level_labels.ndim != 2 or level_labels.shape[1] != self.num_levels:
            raise DataError(
                f"expected labels of {self.num_levels} levels ({', '.join(self.level_names)}), "
                f"got shape {level_labels.shape}; {PREPARED_WITH}",
                path=path,
            )
        fine = level_labels[:, 0]
        known = (fine >= 0) & (fine < self.num_classes[0])
        right = known & (self.ancestors[np.where(known, fine, 0)] == level_labels).all(axis=1)
        if not right.all():
            position = int(np.argmin(right))
            labels = level_labels[position].tolist()
            expected = f"a class below {self.num_classes[0]}"
            if known[position]:
                expected = str(self.ancestors[labels[0]].tolist())
            raise DataError(
                f"labels {labels} are not in the hierarchy, which has {expected}; {PREPARED_WITH}",
                path=path,
                record=position,
            )

    def check_partial_labels(
        self, level_labels: np.ndarray, path: str | os.PathLike[str] | None = None
    ) -> None:
        """As check_level_labels, where -1 says that a class is not known.

        That may be so at the finest levels, up to any but the coarsest.
        """
        level_labels = np.asarray(level_labels)
        completed = level_labels.copy()
        # from the coarsest level down: the first child stands in for a class that is not known
        for level, parents in reversed(list(enumerate(self.parents))):
            first_child = np.unique(parents, return_index=True)[1]
            above = np.clip(completed[:, level + 1], 0, self.num_classes[level + 1] - 1)
            missing = (level_labels[:, : level + 1] == -1).all(axis=1)
            completed[:, level] = np.where(missing, first_child[above], level_labels[:, level])
        self.check_level_labels(completed, path)

    def keep_levels(self, num_levels: int) -> Hierarchy:
        """The same hierarchy with its finest ``num_levels`` levels; 1 makes HPDH into DCWH."""
        if not 1 <= num_levels <= self.num_levels:
            raise ValueError(f"num_levels: expected 1 to {self.num_levels}, got {num_levels}")
        return self.take_levels(range(num_levels))

    def take_levels(self, levels: Sequence[int]) -> Hierarchy:
        """The same finest classes with some levels left out.

        A deep uneven tree has levels that say little.

        Parameters
        ----------
        levels : sequence of int
            Which to keep: ascending, 0 (the finest) first.

        Raises
        ------
        ValueError
            If there is no such level, one appears twice or is out of order, or 0 is not the first.

        Examples
        --------
        >>> rows = [("husky", "dog", "animal"), ("poodle", "dog", "animal")]
        >>> tree = Hierarchy.from_table(rows, ("breed", "species", "kind"))
        >>> tree.take_levels([0, 2]).to_table()
        [('husky', 'animal'), ('poodle', 'animal')]
        """
        levels = list(levels)
        if levels[:1] != [0] or levels != sorted(set(levels)) or levels[-1] >= self.num_levels:
            raise ValueError(
                f"levels: expected 0 and then some of 1 to {self.num_levels - 1}, ascending, "
                f"got {levels}"
            )
        return Hierarchy(
            tuple(self.level_names[level] for level in levels),
            tuple(self.class_names[level] for level in levels),
            tuple(self._ancestors_at(lower, upper) for lower, upper in zip(levels, levels[1:])),
        )

    def _ancestors_at(self, lower: int, upper: int) -> np.ndarray:
        """The class at level ``upper`` of each class at level ``lower``."""
        classes = np.arange(self.num_classes[lower])
        for parents in self.parents[lower:upper]:
            classes = parents[classes]
        return classes

    @classmethod
    def from_table(
        cls,
        rows: Sequence[Sequence[str]],
        level_names: Sequence[str],
        order: Mapping[str, Sequence[str]] | None = None,
    ) -> Hierarchy:
        """A hierarchy from one row of names per finest class.

        Parameters
        ----------
        rows : sequence of sequences of str
            The class's name at every level, finest first.
        level_names : sequence of str
        order : mapping from level name to class names, optional
            Class order of a level; by default the order of first appearance.

        Raises
        ------
        ValueError
            If a finest class appears twice, a row is too short or too long, a class has two parents
            or an order does not list exactly the classes of its level.

        Examples
        --------
        >>> rows = [("husky", "dog"), ("siamese", "cat")]
        >>> tree = Hierarchy.from_table(rows, ("breed", "species"))
        >>> tree.num_classes, tree.ancestors.tolist()
        ((2, 2), [[0, 0], [1, 1]])
        """
        check_rows(rows, level_names)
        names = ordered_names(rows, level_names, order or {})
        parents = []
        for level in range(len(level_names) - 1):
            parent_of = {row[level]: row[level + 1] for row in rows}
            index = {name: c for c, name in enumerate(names[level + 1])}
            above = [index[parent_of[name]] for name in names[level]]
            parents.append(np.array(above, dtype=np.int64))
        return cls(tuple(level_names), tuple(map(tuple, names)), tuple(parents))

    def to_table(self) -> list[tuple[str, ...]]:
        """One row of names per finest class, in class order: what from_table reads."""
        return [
            tuple(self.class_names[level][c] for level, c in enumerate(row))
            for row in self.ancestors
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write hierarchy.tsv, whole or not at all.

        A level whose class order is not that of first appearance gets a line that says so.
        """
        rows = self.to_table()
        order = {
            name: classes
            for level, (name, classes) in enumerate(zip(self.level_names, self.class_names))
            if list(classes) != list(dict.fromkeys(row[level] for row in rows))
        }
        write_table(path, HierarchyTable(self.level_names, rows, order))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Hierarchy:
        """Read hierarchy.tsv.

        Raises
        ------
        DataError
            If there is no such file. With the line: wrong header, a row with too few or too many
            names, a class with two parents.
        """
        table = read_table(path)
        try:
            return cls.from_table(table.rows, table.level_names, table.order)
        except RowError as error:
            raise DataError(str(error), path=path, line=table.lines[error.row]) from error
        except ValueError as error:
            raise DataError(str(error), path=path) from error

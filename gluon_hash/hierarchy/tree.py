"""Hierarchy: what a label means at every level; level 0 is the finest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text

__all__ = ["Hierarchy"]

HEADER = "# gluon_hash hierarchy 1"
ORDER = "# order: "


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
        If a name stands twice in a level, a parent does not exist, or a class has no child.
    """

    level_names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    parents: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        if not self.level_names or len(self.class_names) != len(self.level_names):
            raise ValueError(
                f"Hierarchy: expected class names for the levels {self.level_names}, "
                f"got {len(self.class_names)} lists"
            )
        if len(self.parents) != len(self.level_names) - 1:
            raise ValueError(
                f"Hierarchy: {len(self.level_names)} levels have {len(self.level_names) - 1} "
                f"tables of parents, got {len(self.parents)}"
            )
        for level, names in enumerate(self.class_names):
            _check_names(self.level_names[level], names)
        for level, parents in enumerate(self.parents):
            expected = np.arange(len(self.class_names[level + 1]))
            if len(parents) != len(self.class_names[level]) or not np.array_equal(
                np.unique(parents), expected
            ):
                raise ValueError(
                    f"Hierarchy: parents of level {self.level_names[level]!r} must name every one "
                    "of "
                    f"the {len(expected)} classes of {self.level_names[level + 1]!r}, and no other"
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
        return np.stack(
            [self._ancestors_at(0, level) for level in range(self.num_levels)], axis=1
        ).astype(np.int32)

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
            If a label is no class of level 0.
        """
        fine_labels = np.asarray(fine_labels)
        wrong = np.flatnonzero((fine_labels < 0) | (fine_labels >= self.num_classes[0]))
        if len(wrong):
            raise ValueError(
                f"level_labels: label {fine_labels[wrong[0]]} at position {wrong[0]} is not in "
                f"[0, {self.num_classes[0]})"
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
                f"got shape {level_labels.shape}; use the hierarchy that the data was prepared "
                "with",
                path=path,
            )
        fine = level_labels[:, 0]
        known = (fine >= 0) & (fine < self.num_classes[0])
        right = known & (self.ancestors[np.where(known, fine, 0)] == level_labels).all(axis=1)
        if not right.all():
            record = int(np.argmin(right))
            found = level_labels[record].tolist()
            expected = (
                self.ancestors[found[0]].tolist()
                if known[record]
                else f"a class below {self.num_classes[0]}"
            )
            raise DataError(
                f"labels {found} are not in the hierarchy, which has {expected}; "
                "use the hierarchy that the data was prepared with",
                path=path,
                record=record,
            )

    def check_partial_labels(
        self, level_labels: np.ndarray, path: str | os.PathLike[str] | None = None
    ) -> None:
        """As check_level_labels, where -1 at the finest levels, but not at all, says that the class
        is not known."""
        level_labels = np.asarray(level_labels)
        whole = level_labels.copy()
        for k, parent in reversed(
            list(enumerate(self.parents))
        ):  # any class stands in for a missing one
            first_child = np.array(
                [np.argmax(parent == one) for one in range(self.num_classes[k + 1])]
            )
            above = np.clip(whole[:, k + 1], 0, self.num_classes[k + 1] - 1)
            missing = (level_labels[:, : k + 1] == -1).all(axis=1)
            whole[:, k] = np.where(missing, first_child[above], level_labels[:, k])
        self.check_level_labels(whole, path)

    def keep_levels(self, num_levels: int) -> Hierarchy:
        """The same hierarchy with its finest ``num_levels`` levels; 1 makes HPDH into DCWH."""
        if not 1 <= num_levels <= self.num_levels:
            raise ValueError(
                f"keep_levels: expected 1 to {self.num_levels} levels, got {num_levels}"
            )
        return self.take_levels(range(num_levels))

    def take_levels(self, levels: Sequence[int]) -> Hierarchy:
        """The same classes with some levels left out, as a deep uneven tree has levels that say
        little.

        Parameters
        ----------
        levels : sequence of int
            Ascending, 0 (the finest) first.

        Raises
        ------
        ValueError
            If a level is missing, stands twice or is out of order, or 0 does not come first.
        """
        levels = list(levels)
        if levels[:1] != [0] or levels != sorted(set(levels)) or levels[-1] >= self.num_levels:
            raise ValueError(
                f"levels: expected 0 and then some of 1 to {self.num_levels - 1}, ascending, got "
                f"{levels}"
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
            If a finest class stands twice, a row is too short or too long, a class has two parents
            or an order does not list exactly the classes of its level.
        """
        _check_rows(rows, level_names)
        names = [
            list(dict.fromkeys(row[level] for row in rows)) for level in range(len(level_names))
        ]
        for level_name, wanted in (order or {}).items():
            if level_name not in level_names:
                raise ValueError(
                    f"order of level {level_name!r}: the levels are {', '.join(level_names)}"
                )
            level = list(level_names).index(level_name)
            if sorted(wanted) != sorted(names[level]):
                differing = sorted(set(wanted) ^ set(names[level])) or "a name twice"
                raise ValueError(
                    f"order of level {level_name!r} does not list its classes: {differing}"
                )
            names[level] = list(wanted)
        parents = []
        for level in range(len(level_names) - 1):
            parent_of = {row[level]: row[level + 1] for row in rows}
            index = {name: position for position, name in enumerate(names[level + 1])}
            parents.append(
                np.array([index[parent_of[name]] for name in names[level]], dtype=np.int64)
            )
        return cls(tuple(level_names), tuple(map(tuple, names)), tuple(parents))

    def to_table(self) -> list[tuple[str, ...]]:
        """One row of names per finest class, in class order: what from_table reads."""
        return [
            tuple(self.class_names[level][c] for level, c in enumerate(row))
            for row in self.ancestors
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write hierarchy.tsv; an order line is written for a level whose order is not that of
        appearance."""
        rows = self.to_table()
        orders = [
            ORDER + "\t".join((name, *classes))
            for level, (name, classes) in enumerate(zip(self.level_names, self.class_names))
            if list(classes) != list(dict.fromkeys(row[level] for row in rows))
        ]
        lines = [HEADER, "\t".join(self.level_names), *orders, *("\t".join(row) for row in rows)]
        atomic_write_text(path, "\n".join(lines) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Hierarchy:
        """Read hierarchy.tsv.

        Raises
        ------
        DataError
            With the line: wrong header, a row with too few or too many names, a class with two
            parents.
        """
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        if not lines or lines[0].strip() != HEADER:
            raise DataError(
                f"expected {HEADER!r}, got {lines[0] if lines else 'an empty file'!r}",
                path=path,
                line=1,
            )
        if len(lines) < 3:
            raise DataError(
                "expected level names and at least one class; the file ends",
                path=path,
                line=len(lines),
            )
        level_names = lines[1].split("\t")
        order, rows, numbers = {}, [], []
        for number, line in enumerate(lines[2:], start=3):
            if line.startswith(ORDER):
                level_name, *classes = line[len(ORDER) :].split("\t")
                order[level_name] = classes
            elif line.strip():
                rows.append(line.split("\t"))
                numbers.append(number)
        try:
            return cls.from_table(rows, level_names, order)
        except _RowError as error:
            raise DataError(str(error), path=path, line=numbers[error.row]) from error
        except ValueError as error:
            raise DataError(str(error), path=path) from error


class _RowError(ValueError):
    """A wrong row of a table; carries its position."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def _check_rows(rows: Sequence[Sequence[str]], level_names: Sequence[str]) -> None:
    if not rows:
        raise ValueError("a hierarchy needs at least one class, got none")
    parent_of: list[dict[str, str]] = [{} for _ in level_names]
    for position, row in enumerate(rows):
        if len(row) != len(level_names):
            raise _RowError(
                f"expected {len(level_names)} names ({', '.join(level_names)}), got {len(row)}",
                position,
            )
        if not all(isinstance(name, str) and name.strip() for name in row):
            raise _RowError(f"a class has no name: {list(row)}", position)
        if row[0] in parent_of[0] or (
            len(level_names) == 1 and row[0] in (other[0] for other in rows[:position])
        ):
            raise _RowError(f"class {row[0]!r} stands twice", position)
        for level in range(len(level_names) - 1):
            parent = parent_of[level].setdefault(row[level], row[level + 1])
            if parent != row[level + 1]:
                raise _RowError(
                    f"{level_names[level]} class {row[level]!r} has two parents, {parent!r} and "
                    f"{row[level + 1]!r}; give one of them another name",
                    position,
                )


def _check_names(level_name: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name.strip() or "\t" in name or "\n" in name:
            raise ValueError(
                f"level {level_name!r}: {name!r} is no class name (empty, or with a tab)"
            )
        if name in seen:
            raise ValueError(f"level {level_name!r}: class {name!r} stands twice")
        seen.add(name)

"""hierarchy.tsv: a row of names for each finest class; its rows checked, read and written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text
from gluon_hash.guard import read_text

__all__ = [
    "HEADER",
    "HierarchyTable",
    "RowError",
    "check_names",
    "check_rows",
    "ordered_names",
    "read_table",
    "write_table",
]

HEADER = "# gluon_hash hierarchy 1"
ORDER = "# order: "


class RowError(ValueError):
    """A wrong row of a table; carries its position, counted from 0."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class HierarchyTable:
    """What hierarchy.tsv holds.

    Parameters
    ----------
    level_names : sequence of K str
        Finest first.
    rows : sequence of sequences of K str
        The names of one finest class at every level, finest first.
    order : mapping from level name to class names
        Only of levels whose class order is not that of first appearance.
    lines : sequence of int
        Where each row is in the file, counted from 1.
    """

    level_names: Sequence[str]
    rows: Sequence[Sequence[str]]
    order: Mapping[str, Sequence[str]]
    lines: Sequence[int] = ()


def read_table(path: str | os.PathLike[str]) -> HierarchyTable:
    """The rows of hierarchy.tsv, not yet checked.

    Raises
    ------
    DataError
        With the line: another header, or no rows.
    """
    lines = read_text(path, made_by="gluon-hash prepare").splitlines()
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
    order: dict[str, list[str]] = {}
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines[2:], start=3):
        if line.startswith(ORDER):
            level_name, *classes = line[len(ORDER) :].split("\t")
            order[level_name] = classes
        elif line.strip():
            rows.append(line.split("\t"))
            numbers.append(number)
    return HierarchyTable(lines[1].split("\t"), rows, order, numbers)


def write_table(path: str | os.PathLike[str], table: HierarchyTable) -> None:
    """Write hierarchy.tsv, whole or not at all."""
    orders = [ORDER + "\t".join((name, *classes)) for name, classes in table.order.items()]
    rows = ["\t".join(row) for row in table.rows]
    lines = [HEADER, "\t".join(table.level_names), *orders, *rows]
    atomic_write_text(path, "\n".join(lines) + "\n")


def check_rows(rows: Sequence[Sequence[str]], level_names: Sequence[str]) -> None:
    """Raise unless rows of names, finest first, are a tree.

    Raises
    ------
    RowError
        A row of another length, a class without a name or with two parents, or that appears twice.
    ValueError
        If there is no row.
    """
    if not rows:
        raise ValueError("a hierarchy needs at least one class, got none")
    finest: set[str] = set()
    parent_of: list[dict[str, str]] = [{} for _ in level_names]
    for position, row in enumerate(rows):
        if len(row) != len(level_names):
            raise RowError(
                f"expected {len(level_names)} names ({', '.join(level_names)}), got {len(row)}",
                position,
            )
        if not all(isinstance(name, str) and name.strip() for name in row):
            raise RowError(f"a class has no name: {list(row)}", position)
        if row[0] in finest:
            raise RowError(f"class {row[0]!r} appears twice", position)
        finest.add(row[0])
        for level in range(len(level_names) - 1):
            parent = parent_of[level].setdefault(row[level], row[level + 1])
            if parent != row[level + 1]:
                raise RowError(
                    f"{level_names[level]} class {row[level]!r} has two parents, {parent!r} and "
                    f"{row[level + 1]!r}; give one of them another name",
                    position,
                )


def ordered_names(
    rows: Sequence[Sequence[str]], level_names: Sequence[str], order: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """The classes of each level, in the order given for it or that of first appearance.

    Raises
    ------
    ValueError
        If an order is of no level or does not list exactly the classes of its level.
    """
    names = [list(dict.fromkeys(row[level] for row in rows)) for level in range(len(level_names))]
    for level_name, wanted in order.items():
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
    return names


def check_names(level_name: str, names: Sequence[str]) -> None:
    """Raise ValueError if a name of a level appears twice or cannot be written to a file."""
    seen: set[str] = set()
    for name in names:
        if not name.strip() or "\t" in name or "\n" in name:
            raise ValueError(
                f"level {level_name!r}: {name!r} is not a class name (empty, or with a tab)"
            )
        if name in seen:
            raise ValueError(f"level {level_name!r}: class {name!r} appears twice")
        seen.add(name)

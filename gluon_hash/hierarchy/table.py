"""hierarchy.tsv: a row of names for each finest class; its rows checked, read and written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text
from gluon_hash.guard import read_lines

__all__ = [
    "HEADER",
    "HierarchyTable",
    "RowError",
    "MOST_LEVELS",
    "check_names",
    "check_rows",
    "flaw_of",
    "ordered_names",
    "read_table",
    "write_table",
]

HEADER = "# gluon_hash hierarchy 1"
ORDER = "# order: "
MOST_LEVELS = 64  # WordNet has 20; uneven trees are completed to the deepest branch


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
    lines = read_lines(path, made_by="gluon-hash prepare")
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
            if level_name in order:
                raise DataError(
                    f"the order of level {level_name!r} is given twice", path=path, line=number
                )
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
    _check_level_names(level_names)
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
        flawed = next((name for name in row if flaw_of(name)), None)
        if flawed is not None:
            raise RowError(
                f"{flawed!r} cannot be a class name: it {flaw_of(flawed)}; rename it", position
            )
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


def check_names(level_names: Sequence[str], class_names: Sequence[Sequence[str]]) -> None:
    """Raise ValueError if a name appears twice in a level or does not survive being written."""
    _check_level_names(level_names)
    for level_name, names in zip(level_names, class_names):
        seen: set[str] = set()
        for name in names:
            flaw = flaw_of(name)
            if flaw:
                raise ValueError(
                    f"level {level_name!r}: {name!r} cannot be a class name: it {flaw}; rename it"
                )
            if name in seen:
                raise ValueError(f"level {level_name!r}: class {name!r} appears twice")
            seen.add(name)


def flaw_of(name: object) -> str | None:
    r"""What keeps a name of a level or class from being the same when it was written and read.

    Examples
    --------
    >>> flaw_of("Räv (adult)")
    >>> flaw_of("a\tb")
    'holds a tab or a line break'
    """
    if not isinstance(name, str):
        return "is not a text"
    if not name.strip():
        return "is empty"
    if "\t" in name or name.splitlines() != [name]:
        return "holds a tab or a line break"
    if name != name.strip():
        return "begins or ends with a blank"
    if name.startswith(ORDER):
        return f"begins with {ORDER!r}, as a line does that gives an order"
    if any("\ud800" <= char <= "\udfff" for char in name):
        return "cannot be written as UTF-8"
    return None


def _check_level_names(level_names: Sequence[str]) -> None:
    """Raise ValueError unless levels have names of their own that survive being written."""
    for level_name in level_names:
        flaw = flaw_of(level_name)
        if flaw:
            raise ValueError(f"{level_name!r} cannot be the name of a level: it {flaw}; rename it")
    if len(set(level_names)) < len(level_names):
        raise ValueError(f"two levels have one name: {', '.join(level_names)}")
    if len(level_names) > MOST_LEVELS:
        raise ValueError(f"expected at most {MOST_LEVELS} levels, got {len(level_names)}")

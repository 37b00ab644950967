"""Tables of labels: a column for each level, from a CSV or TSV file or from columns in memory."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.guard import read_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.table import RowError

__all__ = ["Table", "classes_of", "hierarchy_of", "joined", "read_table"]

SEPARATORS = "\t;,"
NOT_SAID = -1
MOST_DIGITS = 18  # of a class that is a number
UNKNOWN = ("", "-1")  # what a class that is not known is called
NAME_THEM = "name the columns that are levels, finest first (levels)"


@dataclass(frozen=True)
class Table:
    """Columns of text.

    Parameters
    ----------
    columns : mapping from a name to N str
    path : path-like, optional
        The file, for messages.
    lines : sequence of N int
        Where each row is in the file, counted from 1; of columns in memory empty.
    """

    columns: Mapping[str, Sequence[str]]
    path: str | os.PathLike[str] | None = None
    lines: Sequence[int] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[str]:
        """The column called ``name``; DataError, with the names there are, if there is none."""
        if name not in self.columns:
            raise DataError(
                f"no column {name!r}; the columns are {', '.join(self.columns)}", path=self.path
            )
        return self.columns[name]

    def select(self, names: Sequence[str]) -> Table:
        """The same rows with these columns only, in this order."""
        return Table({name: self.column(name) for name in names}, self.path, self.lines)

    def renamed(self, names: Sequence[str]) -> Table:
        """The same columns under other names, as many as there are."""
        return Table(dict(zip(names, self.columns.values())), self.path, self.lines)

    def error(self, message: str, row: int | None = None) -> DataError:
        """A DataError that says where the row is."""
        if row is None or self.lines:
            line = None if row is None else self.lines[row]
            return DataError(message, path=self.path, line=line)
        return DataError(f"row {row}: {message}", path=self.path)


def read_table(path: str | os.PathLike[str]) -> Table:
    """A table with a header: separated by tabs (.tsv), else by what its header holds most of.

    Raises
    ------
    DataError
        If there is no such file or no row. With the line: a row of another length than the header,
        or a header with a name missing or twice.
    """
    text = read_text(path)
    header = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    separator = "\t" if Path(path).suffix.lower() == ".tsv" else max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if any(field.strip() for field in row):
                rows.append([field.strip() for field in row])
                lines.append(reader.line_num)
    except csv.Error as error:  # a quotation without an end, say
        raise DataError(f"not a table: {error}", path=path, line=reader.line_num) from error
    if len(rows) < 2:
        raise DataError("expected a header and at least one row", path=path)
    names = rows[0]
    if "" in names or len(set(names)) < len(names):
        raise DataError(
            f"expected a name of its own for every column, got {', '.join(names)}",
            path=path,
            line=lines[0],
        )
    for row, line in zip(rows, lines):
        if len(row) != len(names):
            raise DataError(
                f"expected {len(names)} fields ({', '.join(names)}), got {len(row)}",
                path=path,
                line=line,
            )
    columns = {name: [row[c] for row in rows[1:]] for c, name in enumerate(names)}
    return Table(columns, path, lines[1:])


def joined(tables: Sequence[Table]) -> Table:
    """The rows of several tables that have the same columns; messages know the first file only.

    Raises
    ------
    DataError
        If the columns differ.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    for table in tables[1:]:
        if list(table.columns) != list(first.columns):
            raise table.error(
                f"expected the columns {', '.join(first.columns)}, got {', '.join(table.columns)}"
            )
    return Table(
        {name: [value for t in tables for value in t.columns[name]] for name in first.columns}
    )


def hierarchy_of(table: Table) -> Hierarchy:
    """The hierarchy of a table whose columns are the levels, finest first.

    An empty field above the finest level is the class below it, repeated. Classes are in the order
    of their first row. Those of a level that are all numbers are in the order of these, and above
    the finest level the level's name comes before the number, to tell them from those below.

    Raises
    ------
    DataError
        With the line: a class without a name, or in two classes, as it is if columns are in another
        order.
    """
    names = list(table.columns)
    numbered = [all(map(_is_number, values)) for values in table.columns.values()]
    row_of: dict[tuple[str, ...], int] = {}
    for position, row in enumerate(zip(*table.columns.values())):
        if row[0] in UNKNOWN:
            raise table.error(f"{names[0]} is {row[0]!r}: every row needs its class", position)
        row_of.setdefault(_completed(row, names, numbered), position)
    rows = list(row_of)
    seen: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if seen.setdefault(row[0], row) != row:
            other = seen[row[0]]
            raise table.error(
                f"{names[0]} class {row[0]!r} is in {' / '.join(row[1:])} here and in "
                f"{' / '.join(other[1:])} before; give one of them another name, or {NAME_THEM}",
                row_of[row],
            )
    try:
        return Hierarchy.from_table(rows, names, _orders(rows, names, numbered))
    except RowError as error:
        raise table.error(f"{error}; or {NAME_THEM}", row_of[rows[error.row]]) from error
    except ValueError as error:
        raise table.error(str(error)) from error


def classes_of(table: Table, hierarchy: Hierarchy) -> np.ndarray:
    """The finest class of every row of a table, by its name or number: int64 (N,).

    The finest class is in the column called as the finest level, or in the first one; every other
    column that is called as a level must agree with it.

    Raises
    ------
    DataError
        With the line: a label that the hierarchy does not have, or that disagrees with another.
    """
    finest = hierarchy.level_names[0]
    values = table.columns.get(finest, next(iter(table.columns.values())))
    fine_labels = np.array(_positions(table, values, hierarchy, 0), np.int64)
    for level, name in enumerate(hierarchy.level_names[1:], start=1):
        labels = _positions(table, table.columns.get(name, ()), hierarchy, level)
        for row, label in enumerate(labels):
            expected = hierarchy.ancestors[fine_labels[row], level]
            if label not in (expected, NOT_SAID):
                raise table.error(
                    f"{name} {table.columns[name][row]!r} disagrees with the hierarchy, in which "
                    f"{values[row]!r} is in {hierarchy.class_names[level][expected]!r}",
                    row,
                )
    return fine_labels


def _positions(table: Table, values: Sequence[str], hierarchy: Hierarchy, level: int) -> list[int]:
    """The class at ``level`` that each value names; above the finest level one may be empty."""
    names, level_name = hierarchy.class_names[level], hierarchy.level_names[level]
    index = {name.removeprefix(f"{level_name} "): c for c, name in enumerate(names)}
    index.update({name: c for c, name in enumerate(names)})
    if not any(value in index for value in values) and all(map(_is_number, values)):
        index = {str(c): c for c in range(len(names))}
    if level:
        index[""] = NOT_SAID
    for row, value in enumerate(values):
        if value not in index:
            raise table.error(
                f"{level_name} {value!r} is not in the hierarchy, which has {len(names)} such "
                f"classes ({in_words(list(names), 3)})",
                row,
            )
    return [index[value] for value in values]


def _completed(
    row: Sequence[str], level_names: Sequence[str], numbered: Sequence[bool]
) -> tuple[str, ...]:
    completed: list[str] = []
    for level, value in enumerate(row):
        name = f"{level_names[level]} {value}" if level and numbered[level] else value
        completed.append(name or completed[-1])
    return tuple(completed)


def _orders(
    rows: Sequence[Sequence[str]], level_names: Sequence[str], numbered: Sequence[bool]
) -> dict[str, Sequence[str]]:
    """The class order of the levels that are numbers."""
    return {
        name: sorted({row[level] for row in rows}, key=lambda text: int(text.rpartition(" ")[2]))
        for level, name in enumerate(level_names)
        if numbered[level]
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS

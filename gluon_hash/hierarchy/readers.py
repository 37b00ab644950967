"""A Hierarchy from what data sets bring: a table of names, child-parent lines, a folder tree.

An uneven tree is completed by repeating a leaf at the levels it lacks: a leaf with three levels
(leaf, a, b) in a tree of four becomes (leaf, leaf, a, b), as the released code does for NABirds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines, read_text
from gluon_hash.hierarchy.folders import complete, from_folders, mixed_folders
from gluon_hash.hierarchy.parents import (
    first_parents,
    from_parent_lines,
    from_parents,
    read_parents,
)
from gluon_hash.hierarchy.table import HEADER, RowError
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = [
    "complete",
    "first_parents",
    "for_classes",
    "from_folders",
    "from_label_table",
    "from_parent_lines",
    "from_parents",
    "mixed_folders",
    "read_pairs",
    "read_parents",
    "unique_names",
]


def from_label_table(path: str | os.PathLike[str]) -> Hierarchy:
    """A hierarchy from a tab-separated table, a row of names for each finest class.

    The first row holds the names of the levels, finest first.

    Raises
    ------
    DataError
        With the line: a row of another length, a class with two parents, a class twice.
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            lines.append(number)
            rows.append([field.strip() for field in line.split("\t")])
    if len(rows) < 2:
        raise DataError("expected level names and at least one class", path=path)
    try:
        return Hierarchy.from_table(rows[1:], rows[0])
    except RowError as error:
        raise DataError(str(error), path=path, line=lines[error.row + 1]) from error
    except ValueError as error:
        raise DataError(str(error), path=path) from error


def for_classes(
    path: str | os.PathLike[str],
    class_names: Sequence[str],
    names_path: str | os.PathLike[str] | None = None,
) -> Hierarchy:
    """A tree of one's own over the finest classes of a data set, which keep their order.

    Parameters
    ----------
    path : path-like
        ``parent child`` lines over node ids, or a hierarchy.tsv. Leaves that are not classes of
        the data set are left out.
    class_names : sequence of str
        The finest classes.
    names_path : path-like, optional
        ``id name`` lines; by default an id is its own name.

    Raises
    ------
    DataError
        As from_parent_lines and Hierarchy.load, or if a class is not in the tree, or two nodes have
        its name.
    """
    if read_text(path).partition("\n")[0].strip() == HEADER:
        table = Hierarchy.load(path)
        rows = {row[0]: row for row in table.to_table()}
        missing = [name for name in class_names if name not in rows]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(class_names)} classes are not in the table: "
                f"{', '.join(missing[:5])}",
                path=path,
            )
        return Hierarchy.from_table([rows[name] for name in class_names], table.level_names)
    names = read_pairs(names_path) if names_path is not None else {}
    nodes = {name: node for node, name in names.items()}
    wanted = set(class_names)
    shared = [
        name for name, count in Counter(names.values()).items() if count > 1 and name in wanted
    ]
    if shared:
        raise DataError(
            f"class {shared[0]!r} is the name of several nodes; give each a name of its own",
            path=names_path,
        )
    return from_parent_lines(
        path, names, parent_first=True, leaves=[nodes.get(name, name) for name in class_names]
    )


def read_pairs(path: str | os.PathLike[str]) -> dict[str, str]:
    """First word of each line -> the rest of it.

    Raises
    ------
    DataError
        With the line, if a word has nothing behind it or appears twice.
    """
    rows: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        key, *value = line.strip().split(None, 1)
        if not value:
            raise DataError(f"expected an id and a value, got {line!r}", path=path, line=number)
        if key in rows:
            raise DataError(f"id {key} appears twice", path=path, line=number)
        rows[key] = value[0]
    return rows


def unique_names(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows of names, finest first, where a name below several parents gets its parent's behind it.

    Examples
    --------
    >>> unique_names([["a", "Oenanthe", "birds"], ["b", "Oenanthe", "plants"]])
    [['a', 'Oenanthe (birds)', 'birds'], ['b', 'Oenanthe (plants)', 'plants']]
    """
    table = [list(row) for row in rows]
    for level in reversed(range(len(table[0]) - 1)):
        parents_of: dict[str, set[str]] = {}
        for row in table:
            parents_of.setdefault(row[level], set()).add(row[level + 1])
        for row in table:
            if len(parents_of[row[level]]) > 1:
                row[level] = f"{row[level]} ({row[level + 1]})"
    return table

"""A Hierarchy from what data sets bring: a table of names, child-parent lines, a folder tree.

An uneven tree is completed by repeating a leaf at the levels it lacks: a leaf with three levels
(leaf, a, b) in a tree of four becomes (leaf, leaf, a, b), as the released code does for NABirds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from gluon_hash.errors import DataError
from gluon_hash.files import read_text
from gluon_hash.hierarchy.folders import complete, from_folders, mixed_folders
from gluon_hash.hierarchy.table import HEADER, RowError
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = [
    "complete",
    "for_classes",
    "from_folders",
    "from_label_table",
    "from_parent_lines",
    "mixed_folders",
    "read_pairs",
    "read_parents",
]


def from_label_table(path: str | os.PathLike[str], separator: str = "\t") -> Hierarchy:
    """A hierarchy from a text table, a row of names for each finest class.

    The first row holds the names of the levels, finest first.

    Raises
    ------
    DataError
        With the line: a row of another length, a class with two parents, a class twice.
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            lines.append(number)
            rows.append([field.strip() for field in line.split(separator)])
    if len(rows) < 2:
        raise DataError("expected level names and at least one class", path=path)
    try:
        return Hierarchy.from_table(rows[1:], rows[0])
    except RowError as error:
        raise DataError(str(error), path=path, line=lines[error.row + 1]) from error
    except ValueError as error:
        raise DataError(str(error), path=path) from error


def from_parent_lines(
    path: str | os.PathLike[str],
    names: Mapping[str, str] | None = None,
    *,
    parent_first: bool = False,
    leaves: Sequence[str] | None = None,
) -> Hierarchy:
    """A hierarchy from lines of two node ids each; the root is dropped.

    Parameters
    ----------
    path : path-like
        ``child parent`` lines (NABirds), or ``parent child`` lines with ``parent_first``.
    names : mapping, optional
        Node id -> name. A name that two nodes share gets the id behind it.
    parent_first : bool
        Which of the two comes first on a line.
    leaves : sequence of str, optional
        Node ids of the finest classes, in their order; default: nodes without children, in order of
        appearance.

    Raises
    ------
    DataError
        With the line: a node that appears twice, has two parents, a cycle, several roots. Leaves
        that are not nodes.
    """
    parents = read_parents(path, parent_first=parent_first)
    if leaves is None:
        with_children = set(parents.values())
        leaves = [node for node in parents if node not in with_children]
    unknown = [leaf for leaf in leaves if leaf not in parents]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(leaves)} classes are not in the tree: "
            f"{', '.join(unknown[:5])}",
            path=path,
        )
    name_of = {node: (names or {}).get(node, node) for node in parents}
    holders = Counter(name_of.values())
    unique = {
        node: name if holders[name] == 1 else f"{name} ({node})" for node, name in name_of.items()
    }
    return complete(
        [[unique[node] for node in _path_to_root(leaf, parents, path)[:-1]] for leaf in leaves]
    )


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
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        key, *value = line.strip().split(None, 1)
        if not value:
            raise DataError(f"expected an id and a value, got {line!r}", path=path, line=number)
        if key in rows:
            raise DataError(f"id {key} appears twice", path=path, line=number)
        rows[key] = value[0]
    return rows


def read_parents(path: str | os.PathLike[str], *, parent_first: bool = False) -> dict[str, str]:
    """Parent of each node but the root, from lines of two ids; errors as from_parent_lines."""
    parents: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2:
            raise DataError(
                f"expected two node ids, got {len(fields)} words", path=path, line=number
            )
        parent, child = fields if parent_first else fields[::-1]
        if child in parents:
            raise DataError(
                f"node {child} is on line {lines[child]} too"
                if parents[child] == parent
                else f"node {child} has two parents, {parents[child]} (line {lines[child]}) "
                f"and {parent}",
                path=path,
                line=number,
            )
        parents[child], lines[child] = parent, number
    if not parents:
        raise DataError("expected lines of two node ids, the file is empty", path=path)
    roots = [node for node, _ in Counter(parents.values()).most_common() if node not in parents]
    if len(roots) != 1:
        for node in parents:  # without a root there is a cycle, which this finds
            _path_to_root(node, parents, path, lines)
        orphan = next(child for child, parent in parents.items() if parent in roots[1:])
        raise DataError(
            f"expected one root, got {', '.join(roots)}: {parents[orphan]}, the parent of "
            f"{orphan}, has no parent itself",
            path=path,
            line=lines[orphan],
        )
    for node in parents:
        _path_to_root(node, parents, path, lines)
    return parents


def _path_to_root(
    node: str,
    parents: Mapping[str, str],
    path: str | os.PathLike[str],
    lines: Mapping[str, int] | None = None,
) -> list[str]:
    nodes = [node]
    while nodes[-1] in parents:
        nodes.append(parents[nodes[-1]])
        if nodes[-1] == node or len(nodes) > len(parents) + 1:
            raise DataError(
                f"cycle: {' -> '.join(nodes[:8])}{' ...' if len(nodes) > 8 else ''}",
                path=path,
                line=(lines or {}).get(node),
            )
    return nodes

"""A Hierarchy from what data sets bring: a table of names, child-parent lines, a folder tree.

An uneven tree is completed by repeating a leaf at the levels it lacks: a leaf with three levels (leaf, a, b) in a tree
of four becomes (leaf, leaf, a, b), as the released code does for NABirds.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping, Sequence

from gluon_hash.errors import DataError
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = ["from_label_table", "from_parent_lines", "from_folders", "read_parents", "complete"]


def from_label_table(path: str | os.PathLike[str], separator: str = "\t") -> Hierarchy:
    """A hierarchy from a text table: level names, finest first, then a row of names for each finest class.

    Raises
    ------
    DataError
        With the line: a row of another length, a class with two parents, a class twice.
    """
    rows: list[list[str]] = []
    lines: dict[int, int] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            lines[len(rows)] = number
            rows.append([field.strip() for field in line.split(separator)])
    if len(rows) < 2:
        raise DataError("expected level names and at least one class", path=path)
    try:
        return Hierarchy.from_table(rows[1:], rows[0])
    except ValueError as error:
        row = getattr(error, "row", None)
        raise DataError(str(error), path=path, line=None if row is None else lines[row + 1]) from error


def from_parent_lines(path: str | os.PathLike[str], names: Mapping[str, str] | None = None, *,
                      parent_first: bool = False, leaves: Sequence[str] | None = None) -> Hierarchy:
    """A hierarchy from lines of two node ids each; the root is dropped.

    Parameters
    ----------
    path : path-like
        ``child parent`` lines (NABirds), or ``parent child`` lines with ``parent_first``.
    names : mapping, optional
        Node id -> name. A name that two nodes share gets the id behind it.
    parent_first : bool
        Which of the two stands first in the file.
    leaves : sequence of str, optional
        Node ids of the finest classes, in their order; default: nodes without children, in order of appearance.

    Raises
    ------
    DataError
        With the line: a node with two parents, a cycle, several roots, an id that is no node.
    """
    parents = read_parents(path, parent_first=parent_first)
    if leaves is None:
        with_children = set(parents.values())
        leaves = [node for node in parents if node not in with_children]
    paths = [_path_to_root(leaf, parents, path)[:-1] for leaf in leaves]  # without the root
    return complete([[_name(node, names or {}, parents) for node in nodes] for nodes in paths])


def read_parents(path: str | os.PathLike[str], *, parent_first: bool = False) -> dict[str, str]:
    """Parent of each node but the root, from lines of two ids; errors as from_parent_lines."""
    parents: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2:
            raise DataError(f"expected two node ids, got {len(fields)} words", path=path, line=number)
        parent, child = fields if parent_first else fields[::-1]
        if parents.get(child, parent) != parent:
            raise DataError(f"node {child} has two parents, {parents[child]} (line {lines[child]}) and {parent}",
                            path=path, line=number)
        parents[child], lines[child] = parent, number
    roots = sorted(set(parents.values()) - set(parents))
    if len(roots) != 1:
        for node in parents:  # without a root there is a cycle, which this finds
            _path_to_root(node, parents, path, lines)
        orphan = next(child for child, parent in parents.items() if parent in roots[1:])
        raise DataError(f"expected one root, got {', '.join(roots)}: {parents[orphan]}, the parent of {orphan}, has no "
                        "parent itself", path=path, line=lines[orphan])
    for node in parents:
        _path_to_root(node, parents, path, lines)
    return parents


def from_folders(folders: Sequence[str]) -> Hierarchy:
    """A hierarchy from the folders that hold images, relative to their root, "/" between names.

    "animal/dog/husky" is class husky of dog of animal. Two folders of one name in different places keep their paths
    as names.

    Raises
    ------
    ValueError
        If an image lies in no folder, or a folder of images holds folders of images.
    """
    parts = [tuple(folder.split("/")) for folder in folders]
    if any(part in ((".",), ("",)) for part in parts):
        raise ValueError("images lie beside the class folders; every image belongs into the folder of its class")
    taken = {part[:length] for part in parts for length in range(1, len(part))}
    inner = [part for part in parts if part in taken]
    if inner:
        raise ValueError(f"folder {'/'.join(inner[0])!r} holds images and folders of images; a class is either")
    nodes = taken | set(parts)
    last_names = [node[-1] for node in nodes]
    return complete([[node[-1] if last_names.count(node[-1]) == 1 else "/".join(node)
                      for node in (part[:length] for length in range(len(part), 0, -1))] for part in parts])


def complete(paths: Sequence[Sequence[str]], level_names: Sequence[str] | None = None) -> Hierarchy:
    """A hierarchy from one path (leaf, ..., coarsest) for each finest class, the short ones completed by their leaf."""
    depth = max(map(len, paths))
    rows = [[path[0]] * (depth - len(path)) + list(path) for path in paths]
    return Hierarchy.from_table(rows, level_names or [f"level_{level}" for level in range(depth)])


def _path_to_root(node: str, parents: Mapping[str, str], path: str | os.PathLike[str],
                  lines: Mapping[str, int] | None = None) -> list[str]:
    nodes = [node]
    while nodes[-1] in parents:
        nodes.append(parents[nodes[-1]])
        if nodes[-1] == node or len(nodes) > len(parents) + 1:
            raise DataError(f"cycle: {' -> '.join(nodes[:8])}{' ...' if len(nodes) > 8 else ''}", path=path,
                            line=(lines or {}).get(node))
    return nodes


def _name(node: str, names: Mapping[str, str], parents: Mapping[str, str]) -> str:
    name = names.get(node, node)
    shared = sum(names.get(other, other) == name for other in parents) > 1
    return f"{name} ({node})" if shared else name

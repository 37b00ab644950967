"""A Hierarchy from the parent of each node: lines of two ids, as NABirds and WordNet have them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines
from gluon_hash.hierarchy.folders import complete
from gluon_hash.hierarchy.table import MOST_LEVELS
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = ["first_parents", "from_parent_lines", "from_parents", "read_parents"]


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
    return from_parents(parents, leaves, path, names)


def from_parents(
    parents: Mapping[str, str],
    leaves: Sequence[str],
    path: str | os.PathLike[str],
    names: Mapping[str, str] | None = None,
) -> Hierarchy:
    """A hierarchy of the finest classes ``leaves`` from the parent of each node but the root.

    Parameters
    ----------
    parents : mapping
        As read_parents gives it.
    leaves : sequence of str
        Node ids of the finest classes, in their order.
    path : path-like
        The file that the parents come from, for the message.
    names : mapping, optional
        Node id -> name. A name that two nodes share gets the id behind it.

    Raises
    ------
    DataError
        If leaves are not nodes, names do not survive being written, or the tree is deeper than
        gluon_hash.hierarchy.table.MOST_LEVELS.
    """
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
    paths = [[unique[node] for node in _path_to_root(leaf, parents, path)[:-1]] for leaf in leaves]
    try:
        return complete(paths)
    except ValueError as error:
        raise DataError(str(error), path=path) from error


def read_parents(path: str | os.PathLike[str], *, parent_first: bool = False) -> dict[str, str]:
    """Parent of each node but the root, from lines of two ids; errors as from_parent_lines."""
    parents: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
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


def first_parents(
    path: str | os.PathLike[str], leaves: Sequence[str]
) -> tuple[dict[str, str], int]:
    """The parents of leaves and of all that is above them, where a node may have several.

    WordNet is such: of several parents the first in the file counts.

    Parameters
    ----------
    path : path-like
        ``parent child`` lines.
    leaves : sequence of str
        Those that are not in the file are not looked at.

    Returns
    -------
    parents : dict
        Parent of each node but the root.
    num_several : int
        Nodes in it that have other parents too.

    Raises
    ------
    DataError
        With the line: not two ids, or a cycle. If there are several roots above the leaves.
    """
    listed: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if fields and len(fields) != 2:
            raise DataError(
                f"expected two node ids, got {len(fields)} words", path=path, line=number
            )
        if fields and fields[0] not in listed.setdefault(fields[1], []):
            listed[fields[1]].append(fields[0])
    first_parent = {child: parents[0] for child, parents in listed.items()}
    above = {
        node
        for leaf in leaves
        if leaf in first_parent
        for node in _path_to_root(leaf, first_parent, path)
    }
    roots = sorted(above - first_parent.keys())
    if len(roots) > 1:
        raise DataError(f"expected one root above the classes, got {', '.join(roots)}", path=path)
    used = {node: first_parent[node] for node in first_parent if node in above}
    return used, sum(len(listed[node]) > 1 for node in used)


def _path_to_root(
    node: str,
    parents: Mapping[str, str],
    path: str | os.PathLike[str],
    lines: Mapping[str, int] | None = None,
) -> list[str]:
    nodes = [node]
    while nodes[-1] in parents:
        nodes.append(parents[nodes[-1]])
        if nodes[-1] == node or len(nodes) > MOST_LEVELS + 1:
            repeated = len(set(nodes)) < len(nodes)
            shown = f"{' -> '.join(nodes[:8])}{' ...' if len(nodes) > 8 else ''}"
            raise DataError(
                f"cycle: {shown}" if repeated else f"more than {MOST_LEVELS} levels: {shown}",
                path=path,
                line=(lines or {}).get(node),
            )
    return nodes

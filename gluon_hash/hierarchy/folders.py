"""A Hierarchy from a tree of folders, or from any paths of class names, uneven ones completed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gluon_hash.hierarchy.table import MOST_LEVELS
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = ["OTHER", "complete", "from_folders", "mixed_folders"]

OTHER = "{} (other)"  # the class of images that lie beside folders of images
ROOT = "."
Node = tuple[str, ...]  # names of folders from the root down


def from_folders(folders: Sequence[str], *, other: str | None = None) -> Hierarchy:
    """A hierarchy from the folders that hold images, each of which is one finest class.

    Folders of one name in different places have their paths as names; a folder whose only content
    is a folder of its own name is the same class at both levels.

    Parameters
    ----------
    folders : sequence of str
        Relative to their root, "/" between names: "animal/dog/husky" is class husky of dog of
        animal. "." is the root itself.
    other : str, optional
        A name for the class of images that lie beside folders of images, "{}" for the folder's own,
        such as ``OTHER``; by default they are an error.

    Returns
    -------
    Hierarchy
        Finest class i is ``folders[i]``; levels are called level_0, level_1, ...

    Raises
    ------
    ValueError
        If an image lies in no folder, or beside folders of images and there is no ``other``.

    Examples
    --------
    >>> from_folders(["animal/dog", "animal/bird/owl", "car"]).to_table()
    [('dog', 'dog', 'animal'), ('owl', 'bird', 'animal'), ('car', 'car', 'car')]
    >>> from_folders(["animal", "animal/dog"], other=OTHER).to_table()
    [('animal (other)', 'animal'), ('dog', 'animal')]
    """
    mixed = set(mixed_folders(folders))
    if other is None and ROOT in folders:
        raise ValueError(
            "images lie beside the class folders; every image belongs in the folder of its class"
        )
    if other is None and mixed:
        raise ValueError(
            f"folder {min(mixed)!r} holds images and folders of images; a class is either"
        )
    if ROOT in folders and ROOT not in mixed:
        raise ValueError(
            "the images lie in no folder, so they have no class; make a folder for each class"
        )
    leaves = [
        (*_node(folder), _other_name(folder, other)) if other and folder in mixed else _node(folder)
        for folder in folders
    ]
    names = _unique_names(leaves)
    return complete(
        [[names[leaf[:length]] for length in range(len(leaf), 0, -1)] for leaf in leaves]
    )


def mixed_folders(folders: Sequence[str]) -> list[str]:
    """Those of the folders with images that hold other folders with images too."""
    nodes = map(_node, folders)
    above = {node[:length] for node in nodes for length in range(len(node))}
    return [folder for folder in folders if _node(folder) in above]


def complete(paths: Sequence[Sequence[str]]) -> Hierarchy:
    """A hierarchy from one path (leaf, ..., coarsest) for each finest class.

    Short paths are completed by their leaf: in a tree of three levels (leaf, a) becomes
    (leaf, leaf, a).

    Raises
    ------
    ValueError
        If the tree is deeper than gluon_hash.hierarchy.table.MOST_LEVELS, or as of
        Hierarchy.from_table.
    """
    depth = max(map(len, paths))
    if depth > MOST_LEVELS:
        raise ValueError(f"expected at most {MOST_LEVELS} levels, got {depth}")
    rows = [[path[0]] * (depth - len(path)) + list(path) for path in paths]
    return Hierarchy.from_table(rows, [f"level_{level}" for level in range(depth)])


def _node(folder: str) -> Node:
    return () if folder == ROOT else tuple(folder.split("/"))


def _other_name(folder: str, other: str) -> str:
    return other.format("" if folder == ROOT else _node(folder)[-1]).strip()


def _unique_names(leaves: Sequence[Node]) -> dict[Node, str]:
    """The last name of every node, or its path where several nodes have that name."""
    nodes = {leaf[:length] for leaf in leaves for length in range(1, len(leaf) + 1)}
    num_children = Counter(node[:-1] for node in nodes)

    def top(node: Node) -> Node:
        """The highest folder that is the same class: each holds nothing but the next, so called."""
        while len(node) > 1 and node[-1] == node[-2] and num_children[node[:-1]] == 1:
            node = node[:-1]
        return node

    holders = Counter(node[-1] for node in set(map(top, nodes)))
    return {node: node[-1] if holders[node[-1]] == 1 else "/".join(top(node)) for node in nodes}

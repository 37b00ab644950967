"""Tables of codes whose labels a hierarchy names."""

from __future__ import annotations

from pathlib import Path

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable

__all__ = ["labelled_codes", "labelled_pair"]


def labelled_codes(path: Path, hierarchy: Path) -> tuple[CodeTable, Hierarchy]:
    """Codes and the hierarchy that their labels are of.

    Raises
    ------
    DataError
        If a file is damaged or the labels are not in the hierarchy.
    """
    table, tree = CodeTable.load(path), Hierarchy.load(hierarchy)
    tree.check_level_labels(table.level_labels, path)
    return table, tree


def labelled_pair(
    query: Path, database: Path, hierarchy: Path
) -> tuple[CodeTable, CodeTable, Hierarchy]:
    """Codes of queries and database, of one length, and their hierarchy.

    Raises
    ------
    DataError
        As labelled_codes.
    ValueError
        If their codes have different lengths.
    """
    (ours, tree), (theirs, _) = (
        labelled_codes(query, hierarchy),
        labelled_codes(database, hierarchy),
    )
    if ours.num_bits != theirs.num_bits:
        raise ValueError(
            f"{query} has codes of {ours.num_bits} bits, {database} of {theirs.num_bits}; encode "
            "both with the same network"
        )
    return ours, theirs, tree

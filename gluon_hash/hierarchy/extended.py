"""A hierarchy with new classes behind the old ones, which keep their numbers."""

from __future__ import annotations

import os

from gluon_hash.errors import DataError
from gluon_hash.hierarchy.tree import Hierarchy

__all__ = ["extended"]


def extended(
    hierarchy: Hierarchy, other: Hierarchy, path: str | os.PathLike[str] | None = None
) -> Hierarchy:
    """The classes of ``hierarchy``, and behind them, at every level, those that ``other`` adds.

    Parameters
    ----------
    hierarchy, other : Hierarchy
        Of the same levels, by name; ``other`` need not have all classes.
    path : path-like, optional
        The file that ``other`` comes from, for the message.

    Raises
    ------
    DataError
        If the levels differ, a class has other parents in the two, or nothing is added.

    Examples
    --------
    >>> old = Hierarchy.from_table([("husky", "dog"), ("siamese", "cat")], ("breed", "species"))
    >>> new = Hierarchy.from_table([("poodle", "dog"), ("husky", "dog")], ("breed", "species"))
    >>> extended(old, new).class_names[0]
    ('husky', 'siamese', 'poodle')
    """
    if hierarchy.level_names != other.level_names:
        raise DataError(
            f"expected the levels {', '.join(hierarchy.level_names)}, got "
            f"{', '.join(other.level_names)}",
            path=path,
        )
    rows = {row[0]: row for row in hierarchy.to_table()}
    for row in other.to_table():
        if rows.setdefault(row[0], row) != row:
            raise DataError(
                f"{row[0]!r} is below {' / '.join(row[1:])}, and was below "
                f"{' / '.join(rows[row[0]][1:])} before; a class that is known keeps its parents",
                path=path,
            )
    if len(rows) == hierarchy.num_classes[0]:
        raise DataError("has no finest class that is not known already", path=path)
    order = {
        name: list(dict.fromkeys([*old, *new]))
        for name, old, new in zip(hierarchy.level_names, hierarchy.class_names, other.class_names)
    }
    try:
        return Hierarchy.from_table(list(rows.values()), hierarchy.level_names, order)
    except ValueError as error:
        raise DataError(str(error), path=path) from error

"""The collection that is searched: its items, their classes as a tree, their images."""

from __future__ import annotations

from typing import Any

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.retrieval.index import HammingIndex, Items, Searcher
from gluon_hash.retrieval.index.zoom import UNKNOWN, Branch, in_branch
from gluon_hash.serve.pictures import NoPicture, Pictures, Thumbnails

__all__ = ["Collection", "NotHere"]

LARGEST_ID = 2**63 - 1


class NotHere(LookupError):
    """An id that is not in the collection, or a list that it cannot give."""


class Collection:
    """An index and what can be shown of it.

    Parameters
    ----------
    index : Searcher
        A MilvusIndex can be searched, but not listed.
    pictures : Pictures, optional
        Images of the items.
    """

    def __init__(self, index: Searcher, pictures: Pictures | None = None) -> None:
        self.index, self.num_bits = index, index.num_bits
        self.has_pictures, self._pictures = pictures is not None, pictures
        self.thumbnails = None if pictures is None else Thumbnails(pictures)
        self._items = index.items if isinstance(index, HammingIndex) else None
        self._tree = self._count()

    def describe(self) -> dict[str, Any]:
        """What a page needs to know first."""
        known = self.index.look_up(np.empty(0, np.int64))
        return {
            "num_bits": self.num_bits,
            "num_codes": len(self.index),
            "level_names": list(known.level_names),
            "has_images": self.has_pictures,
            "can_be_listed": self._items is not None,
        }

    def item(self, number: int) -> Items:
        """One row: id, name and labels; NotHere if the id is not in the collection."""
        if not -LARGEST_ID <= number <= LARGEST_ID:
            raise NotHere(f"id {number} is not in the index")
        try:
            return self.index.look_up(np.array([number], np.int64))
        except ValueError as error:
            raise NotHere(str(error)) from error

    def describe_item(self, number: int) -> dict[str, Any]:
        """Id, path and classes; NotHere as item."""
        return _described(self.item(number), 0)

    def code(self, number: int) -> np.ndarray:
        """The packed code of an item, uint8 (1, num_bytes); NotHere as item."""
        self.item(number)
        return self.index.look_up_codes(np.array([number], np.int64))

    def name(self, number: int) -> str:
        """The path of an item, "" where it has none; NotHere as item."""
        names = self.item(number).names
        return "" if names is None else str(names[0])

    def sample(self, count: int) -> list[np.ndarray]:
        """Images of at most ``count`` items, spread evenly; none where they are not at hand."""
        items, images = self._items, []
        if items is None or self._pictures is None or not len(items):
            return []
        for row in evenly(len(items), count):
            name = "" if items.names is None else str(items.names[row])
            try:
                images.append(self._pictures.read(int(items.ids[row]), name))
            except NoPicture:
                continue
        return images

    def page(self, within: str | None, offset: int, limit: int) -> dict[str, Any]:
        """Items ``offset`` to ``offset + limit`` of a branch, in the order of adding.

        Raises
        ------
        NotHere
            If the index cannot list its items.
        ValueError
            If there is no such branch.
        """
        items = self._listed()
        rows = np.arange(len(items))
        if within is not None:
            rows = np.flatnonzero(in_branch(items.level_labels, items.branch(within)))
        shown = items.take(rows[offset : offset + limit])
        return {
            "total": len(rows),
            "items": [_described(shown, row) for row in range(len(shown))],
        }

    def tree(self) -> dict[str, Any]:
        """The classes, coarsest first, each with the number of its items and its children.

        Raises
        ------
        NotHere
            If the index cannot list its items.
        """
        self._listed()
        return self._tree

    def _listed(self) -> Items:
        if self._items is None:
            raise NotHere("this index can be searched, but not listed")
        return self._items

    def _count(self) -> dict[str, Any]:
        """The classes that items are in: from their labels, so that it needs no hierarchy."""
        items = self._items
        if items is None or not items.num_levels:
            return {"level_names": [], "total": 0 if items is None else len(items), "children": []}
        rows, counts = np.unique(items.level_labels, axis=0, return_counts=True)
        return {
            "level_names": list(items.level_names),
            "total": len(items),
            "children": _children(items, rows, counts, items.num_levels - 1),
        }


def _children(
    items: Items, rows: np.ndarray, counts: np.ndarray, level: int
) -> list[dict[str, Any]]:
    """The classes at a level among ``rows`` (R, K), which appear ``counts`` times."""
    children = []
    for label in np.unique(rows[:, level]).tolist():
        if label == UNKNOWN:
            continue
        inside = rows[:, level] == label
        children.append(
            {
                "level": level,
                "name": items.class_name(Branch(level, label)),
                "count": int(counts[inside].sum()),
                "children": _children(items, rows[inside], counts[inside], level - 1)
                if level
                else [],
            }
        )
    return children


def _described(items: Items, row: int) -> dict[str, Any]:
    return {
        "id": int(items.ids[row]),
        "path": None if items.names is None else str(items.names[row]),
        "classes": items.class_names(row),
    }

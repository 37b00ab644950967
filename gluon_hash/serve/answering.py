"""From a code to what `gluon-hash index search --json` prints, and how each answer is related."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gluon_hash.retrieval.index import Answers, find_answers, with_sharing
from gluon_hash.retrieval.index.asked import Asked
from gluon_hash.retrieval.index.shown import Shown
from gluon_hash.retrieval.index.zoom import labels_of_votes, related_levels
from gluon_hash.serve.collection import Collection

__all__ = ["Options", "answer"]


class Options(BaseModel):
    """How to search; the names are those of `gluon-hash index search`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int | None = Field(None, ge=1, description="As many as these; default 10.")
    radius: int | None = Field(None, ge=0, description="All within so many bits, in place of k.")
    within: str | None = Field(None, description="LEVEL=CLASS: answers of this branch alone.")
    group_by: str | None = Field(None, description="A level: answers by their class at it.")
    zoom: bool = Field(False, description="Say the finest branch in which the answers agree.")
    agree: int | None = Field(None, ge=1, description="zoom: answers that must agree.")
    scan: bool = Field(False, description="Compare all codes, where an index would refuse.")


def answer(
    collection: Collection,
    code: np.ndarray,
    options: Options,
    *,
    name: str,
    item: int | None = None,
    max_results: int = 1000,
) -> dict[str, Any]:
    """The answer to one query.

    Parameters
    ----------
    collection : Collection
    code : uint8, shape (1, num_bytes)
    options : Options
    name : str
        Of the query.
    item : int, optional
        The query is this item of the collection, which is then not among its answers.
    max_results : int

    Returns
    -------
    dict
        What ``Shown.to_dict`` gives; and, where classes are known, ``related``.

    Raises
    ------
    ValueError
        If the options do not fit the index, or more than ``max_results`` were found.
    """
    asked = Asked(
        collection.index,
        options.k,
        options.radius,
        options.within,
        options.group_by,
        options.scan,
    )
    if options.agree is not None and not options.zoom:
        raise ValueError("agree does nothing without zoom")
    answers = _search(asked, code, item, max_results)
    voters = None
    if options.zoom:
        voters = [_without(row, item) for row in asked.voters(code, answers)]
    shown = Shown([name], answers, asked.level, voters, options.agree)
    values = shown.to_dict(0)
    related = _related(collection, shown, item)
    return values if related is None else {**values, "related": related}


def _search(asked: Asked, code: np.ndarray, item: int | None, max_results: int) -> list[Answers]:
    k = asked.k
    if k is not None:
        size = len(asked.index) if asked.within is None else asked.index.count(asked.within)
        if k > max_results:
            raise ValueError(f"k: expected at most {max_results}, got {k}")
        k = min(k + 1, size) if item is not None and k < size else k  # it finds itself
    found = find_answers(
        asked.index, code, k=k, radius=asked.radius, scan=asked.scan, within=asked.within
    )
    row = _without(found[0], item)
    if asked.k is not None:
        row = row.take(np.arange(min(asked.k, len(row))))
    if len(row) > max_results:
        raise ValueError(
            f"radius {asked.radius}: {len(row)} codes are so near, at most {max_results} are "
            "answered; ask for a smaller radius, or for k"
        )
    return with_sharing(asked.index, code, [row], within=asked.within)


def _without(row: Answers, item: int | None) -> Answers:
    return row if item is None else row.take(np.flatnonzero(row.items.ids != item))


def _related(collection: Collection, shown: Shown, item: int | None) -> dict[str, Any] | None:
    """How far up the tree each answer is related to the query, where that can be said.

    Of an item to its own classes; of others to the branch on which the answers agree, if that is
    asked.
    """
    items = shown.answers[0].items
    if not items.num_levels or (item is None and shown.voters is None):
        return None
    if item is not None:
        own = collection.item(item).level_labels[0]
    else:
        assert shown.voters is not None
        own = labels_of_votes(shown.votes(0), shown.voters[0].items.level_labels)
    one = type(items)(np.zeros(1, np.int64), None, own[None], items.hierarchy)
    return {
        "to": one.class_names(0),
        "by": "its classes" if item is not None else "agreement",
        "levels": related_levels(items.level_labels, own).tolist(),
    }

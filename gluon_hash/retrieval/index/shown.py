"""What a search says: its answers with groups and votes, as the values of a JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.retrieval.index.answers import Answers
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.zoom import Branch, Vote, group_by, zoom_out

__all__ = ["UNKNOWN_COUNT", "Shown"]

UNKNOWN_COUNT = -1


@dataclass(frozen=True)
class Shown:
    """The answers, and what is to be said of them.

    Parameters
    ----------
    names : sequence of Q str
        Of the queries.
    answers : sequence of Q Answers
        With ``sharing``.
    level : int, optional
        Group them by it.
    voters : sequence of Q Answers, optional
        Those that say which branch they agree on, if that is asked.
    agree : int, optional
        As of zoom_out.
    """

    names: Sequence[str]
    answers: Sequence[Answers]
    level: int | None = None
    voters: Sequence[Answers] | None = None
    agree: int | None = None

    def votes(self, query: int) -> list[Vote]:
        """The branches that the voters of a query agree on."""
        assert self.voters is not None  # or nobody asks
        return zoom_out(self.voters[query].items.level_labels, self.agree)

    def groups(self, query: int) -> list[tuple[str, np.ndarray]]:
        """Answers by class at the level: what to call a group, and its places; or all in one."""
        row = self.answers[query]
        if self.level is None:
            return [("", np.arange(len(row)))]
        return [
            (
                f"{row.items.class_name(Branch(self.level, label)) or '(class not known)'}: "
                f"{len(places)} of {len(row)}",
                places,
            )
            for label, places in group_by(row.items.level_labels[:, self.level])
        ]

    def to_dict(self, query: int) -> dict[str, Any]:
        """All of one query, as `gluon-hash index search --json` prints it."""
        row = self.answers[query]
        answer: dict[str, Any] = {
            "query": self.names[query],
            "distances": row.distances.tolist(),
            "ids": row.items.ids.tolist(),
            "sharing": _counts(row),
        }
        if row.scores is not None:
            answer["scores"] = [round(float(score), 6) for score in row.scores]
        if row.items.names is not None:
            answer["paths"] = row.items.names.tolist()
        if row.items.num_levels:
            answer["classes"] = _classes(row.items)
        if self.level is not None:
            answer["groups"] = list(self._dicts_of_groups(query, self.level))
        if self.voters is not None:
            voters = self.voters[query]
            answer["zoom"] = {
                "answers": len(voters),
                "radius": int(voters.distances.max(initial=0)) if voters.scores is None else None,
                "branches": list(self._dicts_of_votes(query)),
            }
        return answer

    def _dicts_of_groups(self, query: int, level: int) -> Iterator[dict[str, Any]]:
        items = self.answers[query].items
        for label, places in group_by(items.level_labels[:, level]):
            name = items.class_name(Branch(level, label))
            yield {"class": name or None, "places": places.tolist()}

    def _dicts_of_votes(self, query: int) -> Iterator[dict[str, Any]]:
        items = self.answers[query].items
        for vote in self.votes(query):
            yield {
                "level": items.level_names[vote.branch.level],
                "class": items.class_name(vote.branch),
                "votes": vote.votes,
                "confidence": round(vote.confidence, 6),
            }


def _counts(row: Answers) -> list[int | None]:
    """How many codes share each distance; None where that is not known."""
    assert row.sharing is not None  # filled in by the search
    return [None if count == UNKNOWN_COUNT else count for count in row.sharing.tolist()]


def _classes(items: Items) -> dict[str, list[str]]:
    """Level name -> class of each answer."""
    rows = [items.class_names(row) for row in range(len(items))]
    return {
        name: [classes[level] for classes in rows] for level, name in enumerate(items.level_names)
    }

"""What `gluon-hash index search` prints: a table, or a JSON line for each query."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gluon_hash.retrieval.index.answers import Answers
    from gluon_hash.retrieval.index.items import Items
    from gluon_hash.retrieval.index.zoom import Vote

RIGHT = ("bits", "score", "sharing", "id")  # columns of numbers
UNKNOWN = -1


@dataclass(frozen=True)
class Shown:
    """The answers, and what is to be said of them.

    ``level``: group them by it; ``voters``: the answers that say which branch they agree on, if
    that is asked; ``agree``: as of zoom_out.
    """

    names: Sequence[str]
    answers: Sequence[Answers]
    level: int | None = None
    voters: Sequence[Answers] | None = None
    agree: int | None = None

    def votes(self, query: int) -> list[Vote]:
        """The branches that the voters of a query agree on."""
        from gluon_hash.retrieval.index.zoom import zoom_out

        assert self.voters is not None  # or nobody asks
        return zoom_out(self.voters[query].items.level_labels, self.agree)

    def groups(self, query: int) -> list[tuple[str, np.ndarray]]:
        """Answers by class at the level: what to call a group, and its places; or all in one."""
        from gluon_hash.retrieval.index.zoom import Branch, group_by

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


def show(shown: Shown, as_json: bool) -> None:
    """Print the answers: distances in bits, how many codes share each, ids, classes, paths."""
    if as_json:
        for query in range(len(shown.answers)):
            print(json.dumps(_as_json(shown, query)))
        return
    tables = [_cells(row) for row in shown.answers]
    columns = _columns(shown.answers[0]) if shown.answers else ["bits", "id"]
    widths = [
        max(len(text) for text in cells)
        for cells in zip(columns, *(line for table in tables for line in table))
    ]
    print("query")
    print(_line(columns, columns, widths))
    for query, (name, table) in enumerate(zip(shown.names, tables)):
        print(name)
        if shown.voters is not None:
            print(f"  {zoom_text(shown, query)}")
        for title, places in shown.groups(query):
            if title:
                print(f"  {title}")
            for place in places:
                print(_line(columns, table[place], widths))


def zoom_text(shown: Shown, query: int) -> str:
    """What the voters agree on: "finch: 7 of 10 within 3 bits; if not, bird: 10 of 10"."""
    from gluon_hash.retrieval.index.zoom import majority

    assert shown.voters is not None  # or nobody asks
    row, votes = shown.voters[query], shown.votes(query)
    if not len(row):
        return "no result, so no branch"
    radius = int(row.distances.max())
    within = "" if row.scores is not None else f" within {radius} bit{'s' if radius != 1 else ''}"
    if not votes:
        needed = shown.agree or majority(len(row))
        return f"no branch: at no level do {needed} of {len(row)}{within} agree"
    counts = [f"{vote.votes} of {vote.num_answers}" for vote in votes]
    counts[0] += within
    names = [row.items.class_name(vote.branch) for vote in votes]
    return "; if not, ".join(f"{name}: {count}" for name, count in zip(names, counts))


def class_text(items: Items, row: int) -> str:
    """The classes of an image, finest first, each once: a short branch repeats its leaf."""
    names = items.class_names(row)
    return ", ".join(filter(None, names if items.hierarchy is None else dict.fromkeys(names)))


def _columns(row: Answers) -> list[str]:
    return [
        "bits",
        *(["score"] if row.scores is not None else []),
        "sharing",
        "id",
        *(["classes"] if row.items.num_levels else []),
        *(["path"] if row.items.names is not None else []),
    ]


def _cells(row: Answers) -> list[list[str]]:
    """The text of each answer, by column."""
    columns: list[Sequence[str]] = [row.distances.astype(str).tolist()]
    if row.scores is not None:
        columns.append([f"{score:.4f}" for score in row.scores])
    columns.append(_sharing(row, "?"))
    columns.append(row.items.ids.astype(str).tolist())
    if row.items.num_levels:
        columns.append([class_text(row.items, place) for place in range(len(row))])
    if row.items.names is not None:
        columns.append(row.items.names.tolist())
    return [list(cells) for cells in zip(*columns)]


def _sharing(row: Answers, unknown: Any) -> list[Any]:
    """How many codes share each distance, as text; or, of JSON, as numbers."""
    assert row.sharing is not None  # filled in by the search
    counts = row.sharing.tolist()
    if unknown is None:
        return [None if count == UNKNOWN else count for count in counts]
    return [unknown if count == UNKNOWN else str(count) for count in counts]


def _classes(items: Items) -> dict[str, list[str]]:
    """Level name -> class of each answer."""
    rows = [items.class_names(row) for row in range(len(items))]
    return {
        name: [classes[level] for classes in rows] for level, name in enumerate(items.level_names)
    }


def _line(columns: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = (
        text.rjust(width) if column in RIGHT else text.ljust(width)
        for column, text, width in zip(columns, cells, widths)
    )
    return ("  " + "  ".join(texts)).rstrip()


def _as_json(shown: Shown, query: int) -> dict[str, Any]:
    row = shown.answers[query]
    answer: dict[str, Any] = {
        "query": shown.names[query],
        "distances": row.distances.tolist(),
        "ids": row.items.ids.tolist(),
        "sharing": _sharing(row, None),
    }
    if row.scores is not None:
        answer["scores"] = [round(float(score), 6) for score in row.scores]
    if row.items.names is not None:
        answer["paths"] = row.items.names.tolist()
    if row.items.num_levels:
        answer["classes"] = _classes(row.items)
    if shown.level is not None:
        answer["groups"] = list(_json_groups(shown, query))
    if shown.voters is not None:
        voters = shown.voters[query]
        answer["zoom"] = {
            "answers": len(voters),
            "radius": int(voters.distances.max(initial=0)) if voters.scores is None else None,
            "branches": list(_json_votes(shown, query)),
        }
    return answer


def _json_groups(shown: Shown, query: int) -> Iterator[dict[str, Any]]:
    from gluon_hash.retrieval.index.zoom import Branch, group_by

    items, level = shown.answers[query].items, shown.level
    assert level is not None  # or there are no groups
    for label, places in group_by(items.level_labels[:, level]):
        name = items.class_name(Branch(level, label))
        yield {"class": name or None, "places": places.tolist()}


def _json_votes(shown: Shown, query: int) -> Iterator[dict[str, Any]]:
    items = shown.answers[query].items
    for vote in shown.votes(query):
        yield {
            "level": items.level_names[vote.branch.level],
            "class": items.class_name(vote.branch),
            "votes": vote.votes,
            "confidence": round(vote.confidence, 6),
        }

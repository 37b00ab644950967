"""What `gluon-hash index search` prints: a table, or a JSON line for each query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gluon_hash.retrieval.index.answers import Answers
    from gluon_hash.retrieval.index.items import Items
    from gluon_hash.retrieval.index.shown import Shown

RIGHT = ("bits", "score", "sharing", "id")  # columns of numbers


def show(shown: Shown, as_json: bool) -> None:
    """Print the answers: distances in bits, how many codes share each, ids, classes, paths."""
    if as_json:
        for query in range(len(shown.answers)):
            print(json.dumps(shown.to_dict(query)))
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
    columns.append(_sharing(row))
    columns.append(row.items.ids.astype(str).tolist())
    if row.items.num_levels:
        columns.append([class_text(row.items, place) for place in range(len(row))])
    if row.items.names is not None:
        columns.append(row.items.names.tolist())
    return [list(cells) for cells in zip(*columns)]


def _sharing(row: Answers) -> list[str]:
    """How many codes share each distance."""
    from gluon_hash.retrieval.index.shown import UNKNOWN_COUNT

    assert row.sharing is not None  # filled in by the search
    return ["?" if count == UNKNOWN_COUNT else str(count) for count in row.sharing.tolist()]


def _line(columns: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = (
        text.rjust(width) if column in RIGHT else text.ljust(width)
        for column, text, width in zip(columns, cells, widths)
    )
    return ("  " + "  ".join(texts)).rstrip()

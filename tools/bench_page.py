"""docs/performance.md from docs/performance.json: no number of the tables is typed.

A table lies between two markers, ``<!-- bench: GROUP -->`` and ``<!-- /bench -->``; the group
``behind`` is not measured but picked out of all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "line", "ratio", "render", "update"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BLOCK = re.compile(r"<!-- bench: ([\w-]+) -->\n.*?<!-- /bench -->", re.DOTALL)
COLUMNS = ("what", "ours", "rivals: ours is so many times better", "limit, and how much of it")
EACH = "each takes"  # a column of the groups that show how a cost grows
BEHIND, EVEN = "behind", 0.97  # a difference of so little is none
AS_IT_IS = ("s", "MB")
TURNS = 5

Group = Mapping[str, dict[str, Any]]  # name -> row


def update(page: str, kept: Mapping[str, Any]) -> str:
    """The page with its tables as the file has them, or what measures one that it lacks.

    Parameters
    ----------
    page : str
    kept : mapping
        As bench_kept.read returns it.
    """

    def block(match: re.Match[str]) -> str:
        name = match[1]
        if name == BEHIND:
            shown = behind(kept["groups"])
        elif name in kept["groups"]:
            shown = render(name, kept["groups"][name], kept["runs"])
        else:
            shown = f"Not measured yet: `make bench ROWS={name}`.\n"
        return f"<!-- bench: {name} -->\n{shown}<!-- /bench -->"

    return BLOCK.sub(block, page)


def render(name: str, group: Group, runs: Mapping[str, Any]) -> str:
    """A group as Markdown: where it comes from, and a line for each row."""
    grows = name.endswith("-growth")
    used = dict.fromkeys(row["run"] for row in group.values())
    origins = "; ".join(_origin(run, runs[run]) for run in used)
    header = [*COLUMNS[:2], *[EACH] * grows, *COLUMNS[2:]]
    table = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    table += [line(row, grows=grows) for row in group.values()]
    return f"`make bench ROWS={name}`: {origins}.\n\n" + "\n".join(table) + "\n"


def _origin(run: str, machine: Mapping[str, Any]) -> str:
    threads = machine["processors"]
    return (
        f"{run}, {threads} core{'s' * (threads > 1)} of {machine['processor']}, "
        f"{machine['memory'] / 1e9:.0f} GB/s, {machine['clock'] / 1e9:.1f} GHz, "
        f"{machine['products'] / 1e9:.0f} billion multiply-adds/s"
    )


def line(row: Mapping[str, Any], *, grows: bool = False) -> str:
    """A row of the table.

    Examples
    --------
    >>> ours = {"amount": 10, "values": [0.01] * 5, "least": 0.01, "median": 0.0125}
    >>> slow = {"amount": 1, "values": [0.002], "least": 0.002, "median": 0.002, "version": "1.2"}
    >>> line({"name": "a", "unit": "queries", "note": "", "ours": ours,
    ...       "rivals": {"b": slow, "c": {"absent": "c"}}, "floors": {},
    ...       "limit": {"by": "8 MB", "least": 0.005}})
    '| a | 1,000 queries/s (800) | b 1.2: 500 (one turn), 2.0; c: not installed | 8 MB: 50 % |'
    """
    name = f"{row['name']}; {row['note']}" if row["note"] else row["name"]
    each = [_each(row)] if grows else []
    cells = [name, _of_ours(row), *each, "; ".join(_rivals(row)), "; ".join(_limits(row))]
    return f"| {' | '.join(cells)} |"


def ratio(row: Mapping[str, Any], rival: Mapping[str, Any]) -> float:
    """How many times better ours is: more a second, fewer seconds, less memory."""
    ours, theirs = (side["least"] / side["amount"] for side in (row["ours"], rival))
    return theirs / ours


def behind(groups: Mapping[str, Group]) -> str:
    """In how many rows a rival is ahead, and why."""
    rows = [(group, row) for group, rows in groups.items() for row in rows.values()]
    compared = [(group, row, _best(row)) for group, row in rows if _best(row) is not None]
    if not compared:
        return "Not measured yet: `make bench`.\n"
    lines = [
        f"- {group}: {row['name']}: {best[1]:.2f} of {best[0]}. {row['behind']}".rstrip() + "\n"
        for group, row, best in compared
        if best is not None and best[1] < EVEN
    ]
    count = len(compared)
    if not lines:
        return f"No rival is ahead in any of {count} rows.\n"
    return f"Of {count} rows with a rival, {len(lines)} are behind the best of them:\n\n" + "".join(
        lines
    )


def _best(row: Mapping[str, Any]) -> tuple[str, float] | None:
    """The rival that is hardest to beat, and how many times better ours is."""
    ratios = [
        (_named(name, rival), ratio(row, rival))
        for name, rival in row["rivals"].items()
        if "least" in rival
    ]
    return min(ratios, key=lambda pair: pair[1], default=None)


def _rivals(row: Mapping[str, Any]) -> Iterator[str]:
    """The best first, then the others, then those that have no number."""
    measured = {name: rival for name, rival in row["rivals"].items() if "least" in rival}
    for name, rival in sorted(measured.items(), key=lambda item: ratio(row, item[1])):
        times, least = ratio(row, rival), _value(row, rival, "least")
        turns = len(rival["values"])
        fewer = "" if turns >= TURNS else f" ({'one turn' if turns == 1 else f'{turns} turns'})"
        shown = f"{times:.1f}" if times >= 1.095 else f"{times:.2f}"
        shown = f"**{shown}**" if times < EVEN else shown
        yield f"{_named(name, rival)}: {least}{fewer}, {shown}"
    for name, rival in row["rivals"].items():
        if "absent" in rival:
            yield f"{name}: not installed"
        elif "failed" in rival:
            yield f"{name}: failed"


def _limits(row: Mapping[str, Any]) -> Iterator[str]:
    """How much of what the machine allows ours reaches, and of what a part of the work takes."""
    limits = {} if row["limit"] is None else {row["limit"]["by"]: row["limit"]["least"]}
    for name, floor in row["floors"].items():
        if "least" in floor:
            limits[name] = floor["least"] / floor["amount"] * row["ours"]["amount"]
    for name, least in limits.items():
        yield f"{name}: {_number(100 * least / row['ours']['least'])} %"


def _named(name: str, rival: Mapping[str, Any]) -> str:
    """With its version behind the name of the library."""
    library, comma, rest = name.partition(",")
    if "version" not in rival or " (" in library:
        return name
    version = rival["version"].partition("+")[0]
    return f"{library} {version}" + ("" if rest == " newest" else comma + rest)


def _of_ours(row: Mapping[str, Any]) -> str:
    unit, ours = row["unit"], row["ours"]
    unit = unit if unit in AS_IT_IS else f"{unit}/s"
    median = f" ({_value(row, ours, 'median')})" if len(ours["values"]) > 1 else ""
    return f"{_value(row, ours, 'least')} {unit}{median}"


def _value(row: Mapping[str, Any], measured: Mapping[str, Any], key: str) -> str:
    """Seconds, MB, or how much a second."""
    value = measured[key] / (measured["amount"] if row["unit"] in AS_IT_IS else 1)
    return _number(value if row["unit"] in AS_IT_IS else measured["amount"] / value)


def _each(row: Mapping[str, Any]) -> str:
    """What one takes."""
    seconds = row["ours"]["least"] / row["ours"]["amount"]
    size, unit = next(
        (pair for pair in ((1, "s"), (1e-3, "ms")) if seconds >= pair[0]), (1e-6, "us")
    )
    return f"{_number(seconds / size)} {unit}"


def _number(value: float) -> str:
    """Three digits that count, or whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

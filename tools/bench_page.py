"""docs/performance.md from docs/performance.json: no number of the tables is typed.

A table lies between two markers, ``<!-- bench: GROUP -->`` and ``<!-- /bench -->``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["FILE", "PAGE", "merge", "render", "update"]

ROOT = Path(__file__).resolve().parent.parent
PAGE, FILE = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.json"
BLOCK = re.compile(r"<!-- bench: ([\w-]+) -->\n.*?<!-- /bench -->", re.DOTALL)
HEADER = "| what | ours, a second | rivals, a second: ours is so many times faster | limit |\n"


def merge(path: Path, groups: dict[str, Any]) -> dict[str, Any]:
    """The groups of a file with these in place of their older ones; written."""
    known = json.loads(path.read_text(encoding="utf-8"))["groups"] if path.exists() else {}
    groups = {**known, **groups}
    text = json.dumps({"version": 1, "groups": groups}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return groups


def update(page: str, groups: dict[str, Any]) -> str:
    """The page with its tables as the groups have them, or what measures one that they lack."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        missing = f"Not measured yet: `make bench ROWS={name}`.\n"
        shown = render(name, groups[name]) if name in groups else missing
        return f"<!-- bench: {name} -->\n{shown}<!-- /bench -->"

    return BLOCK.sub(block, page)


def render(name: str, group: dict[str, Any]) -> str:
    """A group as Markdown: where it comes from, and a line for each row.

    Examples
    --------
    >>> ours = {"amount": 10, "least": 0.01, "median": 0.0125}
    >>> slow = {"amount": 1, "least": 0.002, "median": 0.002}
    >>> row = {"name": "a", "unit": "queries", "ours": ours, "rivals": {"b": slow, "c": None},
    ...        "limit": {"by": "8 MB read", "rate": 2000}}
    >>> print(render("x", {"date": "1", "machine": {"commit": "c", "processor": "P",
    ...       "processors": 2, "memory": 2e10, "clock": 3e9}, "rows": [row]}).splitlines()[-1])
    | a | 1,000 (800) queries | b: 500 (500): 2.0; c: not installed | 8 MB read: 2,000 (50 %) |
    """
    machine = group["machine"]
    origin = (
        f"`make bench ROWS={name}`, {group['date']}, commit {machine['commit']}, "
        f"{machine['processors']} cores of {machine['processor']}, memory read at "
        f"{machine['memory'] / 1e9:.0f} GB/s, {machine['clock'] / 1e9:.1f} GHz. Least of five, "
        "median in brackets.\n\n"
    )
    return origin + HEADER + "|---|---|---|---|\n" + "".join(map(_line, group["rows"]))


def _line(row: dict[str, Any]) -> str:
    best = row["ours"]["amount"] / row["ours"]["least"]
    rivals = []
    for name, rival in row["rivals"].items():
        if rival is None:
            rivals.append(f"{name}: not installed")
        else:
            theirs = rival["amount"] / rival["least"]
            rivals.append(f"{name}: {_rates(rival)}: {best / theirs:.1f}")
    limit = row["limit"]
    held = "" if limit is None else _limit(limit, best)
    return (
        f"| {row['name']} | {_rates(row['ours'])} {row['unit']} | {'; '.join(rivals)} | {held} |\n"
    )


def _limit(limit: dict[str, Any], best: float) -> str:
    return f"{limit['by']}: {_number(limit['rate'])} ({100 * best / limit['rate']:.0f} %)"


def _rates(measured: dict[str, Any]) -> str:
    least, median = (measured["amount"] / measured[name] for name in ("least", "median"))
    return f"{_number(least)} ({_number(median)})"


def _number(value: float) -> str:
    """Three digits that count, or whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

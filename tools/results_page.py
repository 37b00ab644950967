"""docs/results.md from docs/results.json: every number of the page is in the file, none is typed.

A table of the page lies between two markers, ``<!-- results: NAME -->`` and ``<!-- /results -->``;
what is between them is written by ``update``. A cell of the file is a text, a number, a list of
numbers, or an object: ``means``; or ``mean`` (with ``std`` and ``interval``, if they are shown); or
``difference`` (with ``interval``). What else an object holds is kept, not shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["names_in", "prose_of", "read", "render", "update", "write"]

ROOT = Path(__file__).resolve().parent.parent
PAGE, FILE = ROOT / "docs" / "results.md", ROOT / "docs" / "results.json"
VERSION = 1
BLOCK = re.compile(r"<!-- results: ([\w-]+) -->\n.*?<!-- /results -->", re.DOTALL)


def read(path: Path | None = None) -> dict[str, Any]:
    """The tables by name, in the order of the page."""
    tables = json.loads((path or FILE).read_text(encoding="utf-8"))["tables"]
    assert isinstance(tables, dict)
    return tables


def write(tables: Mapping[str, Any], path: Path | None = None) -> None:
    """Write the tables, a row a line."""
    parts = []
    for name, table in tables.items():
        fields = [
            f'      "{key}": {json.dumps(value, ensure_ascii=False)}'
            for key, value in table.items()
            if key != "rows"
        ]
        rows = ",\n".join(f"        {json.dumps(row, ensure_ascii=False)}" for row in table["rows"])
        fields.append(f'      "rows": [\n{rows}\n      ]')
        parts.append(f'    "{name}": {{\n' + ",\n".join(fields) + "\n    }")
    text = f'{{\n  "version": {VERSION},\n  "tables": {{\n' + ",\n".join(parts) + "\n  }\n}\n"
    (path or FILE).write_text(text, encoding="utf-8")


def names_in(page: str) -> list[str]:
    """The tables that a page has markers for."""
    return BLOCK.findall(page)


def prose_of(page: str) -> str:
    """What is written by hand: the page without its tables."""
    return BLOCK.sub("", page)


def update(page: str, tables: Mapping[str, Any]) -> str:
    """The page with its tables as the file has them, or what measures one that it lacks."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        missing = f"Not measured yet: `make results ONLY={name}`.\n"
        shown = render(tables[name]) if name in tables else missing
        return f"<!-- results: {name} -->\n{shown}<!-- /results -->"

    return BLOCK.sub(block, page)


def render(table: Mapping[str, Any]) -> str:
    """A table in Markdown, its command before it, where it comes from and what follows below.

    Examples
    --------
    >>> table = {"command": "make x", "commit": "abc", "columns": ["", "mAP"], "rows": [["a", 0.5]]}
    >>> print(render(table))
    ```
    make x
    ```
    <BLANKLINE>
    |  | mAP |
    |---|---|
    | a | .500 |
    <BLANKLINE>
    Commit abc.
    <BLANKLINE>
    """
    lines = ["```", table["command"], "```", ""] if table.get("command") else []
    lines += [_line(table["columns"]), "|" + "---|" * len(table["columns"])]
    lines += [_line([_cell(value) for value in row]) for row in table["rows"]]
    lines += ["", *_origin(table), *(f"\n{note}" for note in table.get("notes", ()))]
    return "\n".join(lines) + "\n"


def _origin(table: Mapping[str, Any]) -> list[str]:
    commit, seconds = table.get("commit"), table.get("seconds")
    words = [
        f"commit {commit}" if commit else "",
        table.get("date") or "",
        table.get("machine") or "",
        f"{seconds / 60:.0f} minutes" if seconds else "",
    ]
    said = ", ".join(word for word in words if word)
    return [f"{said[0].upper()}{said[1:]}."] if said else []


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    """A cell as it is shown.

    Examples
    --------
    >>> _cell({"mean": 0.359, "std": 0.0012}), _cell([0.1, 0.25, 1.0])
    ('.359 ± .001', '.100 / .250 / 1.000')
    >>> _cell({"difference": -0.0004, "interval": [-0.002, 0.001]})
    '-.000 [-.002, +.001]'
    """
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, list):
        return " / ".join(map(_number, value))
    if isinstance(value, Mapping) and "means" in value:
        return _cell(value["means"])
    if isinstance(value, Mapping):
        form = _signed if "difference" in value else _number
        text = form(value["difference"] if "difference" in value else value["mean"])
        if "std" in value:
            text += f" ± {_number(value['std'])}"
        if "interval" in value:
            text += f" [{', '.join(map(form, value['interval']))}]"
        return text
    return _number(value)


def _number(value: float) -> str:
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return text.replace("0.", ".", 1) if text[1:].startswith("0.") else text

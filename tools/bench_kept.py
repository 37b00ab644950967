"""What `make bench` has measured: docs/performance.json, written after every row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILE", "is_kept", "keep", "read"]

FILE = Path(__file__).resolve().parent.parent / "docs" / "performance.json"
VERSION = 1


def read(path: Path = FILE) -> dict[str, Any]:
    """{"groups": {group: {name of a row: row}}, "runs": {date and commit: machine}}."""
    if not path.exists():
        return {"version": VERSION, "groups": {}, "runs": {}}
    return json.loads(path.read_text(encoding="utf-8"))


def is_kept(kept: dict[str, Any], group: str, name: str, commit: str) -> bool:
    """Whether a row was measured at a commit."""
    row = kept["groups"].get(group, {}).get(name)
    return row is not None and kept["runs"][row["run"]]["commit"] == commit


def keep(
    path: Path,
    group: str,
    row: dict[str, Any],
    run: str,
    machine: dict[str, Any],
    names: Sequence[str],
) -> None:
    """Put a row into the file, in the place of its older self.

    Parameters
    ----------
    path : Path
    group : str
    row : dict
        As bench_measuring.measure returns it.
    run : str
        Date and commit.
    machine : dict
        Where it was measured: bench_machine.Machine.as_values.
    names : sequence of str
        All rows that the group can have, in their order; others are left out from now on.
    """
    kept = read(path)
    rows = {**kept["groups"].get(group, {}), row["name"]: {**row, "run": run}}
    kept["groups"][group] = {name: rows[name] for name in names if name in rows}
    kept["runs"][run] = machine
    used = {row["run"] for rows in kept["groups"].values() for row in rows.values()}
    kept["runs"] = {run: about for run, about in kept["runs"].items() if run in used}
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    written = path.with_name(f"{path.name}.writing")
    written.write_text(text, encoding="utf-8")
    written.replace(path)

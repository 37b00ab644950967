"""`gluon-hash runs`: the runs in a folder, with their state and metrics."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.outputs import jsonable

if TYPE_CHECKING:
    from gluon_hash.experiment.cards.run_list import RunSummary

WIDE = 100  # columns that a table takes


def command(
    folder: Path = typer.Argument(
        ..., metavar="DIR", help="Looked through for run folders, also those of comparisons."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="A JSON object a line in place of a table, with all that is known."
    ),
) -> None:
    """List the runs in a folder: state, method, epochs, what the kept epoch reached."""
    from gluon_hash.experiment.cards.run_list import find_runs, summarize_run
    from gluon_hash.progress import log

    paths = find_runs(folder)
    if not paths:
        log(f"{folder}: no run folders here, nor below; `gluon-hash train` makes them")
    runs = [summarize_run(path) for path in paths]
    if as_json:
        for run in runs:
            print(json.dumps(jsonable(run.to_dict())))
    elif runs:
        _show(folder, runs)


def _show(folder: Path, runs: list[RunSummary]) -> None:
    """A table, or, where the terminal is narrow, some lines for each run."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if console.width < WIDE:
        for run in runs:
            print(_name(folder, run))
            words = ", ".join(word for word in _cells(run) if word)
            print(textwrap.fill(words, console.width, initial_indent="  ", subsequent_indent="  "))
    else:
        head = ("run", "state", "method", "epochs", "held-out images", "queries")
        table = Table(*head, box=box.SIMPLE)
        table.columns[0].overflow = "fold"
        for run in runs:
            table.add_row(Text(_name(folder, run)), *_cells(run))
        console.print(table)
    for run in runs:
        if run.note:
            print(f"damaged: {run.note}")


def _name(folder: Path, run: RunSummary) -> str:
    """The path of a run from the folder on."""
    place = Path(run.path)
    return str(place.relative_to(folder)) if place != folder else place.resolve().name


def _cells(run: RunSummary) -> list[str]:
    """State, method, epochs, and the metrics on held-out images and on the database."""
    best = "" if run.best_epoch is None else f" (best {run.best_epoch})"
    found = (run.measured or {}).get("map")
    return [
        run.state,
        f"{run.method}, {run.num_bits} bits" if run.method else "",
        f"{run.epochs_done}/{run.epochs} epochs{best}" if run.epochs else "",
        "" if run.value is None else f"{run.monitor.replace('_', ' ')} {run.value:.3f}",
        "" if found is None else f"queries: map {found:.3f}",
    ]

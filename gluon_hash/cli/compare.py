"""`gluon-hash compare`: configurations or methods, trained, measured, side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gluon_hash.cli.trackers import MLFLOW, TENSORBOARD, WANDB, trackers

if TYPE_CHECKING:
    from gluon_hash.experiment.comparison.summary import RowSummary


def command(
    configs: list[Path] = typer.Argument(
        ..., metavar="CONFIG.yaml...", help="The experiments; see configs/."
    ),
    out: Path = typer.Option(
        ...,
        metavar="DIR",
        help="Folder of the table, the figures and every run; what is trained "
        "there already is reused.",
    ),
    changes: list[str] | None = typer.Option(
        None, "--set", metavar="SECTION.KEY=VALUE", help="For all of them."
    ),
    vary: list[str] | None = typer.Option(
        None,
        metavar="SECTION.KEY=[A,B]",
        help="A line for each value, such as loss.name=[dcwh,hpdh]; repeated: for "
        "every combination.",
    ),
    choose: list[str] | None = typer.Option(
        None,
        metavar="SECTION.KEY=[A,B]",
        help="For each line, the value that is best on held-out images (with the "
        "first seed), such as optimizer.lr=[0.01,0.03].",
    ),
    seeds: str | None = typer.Option(
        None,
        help="Seeds of the trainings, such as 24,25,26. [default: training.seed "
        "of each configuration]",
    ),
    reference: str | None = typer.Option(
        None, help="Name of the line that the others are held against. [default: the first]"
    ),
    protocols: str = typer.Option(
        "paper",
        metavar="NAME,...",
        help="What is searched in what, side by side: paper (the database is the training set), "
        "unseen-images (queries among each other), unseen-classes (trained a second time, without "
        "the classes of unseen_classes.txt in data.root).",
    ),
    confidence: float = typer.Option(95.0, help="Percent of the bootstrap intervals over queries."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of a table."),
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Try some steps of each kind of training that is left and print the steps, time, "
        "memory and disk that all would take; write nothing.",
    ),
    tensorboard: Path | None = TENSORBOARD,
    mlflow: str | None = MLFLOW,
    wandb: str | None = WANDB,
) -> None:
    """Train or reuse each, measure all; write a table, a figure and precision-recall curves."""
    from gluon_hash import engine, experiment

    asked: dict[str, Any] = {
        "changes": changes or [],
        "vary": vary or [],
        "choose": choose or [],
        "seeds": seeds,
        "protocols": [name.strip() for name in protocols.split(",")],
    }
    if dry_run:
        from gluon_hash.experiment.comparison.estimate import dry_run as estimated

        for line in estimated(configs, out, engine.contexts(device), **asked):
            print(line)
        return
    rows = experiment.compare(
        configs,
        out,
        engine.contexts(device),
        **asked,
        callbacks=trackers(tensorboard, mlflow, wandb),
        reference=reference,
        confidence=confidence,
    )
    if as_json:
        print(json.dumps([row.to_dict() for row in rows]))
    elif sys.stdout.isatty():
        _show(out)
    else:
        print((out / "comparison.md").read_text(encoding="utf-8"))


def _show(out: Path) -> None:
    """comparison.md for a terminal: a column for each metric, differences below the values."""
    from gluon_hash.experiment.cards.run_files import other_searches, read_comparison

    rows, about = read_comparison(out)
    for own in (rows, *other_searches(about, out)):
        _show_table(own, about)


def _show_table(rows: list[RowSummary], about: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gluon_hash.experiment.comparison.leaders import headline_of
    from gluon_hash.experiment.comparison.report import cells, notes
    from gluon_hash.retrieval.evaluation import SEARCHES

    head, *lines = cells(rows, about, headline_of(rows[0].search, rows))
    if about.get("searches"):
        print(f"{rows[0].search}: {SEARCHES[rows[0].search]}")
    num_compared = sum(name.endswith(f" - {about['reference']}'s") for name in head)
    own = len(head) - num_compared
    table = Table(box=box.SIMPLE, show_lines=True)
    for name in head[:own]:
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        below = [""] * (own - num_compared) + line[own:]
        texts = (f"{cell}\n{difference}".strip() for cell, difference in zip(line, below))
        table.add_row(*(Text(text.replace(" [", "\n[")) for text in texts))
    Console().print(table)
    if num_compared:
        print(f"Below with a sign: the difference from {about['reference']}.")
    print(notes(rows, about))

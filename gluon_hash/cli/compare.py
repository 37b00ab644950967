"""`gluon-hash compare`: configurations or methods, trained, measured, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import typer


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
    confidence: float = typer.Option(95.0, help="Percent of the bootstrap intervals over queries."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of a table."),
) -> None:
    """Train or reuse each, measure all; write a table, a figure and precision-recall curves."""
    from gluon_hash import engine, experiment

    rows = experiment.compare(
        configs,
        out,
        engine.contexts(device),
        changes=changes or [],
        vary=vary or [],
        choose=choose or [],
        seeds=seeds,
        reference=reference,
        confidence=confidence,
    )
    if as_json:
        print(json.dumps([row.to_dict() for row in rows]))
    else:
        print((out / "comparison.md").read_text(encoding="utf-8"))

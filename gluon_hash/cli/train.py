"""`gluon-hash train`: a network from a configuration."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    config: Path = typer.Argument(..., metavar="CONFIG.yaml", help="The experiment; see configs/."),
    out: Path = typer.Option(
        ..., metavar="RUN", help="Run folder to make (or to go on with, with --resume)."
    ),
    changes: list[str] | None = typer.Option(
        None,
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change a value of the configuration; may be repeated.",
    ),
    resume: bool = typer.Option(False, "--resume", help="Go on from the last whole epoch of RUN."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
) -> None:
    """Train a hash network from a YAML configuration."""
    from gluon_hash import engine, experiment

    loaded = experiment.load_config(config, changes or [])
    run = experiment.train(loaded, out, engine.contexts(device), resume=resume)
    print(run.path)

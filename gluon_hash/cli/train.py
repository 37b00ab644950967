"""`gluon-hash train`: a network from a configuration, or from data alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from gluon_hash.cli.trackers import MLFLOW, TENSORBOARD, WANDB, trackers


def command(
    context: typer.Context,
    config: str | None = typer.Argument(
        None,
        metavar="[CONFIG.yaml]",
        help="The experiment: a file, or a name that `gluon-hash config list` prints. Without it "
        "the recommended recipe for --data.",
    ),
    out: Path = typer.Option(
        ..., metavar="RUN", help="Run folder to make (or to go on with, with --resume)."
    ),
    data: Path | None = typer.Option(
        None,
        metavar="DIR",
        help="What `gluon-hash prepare` wrote: in place of data.root of the configuration.",
    ),
    weights: Path | None = typer.Option(
        None,
        metavar="FILE.params",
        help="With --data alone: pretrained weights of --backbone. The head is trained on its "
        "features, which are computed once.",
    ),
    backbone: str | None = typer.Option(
        None, help="With --data alone: such as resnet50_v1. [default: by the images' size]"
    ),
    method: str | None = typer.Option(
        None,
        help="With --data alone: a name of docs/methods.md, such as hpdh, the paper's. "
        "[default: ssdh]",
    ),
    num_bits: int | None = typer.Option(
        None, "--bits", min=1, help="With --data alone: length of a code. [default: 48]"
    ),
    changes: list[str] | None = typer.Option(
        None,
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change a value of the configuration; may be repeated.",
    ),
    resume: bool = typer.Option(
        False,
        "--resume",
        help="Go on from the last checkpoint of RUN; epochs and learning rate may be others.",
    ),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    num_workers: int = typer.Option(
        1,
        "--workers",
        min=1,
        help="Processes on this machine that share every batch (docs/distributed.md).",
    ),
    num_servers: int = typer.Option(
        1, "--servers", min=1, help="With --workers: processes that add up what workers send."
    ),
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Try some steps and print the steps, time, memory and disk that the training would "
        "take (one process, on --device); write nothing.",
    ),
    tensorboard: Path | None = TENSORBOARD,
    mlflow: str | None = MLFLOW,
    wandb: str | None = WANDB,
) -> None:
    """Train a hash network from a YAML configuration, or from prepared data alone."""
    from gluon_hash import launch

    if dry_run:
        wanted = {"method": method, "num_bits": num_bits, "backbone": backbone, "weights": weights}
        _estimate(config, data, changes or [], wanted, out, device, resume=resume)
        return
    role = launch.role()
    launch.stay_with_launcher()
    if role is None and num_workers > 1:
        command_line = launch.command_line(_arguments(context))
        raise typer.Exit(launch.start(command_line, num_workers, num_servers))
    if role in ("scheduler", "server"):
        from gluon_hash import parameter_server

        parameter_server.serve()
    from gluon_hash import engine, experiment
    from gluon_hash.training.workers import joined

    callbacks = trackers(tensorboard, mlflow, wandb)
    contexts = engine.contexts(device)
    with joined() as workers:
        with workers.first_before_others():
            loaded = experiment.configure(
                config,
                data,
                contexts,
                changes=changes or [],
                method=method,
                num_bits=num_bits,
                backbone=backbone,
                weights=weights,
                out=out,
            )
        run = experiment.train(
            loaded, out, contexts, resume=resume, workers=workers, callbacks=callbacks
        )
        if workers.is_first:
            print(run.path)


def _estimate(
    config: str | None,
    data: Path | None,
    changes: list[str],
    wanted: dict[str, Any],
    out: Path,
    device: str,
    *,
    resume: bool,
) -> None:
    """Print what the training would take."""
    from gluon_hash import engine
    from gluon_hash.experiment.recipe import choose
    from gluon_hash.experiment.runs.dry_run import dry_run

    chosen = choose(config, data, changes=changes, **wanted)
    for line in dry_run(chosen, out, engine.contexts(device), resume=resume):
        print(line)


def _arguments(context: typer.Context) -> list[str]:
    """The command line again, from what was understood of it."""
    positional, options = [], ["train"]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value is None or value is False or value == []:
            continue
        if parameter.param_type_name == "argument":
            positional.append(str(value))
        elif value is True:
            options.append(parameter.opts[0])
        else:
            for single in value if isinstance(value, (list, tuple)) else [value]:
                options += [parameter.opts[0], str(single)]
    return [*options, "--", *positional] if positional else options

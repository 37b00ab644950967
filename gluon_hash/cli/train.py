"""`gluon-hash train`: a network from a configuration, or from data alone."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
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
    resume: bool = typer.Option(False, "--resume", help="Go on from the last whole epoch of RUN."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
) -> None:
    """Train a hash network from a YAML configuration, or from prepared data alone."""
    from gluon_hash import engine, experiment

    contexts = engine.contexts(device)
    loaded = experiment.configure(
        config,
        data,
        contexts,
        changes=changes or [],
        method=method,
        num_bits=num_bits,
        backbone=backbone,
        weights=weights,
    )
    print(experiment.train(loaded, out, contexts, resume=resume).path)

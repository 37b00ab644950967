"""`gluon-hash extend`: new classes for a trained run, whose codes stay valid."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    run: Path = typer.Argument(..., metavar="RUN", help="Run folder of expected_codeword."),
    records: Path = typer.Option(
        ...,
        metavar="FILE.rec|.npz",
        help="Images or cached features with labels: of the new classes, and of some that are "
        "known, of which up to 100 each are read.",
    ),
    out: Path = typer.Option(
        ..., metavar="RUN", help="The new run folder; must not exist. The old one stays."
    ),
    hierarchy: Path | None = typer.Option(
        None, metavar="hierarchy.tsv", help="Of the labels. [default: beside the records]"
    ),
    limit: int | None = typer.Option(
        None, min=1, metavar="N", help="Learn a new class from N images. [default: all]"
    ),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
) -> None:
    """Learn new classes; codes of the old run are searched together with those of the new one."""
    from gluon_hash import engine
    from gluon_hash.experiment.runs.extending import extend
    from gluon_hash.files import claimed

    with claimed(out, doing="extend"):
        made = extend(
            run,
            records,
            out,
            hierarchy,
            images_per_class=limit,
            contexts=engine.contexts(device),
        )
    images = ", ".join(f"{name} ({count})" for name, count in made.images.items())
    print(f"{out}: {made.hierarchy.num_classes[0]} classes; new (from so many images): {images}")

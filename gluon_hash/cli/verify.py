"""`gluon-hash verify`: every exported form over the same images, for a deployment's CI."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.outputs import jsonable

if TYPE_CHECKING:
    from gluon_hash.deploy.verify import Agreement

HEADS = ("form", "equal bits", "equal codes", "mAP", "mAHP", "images/s", "MB")


def command(
    exports: list[Path] = typer.Argument(
        ...,
        metavar="NAME.manifest.json...",
        help="Exports of one network (or DIR/NAME): as float32 and as int8, say.",
    ),
    records: Path = typer.Option(
        ..., metavar="FILE.rec", help="Images to encode (or features, .npz), with their classes."
    ),
    against: Path | None = typer.Option(
        None,
        metavar="RUN",
        help="The model whose codes are the reference. [default: the first export by SymbolBlock]",
    ),
    database: Path | None = typer.Option(
        None,
        metavar="codes.npz",
        help="Codes of the same model, in which the images are looked for. [default: among "
        "themselves]",
    ),
    precision: str | None = typer.Option(
        None, metavar="bfloat16", help="By OpenVINO in this precision too, besides float32."
    ),
    images: int = typer.Option(256, min=2, help="How many, spread evenly over the file."),
    least: float = typer.Option(
        0.999, min=0.0, max=1.0, help="Exit 1 if a form has a smaller fraction of equal bits."
    ),
    as_json: bool = typer.Option(False, "--json", help="JSON lines in place of a table."),
) -> None:
    """Encode images with every exported form; bit agreement, retrieval among them, speed, size.

    Forms are SymbolBlock, Module and the C predict API; then the engines, as `encode` and `serve`
    run them: mxnet, and, where there is a .onnx, onnxruntime and openvino if it is installed.
    """
    from gluon_hash.cli.models import parse_engine
    from gluon_hash.experiment.models.verifying import verify_exports

    _, chosen = parse_engine("openvino" if precision else None, precision)
    rows = verify_exports(
        exports,
        records,
        against=against,
        num_images=images,
        precision=chosen,
        database=database,
    )
    if as_json:
        for row in rows:
            print(json.dumps(jsonable(asdict(row))))
    else:
        _print_table(rows)
    worst = min(rows, key=lambda row: row.equal_bits)
    if worst.equal_bits < least:
        from gluon_hash.progress import log

        log(f"{worst.form}: {worst.equal_bits:.4%} of the bits are equal, less than {least:.4%}")
        raise typer.Exit(1)


def _print_table(rows: list[Agreement]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for head in HEADS:
        table.add_column(head, justify="left" if head == "form" else "right")
    for row in rows:
        table.add_row(
            row.form,
            f"{row.equal_bits:.2%}",
            f"{row.equal_codes:.2%}",
            f"{row.map:.4f}",
            f"{row.mahp:.4f}",
            f"{row.images_per_second:.0f}",
            f"{row.megabytes:.1f}",
        )
    Console().print(table)

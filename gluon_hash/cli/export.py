"""`gluon-hash export`: a model for deployment."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    model: Path = typer.Argument(
        ..., metavar="MODEL", help="Run folder, or a baseline that `fit` wrote (.npz)."
    ),
    out: Path = typer.Option(
        ...,
        metavar="DIR/NAME",
        help="Writes NAME-symbol.json, NAME-0000.params, NAME.manifest.json and NAME.card.md; none "
        "may exist.",
    ),
    onnx: bool = typer.Option(False, "--onnx", help="Write NAME.onnx too; needs gluon_hash[onnx]."),
    pixels_in: bool = typer.Option(
        False,
        "--with-preprocessing",
        help="The graph takes uint8 pixels and scales them itself; resizing and cropping stay "
        "outside.",
    ),
    packed_out: bool = typer.Option(
        False, "--binary", help="The graph gives packed codes (uint8) in place of relaxed ones."
    ),
    int8: Path | None = typer.Option(
        None,
        metavar="FILE.rec",
        help="Export in int8, which many CPUs run faster and which changes some bits, calibrated "
        "on images of this file (or features, .npz); prints what it costs on them.",
    ),
    torch: Path | None = typer.Option(
        None,
        metavar="FILE.npz|.safetensors",
        help="Write the weights too, under torchvision's names, the hash layer as fc.",
    ),
) -> None:
    """Write graph, parameters and manifest for deployment; each is run and compared first."""
    from gluon_hash.experiment.models import exporting, verifying

    manifest = exporting.export_model(
        model, out, pixels_in=pixels_in, packed_out=packed_out, onnx=onnx, int8=int8, torch=torch
    )
    if torch is not None:
        print(torch)
    print(manifest)
    if onnx:
        print(manifest.with_name(f"{out.name}.onnx"))
    if int8 is not None:
        print(verifying.cost_of_int8(model, manifest, int8))

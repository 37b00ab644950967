"""`gluon-hash import-weights`: pretrained weights of other frameworks."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli.outputs import writes


@writes("out", doing="import-weights")
def command(
    source: Path = typer.Argument(
        ...,
        help=".pth, .safetensors or .npz of torchvision or timm; a TensorFlow.js "
        "model.json, its folder or an archive with it (Keras).",
    ),
    arch: str = typer.Option(
        ..., help="Backbone: resnet50_v1b for PyTorch's, resnet50_v1 for Keras'."
    ),
    out: Path = typer.Option(..., metavar="FILE.params", help="The file to write; must not exist."),
) -> None:
    """Convert pretrained ResNet weights of other frameworks; every tensor is accounted for."""
    from gluon_hash.nets.pretrained.convert import import_weights
    from gluon_hash.nets.pretrained.torch import COUNTER

    report = import_weights(source, arch, out)
    print(
        f"{out}: {report.num_written} tensors for {arch}, from {report.num_used} tensors of "
        f"{source}"
    )
    counters = [name for name in report.left_over if name.endswith(COUNTER)]
    others = [name for name in report.left_over if name not in counters]
    left_over = others + ([f"{len(counters)} counters ({COUNTER})"] if counters else [])
    print(f"left over: {', '.join(left_over) or 'none'}")
    print(f"SHA-256: {report.sha256}")

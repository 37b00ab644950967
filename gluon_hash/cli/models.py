"""The model that a command is given, and the engine that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from gluon_hash.deploy.engines import Engine, Precision
    from gluon_hash.experiment import Encoder

ENGINE = typer.Option(
    None,
    metavar="mxnet|onnxruntime|openvino",
    help="What runs the network on the CPU; compared with the default on some of the images "
    "first. onnxruntime and openvino need gluon_hash[fast], and an export with --onnx or a run. "
    "[default: mxnet where it is installed, else onnxruntime]",
)
PRECISION = typer.Option(
    None,
    metavar="float32|bfloat16",
    help="With --engine openvino: bfloat16 is faster on processors that have it, and changes some "
    "bits; the codes say that they were made so. [default: float32]",
)


def open_model(
    model: Path,
    device: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
) -> Encoder:
    """The model at a path, on a device; on the CPU an exported .onnx does without MXNet."""
    from gluon_hash.experiment import load_model

    chosen, computed_in = parse_engine(engine, precision)
    if device in (None, "cpu"):
        return load_model(model, engine=chosen, precision=computed_in)
    if engine not in (None, "mxnet"):
        raise ValueError(f"--engine {engine} runs on the CPU; leave --device {device} out")
    from gluon_hash import engine as mxnet

    return load_model(model, mxnet.contexts(device))


def parse_engine(
    engine: str | None, precision: str | None
) -> tuple[Engine | None, Precision | None]:
    """The values of --engine and --precision; ValueError if there are none such."""
    from gluon_hash.deploy.engines import check_choice

    check_choice(engine, precision)
    return cast("Engine | None", engine), cast("Precision | None", precision)

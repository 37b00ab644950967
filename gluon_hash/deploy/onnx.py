"""A graph as ONNX, for programs without MXNet."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from gluon_hash.engine import mx

__all__ = ["require_onnx", "write_onnx"]

OPSET, IR_VERSION = 13, 7  # what MXNet writes; it stamps those of the installed onnx


def write_onnx(
    symbol: Path, params: Path, input_shape: tuple[int, ...], dtype: type, out: Path
) -> None:
    """Write a graph as .onnx: any number of images at a time, no constants among its inputs.

    Parameters
    ----------
    symbol, params : Path
        The two files of the graph.
    input_shape : tuple of int
        Of one input.
    dtype : type
        Of the input: np.float32 or np.uint8.
    out : Path
        The file to write.

    Raises
    ------
    ValueError
        If onnx or onnxruntime is not installed.
    """
    onnx = require_onnx()
    with redirect_stdout(StringIO()):  # MXNet prints the names of some of the nodes
        mx.onnx.export_model(
            str(symbol),
            str(params),
            [(1, *input_shape)],
            [dtype],
            str(out),
            dynamic=True,
            dynamic_input_shapes=[("N", *input_shape)],
        )
    model = _cleaned(onnx.load(str(out)))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(out))


def require_onnx() -> Any:
    """The package onnx; ValueError, which says what to install, unless it and ONNX Runtime are."""
    try:
        import onnx
        import onnxruntime  # noqa: F401  what is written is run by it
    except ImportError as error:
        raise ValueError(
            f"ONNX needs onnx and onnxruntime ({error}); pip install 'gluon_hash[onnx]'"
        ) from error
    return onnx


def _cleaned(model: Any) -> Any:
    """The model with its own opset, without constants that nothing reads or that are inputs."""
    del model.opset_import[1:]
    model.opset_import[0].version, model.ir_version = OPSET, IR_VERSION
    read = {name for node in model.graph.node for name in node.input}
    read |= {value.name for value in model.graph.output}
    unread = [c for c in model.graph.initializer if c.name not in read]  # runtimes warn of them
    constants = {constant.name for constant in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    for constant in unread:
        model.graph.initializer.remove(constant)
    return model

"""An exported network as ONNX, for programs without MXNet; run and compared before it counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.predictor import import_block
from gluon_hash.deploy.symbol import TOLERANCE
from gluon_hash.engine import mx, nd
from gluon_hash.files import atomic_path, refuse_existing

__all__ = ["export_onnx", "require_onnx"]

OPSET, IR_VERSION = 13, 7  # what MXNet writes; it stamps those of the installed onnx
COMPARED_INPUTS = 3


def export_onnx(manifest: str | os.PathLike[str]) -> Path:
    """Write NAME.onnx beside NAME.manifest.json, from the two files that belong to it.

    Its input is ``data``, float32, with any number of images (or features) at a time.

    Parameters
    ----------
    manifest : path-like
        What gluon_hash.deploy.export_symbol returned.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the file exists, or onnx or onnxruntime is not installed.
    DataError
        As Manifest.load.
    RuntimeError
        If ONNX Runtime computes something else; nothing is written then.
    """
    onnx, runtime = _libraries()
    described = Manifest.load(manifest)
    folder, name = Path(manifest).parent, Path(manifest).name.removesuffix(".manifest.json")
    out = folder / f"{name}.onnx"
    refuse_existing(out)
    symbol, params = folder / described.symbol, folder / described.params
    shape = tuple(described.input_shape[1:])
    with atomic_path(out) as temporary:
        mx.onnx.export_model(
            str(symbol),
            str(params),
            [(1, *shape)],
            [np.float32],
            str(temporary),
            dynamic=True,
            dynamic_input_shapes=[("N", *shape)],
        )
        onnx.save(_cleaned(onnx.load(str(temporary))), str(temporary))
        inputs = np.random.RandomState(0).standard_normal((COMPARED_INPUTS, *shape))
        block = import_block(symbol, params, described.input_name, mx.cpu())
        expected = block(nd.array(inputs)).asnumpy()
        session = runtime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        computed = session.run(None, {described.input_name: inputs.astype(np.float32)})[0]
        difference = float(np.abs(computed - expected).max())
        if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise RuntimeError(
                f"{out.name}: ONNX Runtime differs from MXNet by {difference:.2g}; nothing was "
                "written"
            )
    return out


def require_onnx() -> None:
    """ValueError, which says what to install, unless export_onnx finds its libraries."""
    _libraries()


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            f"ONNX needs onnx and onnxruntime ({error}); pip install 'gluon_hash[onnx]'"
        ) from error
    return onnx, onnxruntime


def _cleaned(model: Any) -> Any:
    """The model with its own opset and without its constants among the inputs."""
    del model.opset_import[1:]
    model.opset_import[0].version, model.ir_version = OPSET, IR_VERSION
    constants = {constant.name for constant in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model

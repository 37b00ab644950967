"""What runs an exported network: MXNet, ONNX Runtime or OpenVINO; chosen by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.network_files import check_shapes
from gluon_hash.deploy.onnx_runtime import open_onnx
from gluon_hash.deploy.openvino_runtime import open_openvino
from gluon_hash.errors import DataError, MissingPackageError

if TYPE_CHECKING:
    from gluon_hash.engine import mx

__all__ = ["ENGINES", "PRECISIONS", "Engine", "Precision", "check_choice", "open_engine"]

Engine = Literal["mxnet", "onnxruntime", "openvino"]
Precision = Literal["float32", "bfloat16"]
ENGINES: tuple[str, ...] = get_args(Engine)
PRECISIONS: tuple[str, ...] = get_args(Precision)


def check_choice(engine: str | None, precision: str | None) -> None:
    """ValueError unless there is such an engine, and it computes in this precision."""
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"engine: expected {', '.join(ENGINES)}, got {engine!r}")
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(
            f"precision: expected {', '.join(PRECISIONS)}, got {precision!r}; int8 is a form of "
            "export (`gluon-hash export --int8`)"
        )
    if precision == "bfloat16" and engine != "openvino":
        raise ValueError(
            f"precision: the engine {engine or 'mxnet'} does not compute in bfloat16 faster than "
            "in float32; the engine openvino does"
        )


def open_engine(
    manifest: Manifest,
    path: Path,
    engine: Engine | None = None,
    precision: Precision | None = None,
    context: mx.Context | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """The network of a manifest as inputs -> outputs; any thread may call it.

    Parameters
    ----------
    manifest : Manifest
    path : Path
        Where it lies.
    engine, precision, context
        As of gluon_hash.deploy.Predictor.load.

    Raises
    ------
    DataError
        If there is no .onnx for an engine that reads it, or it cannot be read.
    MissingPackageError
        If the engine is not installed.
    ValueError
        As check_choice; or if the processor does not compute in this precision.
    """
    check_choice(engine, precision)
    engine = engine or _installed_engine(manifest, path)
    if engine == "mxnet":
        return _open_mxnet(manifest, path, context)
    if manifest.onnx is None:
        reads = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}[engine]
        raise DataError(
            f"was exported without .onnx, which {reads} reads; `gluon-hash export RUN --onnx` "
            "writes one",
            path=path,
        )
    model = path.parent / manifest.onnx
    if engine == "openvino":
        return open_openvino(model, manifest.input_name, precision or "float32")
    return open_onnx(model, manifest.input_name)


def _open_mxnet(
    manifest: Manifest, path: Path, context: mx.Context | None
) -> Callable[[np.ndarray], np.ndarray]:
    """On the CPU images go through a fused graph."""
    from gluon_hash.deploy import fusing, runtimes
    from gluon_hash.deploy.graph import Graph
    from gluon_hash.engine import mx

    context, name = context or mx.cpu(), manifest.input_name
    files = path.parent / manifest.symbol, path.parent / manifest.params
    check_shapes(*files, name, manifest.input_shape[1:])
    if context.device_type == "cpu" and manifest.input != "features":
        graph = Graph.load(*files)
        return fusing.graph_runner(graph, input_name=name, fused=manifest.fused_graphs)
    return runtimes.block_runner(runtimes.import_block(*files, name, context), context)


def _installed_engine(manifest: Manifest, path: Path) -> Engine:
    if importlib.util.find_spec("mxnet") is not None:
        return "mxnet"
    if manifest.onnx is None:
        raise MissingPackageError(
            f"{path}: MXNet is not installed, and the manifest names no .onnx; "
            "pip install 'gluon_hash[mxnet]', or export again with --onnx"
        )
    return "onnxruntime"

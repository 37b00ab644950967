"""The ways in which another program runs an exported network, each as inputs -> outputs.

`SymbolBlock`, `Module` and the C predict API read the same two files; ONNX Runtime reads the third.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gluon_hash.engine import gluon, mx, nd

__all__ = [
    "MXNET_RUNTIMES",
    "import_block",
    "run_c_api",
    "run_module",
    "run_onnx",
    "run_symbol_block",
    "without_fused_graphs",
]

CPU, UINT8 = 1, 3  # a device type of the C predict API, and a type of arrays
SUBGRAPH_BACKEND = "MXNET_SUBGRAPH_BACKEND"


def import_block(
    symbol: Path, params: Path, input_name: str, context: mx.Context
) -> gluon.SymbolBlock:
    """The network in a symbol file and a parameter file."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Cannot decide type"
        )  # of the input: it is settled when it comes
        return gluon.SymbolBlock.imports(str(symbol), [input_name], str(params), ctx=context)


def run_symbol_block(symbol: Path, params: Path, input_name: str, inputs: np.ndarray) -> np.ndarray:
    """Outputs of the network by Gluon's SymbolBlock, as gluon_hash.deploy.Predictor runs it."""
    block = import_block(symbol, params, input_name, mx.cpu())
    return block(nd.array(inputs, dtype=inputs.dtype)).asnumpy()


def run_module(symbol: Path, params: Path, input_name: str, inputs: np.ndarray) -> np.ndarray:
    """Outputs of the network by mx.mod.Module, MXNet's older interface of Python."""
    arrays = nd.load(str(params))
    kinds: dict[str, dict[str, nd.NDArray]] = {"arg": {}, "aux": {}}
    for name, array in arrays.items():
        kind, _, rest = name.partition(":")
        kinds[kind][rest] = array
    module = mx.mod.Module(mx.sym.load(str(symbol)), [input_name], None, context=mx.cpu())
    described = mx.io.DataDesc(input_name, inputs.shape, dtype=inputs.dtype)
    module.bind([described], for_training=False)
    module.set_params(kinds["arg"], kinds["aux"])
    module.forward(mx.io.DataBatch([nd.array(inputs, dtype=inputs.dtype)]), is_train=False)
    return module.get_outputs()[0].asnumpy()


def run_c_api(symbol: Path, params: Path, input_name: str, inputs: np.ndarray) -> np.ndarray:
    """Outputs of the network by the C predict API, which programs in C++ use; inputs are float32.

    Raises
    ------
    RuntimeError
        With MXNet's message, if a call fails.
    """
    library = mx.base._LIB
    shape = (ctypes.c_uint * inputs.ndim)(*inputs.shape)
    bounds = (ctypes.c_uint * 2)(0, inputs.ndim)
    names = (ctypes.c_char_p * 1)(input_name.encode())
    weights, handle = params.read_bytes(), ctypes.c_void_p()
    values = np.ascontiguousarray(inputs, np.float32)
    _call(
        library.MXPredCreate,
        ctypes.c_char_p(symbol.read_bytes()),
        ctypes.c_char_p(weights),
        ctypes.c_int(len(weights)),
        ctypes.c_int(CPU),
        ctypes.c_int(0),
        ctypes.c_uint(1),
        names,
        bounds,
        shape,
        ctypes.byref(handle),
    )
    try:
        _call(
            library.MXPredSetInput,
            handle,
            ctypes.c_char_p(input_name.encode()),
            values.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_uint(values.size),
        )
        _call(library.MXPredForward, handle)
        return _output(library, handle)
    finally:
        _call(library.MXPredFree, handle)


def run_onnx(model: Path, input_name: str, inputs: np.ndarray) -> np.ndarray:
    """Outputs of an exported .onnx by ONNX Runtime, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {input_name: inputs})[0]


# by name: of those that read symbol and params
MXNET_RUNTIMES: dict[str, Callable[[Path, Path, str, np.ndarray], np.ndarray]] = {
    "symbol": run_symbol_block,
    "module": run_module,
    "c_api": run_c_api,
}


@contextmanager
def without_fused_graphs() -> Iterator[None]:
    """Module and the C predict API run the graph as it is written.

    MXNet 1.9.1 lets oneDNN fuse operations where a program binds a symbol; of pre-activation
    networks for CIFAR (cifar_resnet20_v2) what it makes of them computes something else.
    """
    before = os.environ.get(SUBGRAPH_BACKEND)
    os.environ[SUBGRAPH_BACKEND] = "NONE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SUBGRAPH_BACKEND]
        else:
            os.environ[SUBGRAPH_BACKEND] = before


def _output(library: ctypes.CDLL, handle: ctypes.c_void_p) -> np.ndarray:
    dimensions, count = ctypes.POINTER(ctypes.c_uint)(), ctypes.c_uint()
    _call(
        library.MXPredGetOutputShape,
        handle,
        ctypes.c_uint(0),
        ctypes.byref(dimensions),
        ctypes.byref(count),
    )
    output = np.zeros([dimensions[axis] for axis in range(count.value)], np.float32)
    kind = ctypes.c_int()
    _call(library.MXPredGetOutputType, handle, ctypes.c_uint(0), ctypes.byref(kind))
    _call(
        library.MXPredGetOutput,
        handle,
        ctypes.c_uint(0),
        output.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_uint(output.size),
    )
    if kind.value == UINT8:  # the bytes come one after the other
        return output.view(np.uint8).ravel()[: output.size].reshape(output.shape).copy()
    return output


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        raise RuntimeError(mx.base.py_str(mx.base._LIB.MXGetLastError()))

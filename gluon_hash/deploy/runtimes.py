"""The ways in which a program with MXNet runs an exported network: files -> (inputs -> outputs).

SymbolBlock, Module and the C predict API read the same two files.
"""

from __future__ import annotations

import ctypes
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gluon_hash.deploy.graph import Graph
from gluon_hash.engine import HybridBlock, gluon, mx, nd

__all__ = [
    "MXNET_RUNTIMES",
    "CPredictor",
    "block_runner",
    "import_block",
    "open_module",
    "open_symbol_block",
    "without_fused_graphs",
]

Run = Callable[[np.ndarray], np.ndarray]
CPU, UINT8 = 1, 3  # a device type of the C predict API, and a type of arrays
SUBGRAPH_BACKEND = "MXNET_SUBGRAPH_BACKEND"
os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # or each graph that is bound prints two lines


def import_block(
    symbol: Path, params: Path, input_name: str, context: mx.Context
) -> gluon.SymbolBlock:
    """The network in a symbol file and a parameter file."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Cannot decide type"
        )  # of the input: it is settled when it comes
        return gluon.SymbolBlock.imports(str(symbol), [input_name], str(params), ctx=context)


def open_symbol_block(symbol: Path, params: Path, input_name: str) -> Run:
    """By Gluon's SymbolBlock, as gluon_hash.deploy.Predictor does it."""
    return block_runner(import_block(symbol, params, input_name, mx.cpu()), mx.cpu())


def block_runner(block: HybridBlock, context: mx.Context) -> Run:
    """Arrays through a block, one call at a time: MXNet's graphs are not safe between threads."""
    lock = threading.Lock()

    def run(inputs: np.ndarray) -> np.ndarray:
        with lock:
            return block(nd.array(inputs, context, inputs.dtype)).asnumpy()

    return run


def open_module(symbol: Path, params: Path, input_name: str) -> Run:
    """By mx.mod.Module, MXNet's older interface of Python."""
    graph = Graph.load(symbol, params)
    module = mx.mod.Module(graph.symbol, [input_name], None, context=mx.cpu())

    def run(inputs: np.ndarray) -> np.ndarray:
        described = [mx.io.DataDesc(input_name, inputs.shape, dtype=inputs.dtype)]
        if not module.binded:
            module.bind(described, for_training=False)
            module.set_params(graph.arguments, graph.states)
        elif module.data_shapes[0].shape != inputs.shape:
            module.reshape(described)
        batch = mx.io.DataBatch([nd.array(inputs, dtype=inputs.dtype)])
        module.forward(batch, is_train=False)
        return module.get_outputs()[0].asnumpy()

    return run


class CPredictor:
    """By the C predict API, which programs in C++ use; inputs are float32, whatever the graph's.

    Raises
    ------
    RuntimeError
        With MXNet's message, if a call fails.
    """

    def __init__(self, symbol: Path, params: Path, input_name: str) -> None:
        self._symbol, self._params = symbol.read_bytes(), params.read_bytes()
        self._name, self._library = input_name.encode(), mx.base._LIB
        self._handle: ctypes.c_void_p | None = None
        self._shape: tuple[int, ...] = ()

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs for inputs of any number; another shape costs a new graph."""
        if inputs.shape != self._shape:
            self._create(inputs.shape)
        values = np.ascontiguousarray(inputs, np.float32)
        address = values.ctypes.data_as(ctypes.c_void_p)
        size = ctypes.c_uint(values.size)
        name = ctypes.c_char_p(self._name)
        _call(self._library.MXPredSetInput, self._handle, name, address, size)
        _call(self._library.MXPredForward, self._handle)
        return self._output()

    def __del__(self) -> None:
        self._free()

    def _create(self, shape: tuple[int, ...]) -> None:
        """A predictor for inputs of this shape, in place of that for another."""
        self._free()
        handle = ctypes.c_void_p()
        _call(
            self._library.MXPredCreate,
            ctypes.c_char_p(self._symbol),
            ctypes.c_char_p(self._params),
            ctypes.c_int(len(self._params)),
            ctypes.c_int(CPU),
            ctypes.c_int(0),
            ctypes.c_uint(1),
            (ctypes.c_char_p * 1)(self._name),
            (ctypes.c_uint * 2)(0, len(shape)),
            (ctypes.c_uint * len(shape))(*shape),
            ctypes.byref(handle),
        )
        self._handle, self._shape = handle, shape

    def _output(self) -> np.ndarray:
        sizes, count, kind = ctypes.POINTER(ctypes.c_uint)(), ctypes.c_uint(), ctypes.c_int()
        first = ctypes.c_uint(0)
        shape = (ctypes.byref(sizes), ctypes.byref(count))
        _call(self._library.MXPredGetOutputShape, self._handle, first, *shape)
        _call(self._library.MXPredGetOutputType, self._handle, first, ctypes.byref(kind))
        output = np.zeros([sizes[axis] for axis in range(count.value)], np.float32)
        address, size = output.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint(output.size)
        _call(self._library.MXPredGetOutput, self._handle, first, address, size)
        if kind.value == UINT8:  # the bytes come one after the other
            return output.view(np.uint8).ravel()[: output.size].reshape(output.shape).copy()
        return output

    def _free(self) -> None:
        if self._handle is not None:
            self._library.MXPredFree(self._handle)
            self._handle = None


# by name: of those that read symbol and params
MXNET_RUNTIMES: dict[str, Callable[[Path, Path, str], Run]] = {
    "symbol": open_symbol_block,
    "module": open_module,
    "c_api": CPredictor,
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


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        raise RuntimeError(mx.base.py_str(mx.base._LIB.MXGetLastError()))

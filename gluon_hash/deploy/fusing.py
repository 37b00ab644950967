"""A graph of images on the CPU, as fast as MXNet runs it: operations fused, memory planned once.

oneDNN computes a convolution, the sum and the activation behind it in one pass. MXNet 1.9.1 keeps
what such an operation prepares, its weights in the order of the processor, only while memory is
planned for one shape and that shape stays; for another it prepares again, which costs more than
fusing saves. So there is a fused graph for one image and one for BATCH of them; batches are
divided, and what is left over runs as it is written.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

import numpy as np

from gluon_hash.deploy.agreement import TOLERANCE
from gluon_hash.deploy.graph import INPUT_NAME, Graph
from gluon_hash.engine import gluon, mx, nd
from gluon_hash.progress import log

__all__ = ["BATCH", "as_block", "graph_runner"]

BATCH = 32
BACKEND = "MKLDNN"  # oneDNN's former name
FUSED_ALREADY = "_sg_mkldnn_"  # the operators of int8 networks
MOST_FLIPPED = 0.01  # fraction of bits, where a graph gives packed codes


def as_block(
    symbol: mx.sym.Symbol, graph: Graph, input_name: str, params: gluon.ParameterDict | None = None
) -> gluon.SymbolBlock:
    """A symbol with the arrays of a graph, or with those of another block of it (``params``)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Cannot decide type")  # of the input
        block = gluon.SymbolBlock(symbol, mx.sym.Variable(input_name), params)
    if params is None:
        arrays = {**graph.arguments, **graph.states}
        for name, parameter in block.collect_params().items():
            parameter.shape, parameter.dtype = arrays[name].shape, arrays[name].dtype
            parameter.initialize(mx.init.Zero(), mx.cpu())  # the others go by the names
            parameter.set_data(arrays[name])
    return block


def graph_runner(
    graph: Graph, *, input_name: str = INPUT_NAME, fused: bool = True
) -> Callable[[np.ndarray], np.ndarray]:
    """Batches of images through a graph, one call at a time: MXNet's are not safe between threads.

    A fused graph is held against the graph as it is written, on random inputs, before it counts:
    of pre-activation networks for CIFAR what MXNet 1.9.1 makes computes something else.

    Parameters
    ----------
    graph : Graph
    input_name : str
    fused : bool
        False: it is known that the fused graph is wrong.

    Returns
    -------
    callable
        Inputs, (N, height, width, 3) or (N, 3, height, width) -> outputs.
    """
    runner, lock = _Runner(graph, input_name, fused), threading.Lock()

    def run(inputs: np.ndarray) -> np.ndarray:
        with lock:
            return runner(inputs)

    return run


class _Runner:
    """The blocks of a graph: as it is written, and fused ones by the number of images."""

    def __init__(self, graph: Graph, input_name: str, fused: bool) -> None:
        self._graph, self._name = graph, input_name
        self._plain = as_block(graph.symbol, graph, input_name)
        self._is_int8 = FUSED_ALREADY in graph.symbol.tojson()
        if self._is_int8:
            _plan_memory(self._plain)
        self._fuses, self._symbol = fused, None
        self._blocks: dict[tuple[int, ...], gluon.SymbolBlock] = {}

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        whole = len(inputs) - len(inputs) % BATCH
        parts = [inputs[start : start + BATCH] for start in range(0, whole, BATCH)]
        if whole < len(inputs):
            parts.append(inputs[whole:])
        outputs = [self._block(part)(_array(part)).asnumpy() for part in parts]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _block(self, inputs: np.ndarray) -> gluon.SymbolBlock:
        if not self._fuses or len(inputs) not in (1, BATCH):
            return self._plain
        if inputs.shape not in self._blocks:
            self._blocks[inputs.shape] = self._fused(inputs)
        return self._blocks[inputs.shape]

    def _fused(self, inputs: np.ndarray) -> gluon.SymbolBlock:
        """The block for one shape; the plain one, from now on for all, if it computes otherwise."""
        if self._symbol is None:
            symbol = self._graph.symbol
            self._symbol = symbol if self._is_int8 else symbol.optimize_for(BACKEND)
        # MXNet does not share int8 parameters between blocks
        shared = None if self._is_int8 else self._plain.collect_params()
        block = as_block(self._symbol, self._graph, self._name, shared)
        _plan_memory(block)
        random = np.random.RandomState(0)
        if inputs.dtype == np.uint8:
            typical = random.randint(0, 256, inputs.shape).astype(np.uint8)
        else:
            typical = random.standard_normal(inputs.shape).astype(inputs.dtype)
        expected, got = (net(_array(typical)).asnumpy() for net in (self._plain, block))
        if _agree(got, expected):
            return block
        self._fuses = False
        self._blocks.clear()
        log("MXNet 1.9.1 fuses this network wrongly; it runs as it is written, a little slower")
        return self._plain


def _plan_memory(block: gluon.SymbolBlock) -> None:
    block.hybridize(static_alloc=True, static_shape=True)


def _array(inputs: np.ndarray) -> nd.NDArray:
    return nd.array(inputs, mx.cpu(), inputs.dtype)


def _agree(output: np.ndarray, expected: np.ndarray) -> bool:
    """Whether relaxed codes are close, or nearly all bits of packed ones the same."""
    if output.dtype == np.uint8:
        return np.unpackbits(output ^ expected).mean() <= MOST_FLIPPED
    bound = TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))
    return bool(np.abs(output - expected).max(initial=0.0) <= bound)

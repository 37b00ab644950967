"""The two files of an exported network, checked before MXNet reads them: it trusts every number.

A symbol file is a graph in JSON: nodes in the order of their computation, each with an operator, a
name, attributes and the outputs of earlier nodes that it reads; ``arg_nodes``, those that stand for
parameters and the input; ``heads``, the outputs. Source: MXNet 1.9.1, nnvm's saveload_json.cc.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, load_json, reading
from gluon_hash.guard.params_files import StoredTensor, check_params

__all__ = ["OPERATORS", "check_network", "check_shapes"]

VARIABLE = "null"
# Operators of the networks that are exported, by how many inputs they take. Others are refused:
# some of MXNet's read addresses of memory from their attributes, or run Python.
ONE = """
    Activation BlockGrad Cast Dropout Flatten L2Normalization LeakyReLU Pad Pooling Reshape
    cast clip exp expand_dims identity log mean relu reshape sigmoid sign slice_axis softmax sqrt
    square squeeze sum tanh transpose
    _copy _div_scalar _equal_scalar _greater_equal_scalar _greater_scalar _lesser_equal_scalar
    _lesser_scalar _maximum_scalar _minimum_scalar _minus_scalar _mul_scalar _not_equal_scalar
    _plus_scalar _power_scalar _rdiv_scalar _rminus_scalar _contrib_quantize_v2
"""
TWO = """
    broadcast_add broadcast_div broadcast_mul broadcast_sub dot elemwise_add elemwise_div
    elemwise_mul elemwise_sub
"""
THREE = """
    LayerNorm _contrib_dequantize _contrib_quantized_act _contrib_quantized_flatten
    _contrib_quantized_pooling
"""
NUM_INPUTS: dict[str, Collection[int]] = {
    **{name: (1,) for name in ONE.split()},
    **{name: (2,) for name in TWO.split()},
    **{name: (3,) for name in THREE.split()},
    "BatchNorm": (5,),
    "Convolution": (2, 3),
    "FullyConnected": (2, 3),
    "Concat": range(1, 1000),
    "add_n": range(1, 1000),
    # of int8 networks: a value, its smallest and its largest one for some or all of the inputs
    "_contrib_quantized_batch_norm": (7,),
    "_sg_mkldnn_conv": range(2, 20),
    "_sg_mkldnn_fully_connected": range(2, 20),
}
OPERATORS = frozenset(NUM_INPUTS)
WITH_GRAPH = ("_sg_mkldnn_conv", "_sg_mkldnn_fully_connected")  # several layers as one
QUANTIZED = re.compile(r"_contrib_quantize.*|_sg_mkldnn_.*")
FLOAT_OUTPUT = "enable_float_output"
MOST_VERSIONS = 1000  # an input that a node changes, a running mean, counts how often it was
VERSIONS = (10000, 20000)  # of MXNet, 10901 is 1.9.1: this one, and the first that is too new
SYMBOL_LIMIT = 64 << 20  # bytes; ResNet-152's has 400,000
MOST_NODES = 100_000
LONGEST_TEXT = 4096  # characters of a name or an attribute
# attributes that sizes are computed with, or divided by: lowest and highest value
BOUNDS = {
    "kernel": (1, 1024),
    "stride": (1, 1024),
    "dilate": (1, 1024),
    "pad": (0, 1024),
    "num_group": (1, 1 << 16),
    "num_filter": (1, 1 << 20),
    "num_hidden": (1, 1 << 20),
    "num_args": (1, 1 << 10),
    "pad_width": (0, 1024),
}
INTEGERS = re.compile(r"[(\[]?\s*(\d{1,9}L?(\s*,\s*\d{1,9}L?)*,?)?\s*[)\]]?")
AXES = re.compile(r"(axis|axes|begin|end|shape|__shape__)")  # small, and may be negative or None
LARGEST_AXIS = 1 << 20


class Node(BaseModel):
    """An operator or a variable of a graph."""

    model_config = ConfigDict(strict=True, extra="forbid")

    op: str
    name: str
    attrs: dict[str, str] = {}
    inputs: list[list[int]]
    subgraphs: list[Graph] = []

    def num_outputs(self) -> int:
        """That other nodes may read: of an int8 value, its smallest and largest one too."""
        on = {key for key, value in self.attrs.items() if value.lower() in ("true", "1")}
        integers = self.op.startswith("_contrib_quantize") or "quantized" in on
        return 3 if QUANTIZED.fullmatch(self.op) and integers and FLOAT_OUTPUT not in on else 1


class Graph(BaseModel):
    """A symbol file, or the layers that one node of it stands for."""

    model_config = ConfigDict(strict=True, extra="forbid")

    nodes: list[Node]
    arg_nodes: list[int]
    node_row_ptr: list[int]
    heads: list[list[int]]
    attrs: dict[str, Any] = {}


class Network(NamedTuple):
    """What is known of a network once its files are checked."""

    operators: frozenset[str]
    tensors: dict[str, StoredTensor]  # by the names of the parameter file: arg:..., aux:...


def check_network(
    symbol: str | os.PathLike[str], params: str | os.PathLike[str], input_name: str
) -> Network:
    """Check the two files of a network against what MXNet takes for granted, and each other.

    Parameters
    ----------
    symbol, params : path-like
        NAME-symbol.json and NAME-0000.params.
    input_name : str
        The variable that is not a parameter.

    Raises
    ------
    DataError
        If a file is damaged, the graph holds operators that are not of the networks exported here,
        or the parameters are not those that the graph reads.
    FileNotFoundError
        If there is no parameter file.
    """
    values = load_json(symbol, made_by="gluon-hash export", limit=SYMBOL_LIMIT)
    try:
        graph = as_schema(values, Graph, symbol)
        _check_version(graph)
        nodes = _checked_nodes(graph)
    except _GraphError as error:
        raise DataError(f"not a symbol file of MXNet, or damaged: {error}", path=symbol) from error
    variables = [node.name for node in nodes if node.op == VARIABLE]
    if variables.count(input_name) != 1:
        raise DataError(f"the graph has no input {input_name!r}", path=symbol)
    tensors = check_params(params)
    stored = [name[len("arg:") :] for name in tensors]
    strange = [name for name in tensors if not name.startswith(("arg:", "aux:"))]
    strange = strange or sorted(set(variables) ^ {input_name, *stored})
    if strange or len(set(stored)) != len(stored):
        raise DataError(
            f"its tensors are not those that the graph reads, {', '.join(strange[:3]) or 'twice'}; "
            "export again",
            path=params,
        )
    return Network(frozenset(node.op for node in nodes), tensors)


def check_shapes(
    symbol: str | os.PathLike[str],
    params: str | os.PathLike[str],
    input_name: str,
    input_shape: Sequence[int],
) -> tuple[int, ...]:
    """The shape of the output for one input, from the shapes of the parameters; needs MXNet.

    Parameters
    ----------
    symbol, params, input_name
        As of check_network, which has found them good.
    input_shape : sequence of int
        Of one input, without the axis of the batch.

    Raises
    ------
    DataError
        If MXNet finds that the shapes do not fit each other.
    """
    from gluon_hash.engine import mx

    stored = {name[len("arg:") :]: tensor.shape for name, tensor in check_params(params).items()}
    with reading(symbol, "symbol file of MXNet", "export again"):
        graph = mx.sym.load(os.fspath(symbol))
    arguments = {name: stored[name] for name in graph.list_arguments() if name in stored}
    arguments[input_name] = (1, *input_shape)
    try:
        found, outputs, states = graph.infer_shape(**arguments)
    except mx.MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DataError(f"its shapes do not fit each other: {reason}", path=symbol) from error
    names = (*graph.list_arguments(), *graph.list_auxiliary_states())
    for name, shape in zip(names, (*(found or ()), *(states or ()))):
        if name != input_name and stored[name] != shape:
            raise DataError(f"{name}: expected shape {shape}, got {stored[name]}", path=params)
    if not outputs:
        raise DataError("the shape of its output is not known", path=symbol)
    return tuple(outputs[0])


class _GraphError(ValueError):
    """What is wrong with a graph, for the message that names its file."""


def _check_version(graph: Graph) -> None:
    """Graphs of older versions are not read: MXNet would rewrite them first, without checks."""
    if list(graph.attrs) == ["mxnet_version"]:
        match graph.attrs["mxnet_version"]:
            case ["int", int(version)] if VERSIONS[0] <= version < VERSIONS[1]:
                return
    raise _GraphError(
        f"expected mxnet_version from {VERSIONS[0]} in attrs, got {graph.attrs!r:.80}"
    )


def _checked_nodes(graph: Graph) -> list[Node]:
    nodes, count = graph.nodes, len(graph.nodes)
    if not 1 <= count <= MOST_NODES:
        raise _GraphError(f"it has {count} nodes, expected 1 to {MOST_NODES}")
    for number, node in enumerate(nodes):
        _check_node(number, node)
        for entry in node.inputs:
            _check_entry(f"an input of node {number}", entry, number, nodes)
    variables = [number for number, node in enumerate(nodes) if node.op == VARIABLE]
    if len({node.name for node in nodes}) != count:
        raise _GraphError("the name of a node appears twice")
    if graph.arg_nodes != variables:
        raise _GraphError("arg_nodes is not the list of its variables")
    if len(graph.node_row_ptr) != count + 1:
        raise _GraphError(f"node_row_ptr has not {count + 1} entries")
    if len(graph.heads) != 1:
        raise _GraphError(f"it has {len(graph.heads)} outputs, expected one")
    _check_entry("its output", graph.heads[0], count, nodes)
    needed = {graph.heads[0][0]}
    for number in range(count - 1, -1, -1):  # what a node reads comes before it
        if number not in needed:
            raise _GraphError(f"its output does not depend on node {number}")
        needed.update(entry[0] for entry in nodes[number].inputs)
    return nodes


def _check_node(number: int, node: Node) -> None:
    if not 1 <= len(node.name) <= LONGEST_TEXT or not node.name.isprintable():
        raise _GraphError(f"node {number} has the name {node.name[:60]!r}")
    if node.op != VARIABLE and node.op not in OPERATORS:
        raise _GraphError(
            f"node {number} is of the operator {node.op[:60]!r}, which is not one of the "
            "networks that gluon_hash exports"
        )
    if len(node.inputs) not in NUM_INPUTS.get(node.op, (0,)):
        raise _GraphError(f"node {number}, {node.op}, has {len(node.inputs)} inputs")
    for key, value in node.attrs.items():
        _check_attribute(number, key, value)
    if len(node.subgraphs) != (node.op in WITH_GRAPH):
        raise _GraphError(f"node {number}, {node.op}, has {len(node.subgraphs)} graphs inside")
    for inner in node.subgraphs:
        if any(QUANTIZED.fullmatch(layer.op) for layer in inner.nodes):
            raise _GraphError(f"node {number} has int8 layers inside")
        _checked_nodes(inner)


def _check_entry(where: str, entry: list[int], end: int, nodes: list[Node]) -> None:
    """A node before ``end``, one of its outputs, and a version."""
    fits = len(entry) == 3 and 0 <= entry[0] < end
    if not fits or not 0 <= entry[1] < nodes[entry[0]].num_outputs():
        raise _GraphError(f"{where} is {entry}, expected [a node before it, its output, a version]")
    if not 0 <= entry[2] <= MOST_VERSIONS:
        raise _GraphError(f"{where} is of version {entry[2]}")


def _check_attribute(number: int, key: str, value: str) -> None:
    fits = len(key) <= LONGEST_TEXT and len(value) <= LONGEST_TEXT
    if key in BOUNDS:
        lowest, highest = BOUNDS[key]
        sizes = [int(size) for size in re.findall(r"\d+", value)]
        fits = fits and INTEGERS.fullmatch(value) is not None
        fits = fits and all(lowest <= size <= highest for size in sizes)
    elif AXES.fullmatch(key):
        digits = re.findall(r"\d+", value)
        fits = fits and all(len(text) <= 9 and int(text) <= LARGEST_AXIS for text in digits)
    if not fits:
        raise _GraphError(f"node {number} has the attribute {key[:60]} {value[:60]!r}")

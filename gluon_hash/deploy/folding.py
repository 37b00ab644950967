"""Batch norms folded into the convolutions before them: fewer operations, the same outputs.

With the statistics fixed, a batch norm after a convolution is a factor and a shift of each of its
output planes (Jacob et al. 2018, section 3.2), so that weight and bias can carry them. One that
comes before its convolution, as in a pre-activation ResNet (v2), stays.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from gluon_hash.deploy.graph import Graph
from gluon_hash.engine import mx, nd

__all__ = ["fold_batch_norms"]

NORM = ("gamma", "beta", "mean", "var")  # a BatchNorm's inputs after the first, in order


def fold_batch_norms(graph: Graph) -> Graph:
    """The graph without the batch norms that follow a convolution; the same outputs.

    Weights and biases take in factors and shifts in float64; the parameters of what was folded are
    gone. A convolution that something else reads too keeps its batch norm.
    """
    traced = json.loads(graph.symbol.tojson())
    arrays = {**graph.arguments, **graph.states}
    nodes, readers = traced["nodes"], _readers(traced)
    replaced = {}
    for number, node in enumerate(nodes):
        if node["op"] != "BatchNorm":
            continue
        source, output = node["inputs"][0][:2]
        if nodes[source]["op"] == "Convolution" and output == 0 and readers[source] == 1:
            _fold(nodes, nodes[source], node, arrays)
            replaced[number] = source
    symbol = mx.sym.load_json(json.dumps(_without(traced, replaced)))
    return Graph(
        symbol,
        {name: arrays[name] for name in symbol.list_arguments() if name in arrays},
        {name: arrays[name] for name in symbol.list_auxiliary_states()},
    )


def _readers(graph: dict[str, Any]) -> Counter[int]:
    """How often each node's output is read."""
    read = [entry[0] for node in graph["nodes"] for entry in node["inputs"]]
    return Counter(read + [head[0] for head in graph["heads"]])


def _fold(nodes: list[dict], convolution: dict, norm: dict, arrays: dict[str, Any]) -> None:
    """Put a batch norm's factor and shift into the weight and the bias of a convolution."""
    attributes = norm.get("attrs", {})
    names = [nodes[entry[0]]["name"] for entry in norm["inputs"][1:]]
    gamma, beta, mean, variance = (arrays[name].asnumpy().astype(np.float64) for name in names)
    if attributes.get("fix_gamma", "True") == "True":
        gamma = np.ones_like(gamma)
    factor = gamma / np.sqrt(variance + float(attributes.get("eps", 1e-3)))
    weight_name = nodes[convolution["inputs"][1][0]]["name"]
    weight = arrays[weight_name].asnumpy().astype(np.float64)
    bias = np.zeros(len(factor))
    if len(convolution["inputs"]) > 2:
        bias = arrays[nodes[convolution["inputs"][2][0]]["name"]].asnumpy().astype(np.float64)
    arrays[weight_name] = nd.array(weight * factor.reshape(-1, 1, 1, 1), dtype="float32")
    # the bias takes the place of the norm's shift, whose name and node are free now
    arrays[names[NORM.index("beta")]] = nd.array(beta + (bias - mean) * factor, dtype="float32")
    convolution["inputs"] = [*convolution["inputs"][:2], norm["inputs"][1 + NORM.index("beta")]]
    convolution["attrs"]["no_bias"] = "False"


def _without(graph: dict[str, Any], replaced: Mapping[int, int]) -> dict[str, Any]:
    """The graph with each replaced node's readers on its replacement, and nothing unread."""
    nodes = graph["nodes"]

    def resolved(entry: list[int]) -> list[int]:
        return [replaced[entry[0]], 0, 0] if entry[0] in replaced else entry

    for node in nodes:
        node["inputs"] = [resolved(entry) for entry in node["inputs"]]
    heads = [resolved(head) for head in graph["heads"]]
    order, seen = [], set()

    def visit(number: int) -> None:  # inputs first, as MXNet wants its nodes
        waiting = [(number, False)]
        while waiting:
            current, done = waiting.pop()
            if done:
                order.append(current)
            elif current not in seen:
                seen.add(current)
                waiting.append((current, True))
                waiting += [(entry[0], False) for entry in reversed(nodes[current]["inputs"])]

    for head in heads:
        visit(head[0])
    place = {number: position for position, number in enumerate(order)}

    def moved(entry: list[int]) -> list[int]:
        return [place[entry[0]], *entry[1:]]

    kept = [
        {**nodes[number], "inputs": [moved(entry) for entry in nodes[number]["inputs"]]}
        for number in order
    ]
    return {
        "nodes": kept,
        "arg_nodes": [number for number, node in enumerate(kept) if node["op"] == "null"],
        "node_row_ptr": list(range(len(kept) + 1)),
        "heads": [moved(head) for head in heads],
        "attrs": graph.get("attrs", {}),
    }

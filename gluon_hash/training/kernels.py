"""A network's graph as oneDNN trains it fastest on a CPU: the same outputs, gradients to rounding.

oneDNN has no fast kernel for the gradient of an average over 8 x 8 of 64 planes, which ends a
ResNet for CIFAR: it takes its reference kernel, in a layout for which the batch norms before it
have none either. The two are 40 % of a step. MXNet's adaptive average gives the same bits, and its
gradient is a plain loop. In bfloat16 a first convolution of 3 planes would leave the layout that
all others have: it stays in float32.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gluon_hash.engine import mx

__all__ = ["KERNELS", "averages_by_loops", "first_products", "has_fast_kernels"]

KERNELS = ("compatible", "fast")
AVERAGE = {"global_pool": "True", "pool_type": "avg"}  # attributes of such a pooling


def has_fast_kernels(contexts: Sequence[mx.Context]) -> bool:
    """Whether graphs are changed on these devices: on CPUs; cuDNN needs none of it."""
    return all(context.device_type == "cpu" for context in contexts)


def averages_by_loops(symbol: mx.sym.Symbol) -> mx.sym.Symbol:
    """The graph with MXNet's adaptive average in place of each average over all of a plane.

    Parameters
    ----------
    symbol : Symbol
        Itself, if there is no such average.
    """
    graph = json.loads(symbol.tojson())
    averages = [
        node
        for node in graph["nodes"]
        if node["op"] == "Pooling" and AVERAGE.items() <= node.get("attrs", {}).items()
    ]
    if not averages:
        return symbol
    for node in averages:
        node["op"], node["attrs"] = "_contrib_AdaptiveAvgPooling2D", {"output_size": "1"}
    return mx.sym.load_json(json.dumps(graph))


def first_products(symbol: mx.sym.Symbol, input_name: str) -> list[str]:
    """The names of the convolutions that read an input of the graph as it comes."""
    nodes = json.loads(symbol.tojson())["nodes"]
    return [
        node["name"]
        for node in nodes
        if node["op"] == "Convolution" and nodes[node["inputs"][0][0]]["name"] == input_name
    ]

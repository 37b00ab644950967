"""A traced network: its symbol and the arrays that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gluon_hash.engine import HybridBlock, mx, nd
from gluon_hash.nets.weights import read_params

__all__ = ["INPUT_NAME", "Graph"]

INPUT_NAME = "data"


@dataclass(frozen=True)
class Graph:
    """A symbol with one input and one output, in inference mode.

    Parameters
    ----------
    symbol : Symbol
    arguments : dict of str to NDArray
        Trained parameters, on the CPU.
    states : dict of str to NDArray
        What is not trained by gradients ("auxiliary states"): running statistics.
    """

    symbol: mx.sym.Symbol
    arguments: dict[str, nd.NDArray]
    states: dict[str, nd.NDArray]

    @classmethod
    def of(cls, block: HybridBlock) -> Graph:
        """Trace a block whose parameters are set; it stays as it is."""
        symbol = block(mx.sym.Variable(INPUT_NAME))
        values = {
            parameter.name: parameter.data(parameter.list_ctx()[0]).as_in_context(mx.cpu())
            for parameter in block.collect_params().values()
        }
        return cls(
            symbol,
            {name: values[name] for name in symbol.list_arguments() if name != INPUT_NAME},
            {name: values[name] for name in symbol.list_auxiliary_states()},
        )

    @classmethod
    def load(cls, symbol: Path, params: Path) -> Graph:
        """What save has written; check_network has found the files good."""
        kinds: dict[str, dict[str, nd.NDArray]] = {"arg": {}, "aux": {}}
        for name, array in read_params(params).items():
            kind, _, rest = name.partition(":")
            kinds[kind][rest] = array
        return cls(mx.sym.load(str(symbol)), kinds["arg"], kinds["aux"])

    def between(self, before: HybridBlock | None, after: HybridBlock | None) -> Graph:
        """The graph with a block before its input and one after its output; their own constants."""
        value, blocks = mx.sym.Variable(INPUT_NAME), [b for b in (before, after) if b is not None]
        for block in blocks:
            block.initialize()
        if before is not None:
            value = before(value)
        value = self.symbol(**{INPUT_NAME: value})
        if after is not None:
            value = after(value)
        own = {key: v.data() for block in blocks for key, v in block.collect_params().items()}
        return Graph(value, {**self.arguments, **own}, self.states)

    def save(self, symbol: Path, params: Path) -> None:
        """Write the two files in MXNet's own formats: names with "arg:" and "aux:" before them."""
        self.symbol.save(str(symbol))
        named = {f"arg:{name}": value for name, value in self.arguments.items()}
        nd.save(str(params), {**named, **{f"aux:{key}": v for key, v in self.states.items()}})

"""What a method remembers from batch to batch and hands to its loss.

A loss is called (code, level_labels, *arrays of the memory, *outputs of the head): memories hold
the state so that losses hold none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gluon_hash.engine import mx, nd

__all__ = ["FixedTargets", "InOrder", "Memory", "PerEpoch"]


class Memory:
    """Nothing: what a loss needs that looks at its batch alone, and the base of all memories.

    The trainer calls, for every epoch, start; for every batch arrays, then observe; finish.

    Attributes
    ----------
    passes : int
        How often ``finish`` runs the network over the training images.
    """

    passes = 0

    def start(self, epoch: int) -> None:
        """Get ready for epoch ``epoch`` (from 0)."""

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """What the loss takes after code and labels, for the images ``ids`` of a batch."""
        return []

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Take in the codes of the batch just trained on."""

    def finish(self, epoch: int) -> dict[str, Any]:
        """End the epoch; returns what is worth a place in the log, as JSON values."""
        return {}

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps, inside an epoch too: all that later calls depend on."""
        return {}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Put back what state returned; inside an epoch, start was called before."""


class FixedTargets(Memory):
    """Arrays that never change: binary targets, class embeddings.

    Parameters
    ----------
    targets : sequence of float32 arrays
        Derived from the seed and the hierarchy, so that a checkpoint need not keep them.
    """

    def __init__(self, targets: Sequence[np.ndarray]) -> None:
        self.targets = list(targets)
        self._on: dict[mx.Context, list[nd.NDArray]] = {}

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """The targets on ``context``."""
        if context not in self._on:
            self._on[context] = [nd.array(target, context) for target in self.targets]
        return self._on[context]


class InOrder(Memory):
    """Two memories, the arrays of the first ahead of those of the second.

    Parameters
    ----------
    first, second : Memory
    name : str
        Of the second, in checkpoints; the first has no name there.
    """

    def __init__(self, first: Memory, second: Memory, name: str) -> None:
        self._first, self._second, self._prefix = first, second, f"{name}_"
        self.passes = first.passes + second.passes

    def start(self, epoch: int) -> None:
        """Of both."""
        self._first.start(epoch)
        self._second.start(epoch)

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """Of the first, then of the second."""
        return [*self._first.arrays(context, ids), *self._second.arrays(context, ids)]

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Of both."""
        self._first.observe(code, level_labels, ids)
        self._second.observe(code, level_labels, ids)

    def finish(self, epoch: int) -> dict[str, Any]:
        """Of both."""
        return {**self._first.finish(epoch), **self._second.finish(epoch)}

    def state(self) -> dict[str, np.ndarray]:
        """Of both, the second's with its name before theirs."""
        named = {self._prefix + key: value for key, value in self._second.state().items()}
        return {**self._first.state(), **named}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state."""
        length = len(self._prefix)
        self._first.load_state(state)
        self._second.load_state(
            {key[length:]: value for key, value in state.items() if key.startswith(self._prefix)}
        )


class PerEpoch(Memory):
    """Arrays that are a function of the epoch, ahead of those of another memory.

    Parameters
    ----------
    value : callable
        Epoch (from 0) -> float array.
    then : Memory, optional
    """

    def __init__(self, value: Callable[[int], np.ndarray], then: Memory | None = None) -> None:
        self._value, self._then = value, then or Memory()
        self._now = FixedTargets([np.asarray(value(0), np.float32)])

    def start(self, epoch: int) -> None:
        """Take the value of this epoch."""
        self._now = FixedTargets([np.asarray(self._value(epoch), np.float32)])
        self._then.start(epoch)

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """The value, then the arrays of the other memory."""
        return [*self._now.arrays(context, ids), *self._then.arrays(context, ids)]

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Handed on."""
        self._then.observe(code, level_labels, ids)

    def finish(self, epoch: int) -> dict[str, Any]:
        """Handed on."""
        return self._then.finish(epoch)

    def state(self) -> dict[str, np.ndarray]:
        """Of the other memory: the value follows from the epoch."""
        return self._then.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Handed on."""
        self._then.load_state(state)

"""What a method remembers from batch to batch and hands to its loss: class centers, fixed targets,
a scale, nothing.

A loss is called (code, level_labels, *arrays of the memory, *outputs of the head): memories hold
the state so that losses hold none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from gluon_hash.engine import mx, nd
from gluon_hash.methods.memory import centers as class_centers

__all__ = ["CenterMemory", "FixedTargets", "Memory", "Nothing", "PerEpoch"]


class Memory(Protocol):
    """What the trainer calls, in this order."""

    def start(self, epoch: int) -> None:
        """Before epoch ``epoch`` (from 0)."""

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """What the loss takes after code and labels, for the images ``ids`` of a batch."""

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """The codes of the batch just trained on."""

    def finish(self, epoch: int) -> dict[str, Any]:
        """After the epoch; returns what is worth a place in the log."""

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state."""


class Nothing:
    """For losses that need the batch alone."""

    def start(self, epoch: int) -> None:
        """Nothing to do."""

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """No arrays."""
        return []

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Nothing is kept."""

    def finish(self, epoch: int) -> dict[str, Any]:
        """Nothing to log."""
        return {}

    def state(self) -> dict[str, np.ndarray]:
        """Nothing to keep."""
        return {}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing was kept."""


class FixedTargets(Nothing):
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


class PerEpoch(Nothing):
    """Arrays that are a function of the epoch, ahead of those of another memory.

    Parameters
    ----------
    value : callable
        Epoch (from 0) -> float array.
    then : Memory, optional
    """

    def __init__(self, value: Callable[[int], np.ndarray], then: Memory | None = None) -> None:
        self._value, self._then = value, then or Nothing()
        self._now = np.asarray(value(0), np.float32)

    def start(self, epoch: int) -> None:
        """Take the value of this epoch."""
        self._now = np.asarray(self._value(epoch), np.float32)
        self._then.start(epoch)

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """The value, then the arrays of the other memory."""
        return [nd.array(self._now, context), *self._then.arrays(context, ids)]

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


class Refresh(Protocol):
    """Where the codes for the class centers come from; see gluon_hash.methods.memory.refresh."""

    def start(self) -> None: ...
    def observe(self, code: nd.NDArray, label: nd.NDArray) -> None: ...
    def finish(self) -> tuple[np.ndarray, np.ndarray]: ...


class CenterMemory:
    """Class centers, refreshed after every epoch; no gradient, no momentum.

    Parameters
    ----------
    centers : list of K float32 arrays
        Class centers of the levels that the loss uses, finest first, shape (num_classes[k],
        num_bits).
    parents : sequence of K - 1 int arrays
        Their hierarchy.
    refresh : InferenceRefresh or RunningRefresh
    keep_initial_epochs : int
        The centers are refreshed after this epoch (counted from 1) and every later one.

    Source: arXiv:1901.11259. keep_initial_epochs > 1 is ours.
    """

    def __init__(
        self,
        centers: Sequence[np.ndarray],
        parents: Sequence[np.ndarray],
        refresh: Refresh,
        *,
        keep_initial_epochs: int = 1,
    ) -> None:
        if len(parents) != len(centers) - 1:
            raise ValueError(
                f"CenterMemory: {len(centers)} levels of centers need {len(centers) - 1} tables of "
                f"parents, got {len(parents)}"
            )
        self.centers, self._parents, self._refresh = list(centers), parents, refresh
        self._keep_initial_epochs = keep_initial_epochs
        self._on: dict[mx.Context, list[nd.NDArray]] = {}

    def start(self, epoch: int) -> None:
        """Forget the codes of the epoch before."""
        self._refresh.start()
        self._on = {}

    def arrays(self, context: mx.Context, ids: np.ndarray) -> list[nd.NDArray]:
        """The centers of every level."""
        if context not in self._on:
            self._on[context] = [nd.array(center, context) for center in self.centers]
        return self._on[context]

    def observe(self, code: nd.NDArray, level_labels: nd.NDArray, ids: np.ndarray) -> None:
        """Codes for the running refresh."""
        self._refresh.observe(code, level_labels[:, 0])

    def finish(self, epoch: int) -> dict[str, Any]:
        """Refresh; returns center_shift (code units) and empty_classes (list of fine classes)."""
        if epoch + 1 < self._keep_initial_epochs:
            return {"center_shift": 0.0, "empty_classes": []}
        fine, empty = class_centers.class_means(*self._refresh.finish(), self.centers[0])
        shift = class_centers.center_shift(self.centers[0], fine)
        self.centers = class_centers.parent_centers(fine, self._parents)
        return {"center_shift": shift, "empty_classes": empty.tolist()}

    def state(self) -> dict[str, np.ndarray]:
        """The centers by level."""
        return {f"level_{k}": center for k, center in enumerate(self.centers)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state."""
        self.centers = [state[f"level_{k}"] for k in range(len(self.centers))]

"""Class centers as a memory, and where their codes come from: a pass of its own, or the epoch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from gluon_hash.engine import mx, nd
from gluon_hash.methods.memory import centers as class_centers
from gluon_hash.methods.memory.base import Memory
from gluon_hash.methods.memory.centers import class_sums

__all__ = ["CenterMemory", "InferenceRefresh", "Refresh", "RunningRefresh"]


class Refresh(Protocol):
    """Where the codes for the class centers come from."""

    def start(self) -> None:
        """Before an epoch."""

    def observe(self, code: nd.NDArray, label: nd.NDArray) -> None:
        """The codes (batch_size, num_bits) and fine labels (batch_size,) of a batch."""

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (num_classes, num_bits) and counts (num_classes,) of the codes of each class."""

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint inside an epoch keeps."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Put back what state returned, after start; other entries are not read."""


class InferenceRefresh:
    """One more pass over the training images, in inference mode with the evaluation transform.

    Parameters
    ----------
    encode : callable
        Returns the relaxed codes, float32 (N, num_bits), and the fine labels, int (N,), of the
        training images.
    num_classes : int
        Classes at the finest level.

    Source: arXiv:1901.11259. The released code makes this pass in training mode with random crops.
    """

    def __init__(
        self, encode: Callable[[], tuple[np.ndarray, np.ndarray]], num_classes: int
    ) -> None:
        self._encode, self._num_classes = encode, num_classes

    def start(self) -> None:
        """Nothing to do before an epoch."""

    def observe(self, code: nd.NDArray, label: nd.NDArray) -> None:
        """The codes of the training pass are not used."""

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (num_classes, num_bits) and counts (num_classes,) of the codes of each class."""
        return class_sums(*self._encode(), self._num_classes)

    def state(self) -> dict[str, np.ndarray]:
        """Nothing."""
        return {}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing to put back."""


class RunningRefresh:
    """The codes of the training pass itself (ours): no second pass. Sums stay on the device.

    Parameters
    ----------
    num_classes, num_bits : int
    contexts : sequence of Context
        Where the codes are made.
    """

    def __init__(self, num_classes: int, num_bits: int, contexts: Sequence[mx.Context]) -> None:
        self._shape, self._contexts = (num_classes, num_bits), contexts
        self.start()

    def start(self) -> None:
        """Forget the codes of the epoch before."""
        self._sums = {context: nd.zeros(self._shape, context) for context in self._contexts}
        self._counts = {context: nd.zeros(self._shape[:1], context) for context in self._contexts}

    def observe(self, code: nd.NDArray, label: nd.NDArray) -> None:
        """Add codes (batch_size, num_bits) of fine labels (batch_size,).

        Neither waits nor copies to the host.
        """
        member = nd.one_hot(label, self._shape[0])  # (batch_size, num_classes)
        self._sums[code.context] += nd.dot(member, code.detach(), transpose_a=True)
        self._counts[code.context] += member.sum(axis=0)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (num_classes, num_bits) and counts (num_classes,) of the codes of each class."""
        return (
            np.sum([value.asnumpy() for value in self._sums.values()], axis=0),
            np.sum([value.asnumpy() for value in self._counts.values()], axis=0),
        )

    def state(self) -> dict[str, np.ndarray]:
        """Sums and counts so far of every context, in their order."""
        sums, counts = self._sums.values(), self._counts.values()
        return {
            **{f"sums_{number}": value.asnumpy() for number, value in enumerate(sums)},
            **{f"counts_{number}": value.asnumpy() for number, value in enumerate(counts)},
        }

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state; of a run on another number of devices, all goes to the first.

        Older checkpoints, which are not of the inside of an epoch, have none.
        """
        number = 0
        while f"sums_{number}" in state:
            context = self._contexts[number if number < len(self._contexts) else 0]
            self._sums[context] += nd.array(state[f"sums_{number}"], context)
            self._counts[context] += nd.array(state[f"counts_{number}"], context)
            number += 1


class CenterMemory(Memory):
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

    Raises
    ------
    ValueError
        If the numbers of centers and of parents do not fit together.

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
        self.passes = int(isinstance(refresh, InferenceRefresh))
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
        """Codes for the running refresh; one that makes a pass of its own reads none."""
        if not self.passes:
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
        """The centers by level, and what the refresh has gathered in this epoch."""
        levels = {f"level_{k}": center for k, center in enumerate(self.centers)}
        return {**levels, **self._refresh.state()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of state."""
        self.centers = [state[f"level_{k}"] for k in range(len(self.centers))]
        self._refresh.load_state(state)

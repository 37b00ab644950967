"""The codes from which the class centers are refreshed after an epoch: a pass of its own, or the
epoch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gluon_hash.engine import mx, nd
from gluon_hash.methods.memory.centers import class_sums

__all__ = ["InferenceRefresh", "RunningRefresh"]


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
        """Add codes (batch_size, num_bits) of fine labels (batch_size,); neither waits nor copies
        to the host."""
        member = nd.one_hot(label, self._shape[0])  # (batch_size, num_classes)
        self._sums[code.context] += nd.dot(member, code.detach(), transpose_a=True)
        self._counts[code.context] += member.sum(axis=0)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (num_classes, num_bits) and counts (num_classes,) of the codes of each class."""
        return (
            np.sum([value.asnumpy() for value in self._sums.values()], axis=0),
            np.sum([value.asnumpy() for value in self._counts.values()], axis=0),
        )

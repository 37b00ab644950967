"""MXNet's random numbers (drop-out) in a training: from the seed, so that a resumed run has them.

The state of MXNet's generators can be set from a seed but not be read. It is set at the first batch
of every epoch; and where the network does draw, at every batch, so that a run can go on from the
middle of an epoch. Where it does not, that would cost 3 ms a batch for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_hash.engine import mx, nd

__all__ = ["Draws"]


class Draws:
    """Seeds MXNet for each batch of a training that draws, for each epoch of one that does not.

    Parameters
    ----------
    seed : int
    contexts : sequence of Context
        Where the network draws.
    """

    def __init__(self, seed: int, contexts: Sequence[mx.Context]) -> None:
        self._seed, self._contexts = seed, contexts
        self._drawing: bool | None = None  # None: not known yet
        self._untouched: list[float] = []

    def before(self, epoch: int, batch: int) -> None:
        """Set the generators for a batch; both are counted from 0."""
        if batch and self._drawing is False:
            return
        seed = (self._seed * 1_000_003 + epoch) % 2**31
        if batch:
            seed = int(np.random.SeedSequence((seed, batch)).generate_state(1)[0] >> 1)
        mx.random.seed(seed)
        if self._drawing is None:
            self._untouched = self._next()
            mx.random.seed(seed)

    def after(self) -> None:
        """Find out, once, whether the batch just trained on drew anything."""
        if self._drawing is None:
            self._drawing = self._next() != self._untouched

    def _next(self) -> list[float]:
        """The next random number of each context."""
        return [float(nd.random.uniform(ctx=context).asscalar()) for context in self._contexts]

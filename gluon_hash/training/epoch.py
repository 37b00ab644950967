"""The loss of an epoch while it is trained: read now and then, as reading waits for the device."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gluon_hash.engine import nd
from gluon_hash.training.state import Begun

__all__ = ["EpochSoFar"]


class EpochSoFar:
    """What the batches of an epoch have come to, from its beginning or from a checkpoint inside it.

    Parameters
    ----------
    begun : Begun, optional

    Attributes
    ----------
    batches_done, num_images : int
    checked : int
        Batches whose losses are in the total.
    """

    def __init__(self, begun: Begun | None = None) -> None:
        begun = begun or Begun()
        self.batches_done, self.num_images = begun.batches_done, begun.num_images
        self.checked, self._total = begun.checked, begun.total
        self._waiting: list[nd.NDArray | float] = list(begun.waiting)
        self._terms = {name: list(values) for name, values in begun.terms.items()}
        self._sampled: list[tuple[Sequence[str], nd.NDArray]] = []
        self._started = time.perf_counter() - begun.seconds

    @property
    def seconds(self) -> float:
        """Spent on the batches done, before an interruption too."""
        return time.perf_counter() - self._started

    @property
    def mean_loss(self) -> float:
        """Over the images, once all losses are added up."""
        return self._total / self.num_images

    def add(self, loss: nd.NDArray, num_images: int) -> None:
        """Take in the summed loss of a batch, not yet computed."""
        self._waiting.append(loss)
        self.num_images += num_images
        self.batches_done += 1

    @property
    def terms(self) -> dict[str, list[float]]:
        """Term of the loss -> its mean in each batch that was sampled; waits for them."""
        for names, values in self._sampled:
            for name, value in zip(names, values.asnumpy().tolist()):
                self._terms.setdefault(name, []).append(value)
        self._sampled = []
        return self._terms

    def add_terms(self, names: Sequence[str], values: nd.NDArray) -> None:
        """Take in the terms of a batch, not yet computed."""
        self._sampled.append((names, values))

    def read(self) -> float:
        """The sum of the losses that wait; waits until they are computed."""
        self._waiting = [
            value if isinstance(value, float) else float(value.asscalar())
            for value in self._waiting
        ]
        return sum(self._waiting)

    def add_up(self) -> None:
        """Add the losses that wait to the total."""
        self._total += self.read()
        self._waiting, self.checked = [], self.batches_done

    def begun(self) -> Begun:
        """What a checkpoint keeps of it."""
        self.read()
        return Begun(
            self.batches_done,
            self.num_images,
            self._total,
            tuple(map(float, self._waiting)),
            self.checked,
            round(self.seconds, 3),
            {name: tuple(values) for name, values in self.terms.items()},
        )

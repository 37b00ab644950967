"""What a loader offers: Batch, and the protocols that training and evaluation rely on. No MXNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from gluon_hash.engine import nd

__all__ = ["Batch", "EvaluationLoader", "Loader", "TrainingLoader"]


class Batch(NamedTuple):
    """One batch.

    image : NDArray float32, (B, 3, height, width), or features (B, num_features)
    level_labels : NDArray float32, (B, K)
    id : int64 array, (B,)
    normalize : callable, optional
        Where image is uint8, what makes float32 of it on its device (records.image_batches).
    """

    image: nd.NDArray
    level_labels: nd.NDArray
    id: np.ndarray
    normalize: Callable[[nd.NDArray], nd.NDArray] | None = None


@runtime_checkable
class Loader(Protocol):
    """Gives batches; ``len(loader)`` is how many of them there are in one pass."""

    def __len__(self) -> int: ...


@runtime_checkable
class TrainingLoader(Loader, Protocol):
    """What HashTrainer takes: batches by epoch.

    TrainLoader and FeatureTrainLoader are such; so is any object with these two methods.
    """

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The ``len(self)`` batches of epoch ``epoch``, counted from 0.

        They must depend on nothing but the loader's arguments and ``epoch``: a training that goes
        on after an interruption asks for the next epoch without those before it. (A method
        ``epoch_from(epoch, start)``, which leaves the first batches out, spares it making those of
        an epoch that it goes on with.)
        """
        ...


@runtime_checkable
class EvaluationLoader(Loader, Protocol):
    """What encoding takes: every image exactly once in each pass, in the order of ``ids``.

    EvalLoader and FeatureEvalLoader are such. run_net checks the ids that came.

    Attributes
    ----------
    ids : int64, shape (N,)
    """

    ids: np.ndarray

    def __iter__(self) -> Iterator[Batch]: ...

"""Who wants to hear how a training goes: one small protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gluon_hash.progress import log
from gluon_hash.training.state import Progress

__all__ = ["Callback", "Callbacks", "Start", "Steps"]


@dataclass(frozen=True)
class Start:
    """What begins, or is gone on with.

    Parameters
    ----------
    folder : Path
        The run folder.
    num_epochs, num_batches : int
        To train in all, and in an epoch.
    epochs_done : int
        By the training that is resumed; 0 of a new one.
    settings : mapping
        The configuration, section by section; empty where there is none.
    """

    folder: Path
    num_epochs: int
    num_batches: int
    epochs_done: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """What some batches of an epoch have come to.

    Parameters
    ----------
    epoch, batch : int
        The epoch from 1, and how many of its batches are done.
    step : int
        Batches done in the whole training.
    loss : float
        Mean over the images of the epoch so far.
    lr, images_per_second : float
    terms : mapping
        The newest terms of the loss, by their names in a log (``loss_cubic``); may be empty.
    """

    epoch: int
    batch: int
    step: int
    loss: float
    lr: float
    images_per_second: float
    terms: Mapping[str, float]


class Callback:
    """What is called while a training goes on; a subclass has what it needs of these.

    All are called between two batches, by the first of several workers, and change nothing of the
    training: one with callbacks comes to the same bits as one without. An exception of theirs
    ends the training as any other; the last checkpoint is kept.
    """

    def on_start(self, start: Start) -> None:
        """The training begins, or is gone on with."""

    def on_steps(self, steps: Steps) -> None:
        """Some batches are done: 16 of them, or those at the end of an epoch."""

    def on_epoch(self, values: Mapping[str, Any], is_best: bool) -> None:
        """An epoch is trained, judged and saved.

        Parameters
        ----------
        values : mapping
            Its line of log.jsonl (docs/training.md).
        is_best : bool
            Whether it is the one that is kept.
        """

    def on_end(self, progress: Progress, error: BaseException | None) -> None:
        """The training ends; ``error`` says why, if it is not finished."""


class Callbacks(Callback):
    """Several callbacks as one, called in their order.

    Parameters
    ----------
    callbacks : sequence of Callback
    """

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        self._all = list(callbacks)

    def on_start(self, start: Start) -> None:
        """Tell all."""
        for callback in self._all:
            callback.on_start(start)

    def on_steps(self, steps: Steps) -> None:
        """Tell all."""
        for callback in self._all:
            callback.on_steps(steps)

    def on_epoch(self, values: Mapping[str, Any], is_best: bool) -> None:
        """Tell all."""
        for callback in self._all:
            callback.on_epoch(values, is_best)

    def on_end(self, progress: Progress, error: BaseException | None) -> None:
        """Tell all, each also if one before it fails."""
        for callback in self._all:
            try:
                callback.on_end(progress, error)
            except Exception as failed:  # the training is over and saved
                log(f"warning: {type(callback).__name__}: {failed}")

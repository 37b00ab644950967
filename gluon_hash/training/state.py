"""How far a training is: what a checkpoint says beside its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CheckpointState", "EpochReport", "Progress"]


@dataclass(frozen=True)
class EpochReport:
    """What one epoch of training was.

    Parameters
    ----------
    loss : float
        Mean over images.
    lr : float
        Learning rate at the end.
    seconds, images_per_second : float
        Of the training pass.
    refresh_seconds : float
        Of what the memory does after it.
    learnt : mapping
        What the memory logs, as JSON values.
    """

    loss: float
    lr: float
    seconds: float
    images_per_second: float
    refresh_seconds: float
    learnt: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, what the memory logs among them: a line of log.jsonl."""
        own = {name: value for name, value in vars(self).items() if name != "learnt"}
        return {**own, **self.learnt}


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Parameters
    ----------
    epochs_done : int
    best_epoch : int or None
        Counted from 1; None before the first.
    best_value : float or None
        Of what is monitored, at that epoch.
    epochs_without_better : int
        Since then.
    """

    epochs_done: int = 0
    best_epoch: int | None = None
    best_value: float | None = None
    epochs_without_better: int = 0

    def after(self, epoch: int, value: float, *, lowest: bool) -> Progress:
        """The progress after ``epoch`` (from 1) with the value watched; lowest: small is good."""
        best = self.best_value
        if best is None or (value < best if lowest else value > best):
            return Progress(epoch, epoch, value, 0)
        return Progress(epoch, self.best_epoch, best, self.epochs_without_better + 1)

    def is_finished(self, num_epochs: int, early_stop_epochs: int | None) -> bool:
        """Whether a training of ``num_epochs`` has no epoch to go."""
        return self.epochs_done >= num_epochs or (
            early_stop_epochs is not None and self.epochs_without_better >= early_stop_epochs
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Progress:
        """The inverse of to_dict; KeyError if a value is missing, further values are not read."""
        return cls(*(values[name] for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class CheckpointState:
    """What state.json holds: the progress, and the SHA-256 of each file of the checkpoint."""

    progress: Progress
    sha256: Mapping[str, str]

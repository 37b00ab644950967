"""How far a training is: what a checkpoint says beside its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Begun", "CheckpointState", "EpochReport", "Progress"]


@dataclass(frozen=True)
class Begun:
    """An epoch that is begun: what a checkpoint inside it keeps beside the arrays.

    Parameters
    ----------
    batches_done, num_images : int
    total : float
        The losses that were added up so far.
    waiting : tuple of float
        The losses of the batches since, which are added as one sum with those to come: sums of
        floats depend on their order.
    checked : int
        Batches whose losses are in ``total``.
    seconds : float
        Spent on them.
    terms : mapping
        Term of the loss -> its mean in each batch that was sampled so far.
    """

    batches_done: int = 0
    num_images: int = 0
    total: float = 0.0
    waiting: tuple[float, ...] = ()
    checked: int = 0
    seconds: float = 0.0
    terms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


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
    terms : mapping
        Mean of each term of the loss over the batches that were sampled, by its name in a log.
    """

    loss: float
    lr: float
    seconds: float
    images_per_second: float
    refresh_seconds: float
    learnt: Mapping[str, Any]
    terms: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, terms and what the memory logs among them: a line of log.jsonl."""
        own = {k: value for k, value in vars(self).items() if k not in ("learnt", "terms")}
        return {**own, **self.terms, **self.learnt}


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
    """What state.json holds: how far the training was, and what each file's SHA-256 is.

    Parameters
    ----------
    progress : Progress
        After the last whole epoch.
    sha256 : mapping
        File of the checkpoint -> SHA-256.
    begun : Begun, optional
        Of a checkpoint inside an epoch.
    trained : mapping, optional
        Of one at the end of an epoch that was not judged yet: the EpochReport.
    logged : mapping, optional
        The line of log.jsonl of the last whole epoch; older checkpoints have none.
    threads : int, optional
        OMP_NUM_THREADS of the training; older checkpoints do not say.
    """

    progress: Progress
    sha256: Mapping[str, str] = field(default_factory=dict)
    begun: Begun | None = None
    trained: Mapping[str, Any] | None = None
    logged: Mapping[str, Any] | None = None
    threads: int | None = None

    @property
    def age(self) -> tuple[int, int]:
        """Epochs and batches done: the later checkpoint has more."""
        return self.progress.epochs_done, self.begun.batches_done if self.begun else 0

    def __str__(self) -> str:
        epochs, batches = self.age
        return f"after epoch {epochs}" + (f" and batch {batches} of the next" if batches else "")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "sha256": dict(self.sha256),
            **self.progress.to_dict(),
            "begun": None if self.begun is None else asdict(self.begun),
            "trained": self.trained,
            "logged": self.logged,
            "threads": self.threads,
        }

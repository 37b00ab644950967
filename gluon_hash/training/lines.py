"""The lines of a training: one an epoch, with its words explained once, and which epoch is kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gluon_hash.progress import duration, log
from gluon_hash.training.callbacks import Callback, Start
from gluon_hash.training.state import Progress

__all__ = ["WORDS", "EpochLines", "epoch_line"]

# key of log.jsonl -> what it is
WORDS = {
    "loss": "mean over the training images",
    "validation_map": "mean average precision of the held-out images among themselves, 1 the best",
    "validation_map_tie_averaged": "the same over all orders of equal distances",
    "validation_mahp": "the same that counts relatives (hierarchical precision)",
    "validation_map_database": "map of the held-out images among as many training images",
    "validation_mahp_database": "mahp of the same",
    "center_shift": "mean distance by which class centers moved, 0 while they are kept",
    "target_distance": "mean squared distance of codes from their targets",
    "lr": "learning rate at the end of the epoch",
}
VALIDATION = "validation_"


class EpochLines(Callback):
    """Prints a line for every epoch, with the time that is left, and at the end which is kept.

    Parameters
    ----------
    watched : str
        The key of a line of the log that chooses the best epoch.
    early_stop_epochs : int or None
        As gluon_hash.training.fit takes it.
    """

    def __init__(self, watched: str, early_stop_epochs: int | None = None) -> None:
        self._watched, self._early_stop_epochs = watched, early_stop_epochs

    def on_start(self, start: Start) -> None:
        """Nothing is printed yet."""
        self._num_epochs, self._seconds = start.num_epochs, list[float]()

    def on_epoch(self, values: Mapping[str, Any], is_best: bool) -> None:
        """The line, marked if it is the best epoch so far."""
        self._seconds.append(values["seconds"] + values["refresh_seconds"])
        to_go = self._num_epochs - values["epoch"]
        left = to_go * sum(self._seconds) / len(self._seconds)
        log(
            epoch_line(values, self._num_epochs)
            + (f", {duration(left)} left" if to_go else "")
            + (" *" if is_best else "")
        )
        _explain(tuple(values))

    def on_end(self, progress: Progress, error: BaseException | None) -> None:
        """Why it stopped, if early, and the best epoch."""
        if error is not None:
            return
        watched = _plain(self._watched)
        if progress.epochs_done < self._num_epochs:
            log(f"stopped: {self._early_stop_epochs} epochs without a better {watched}")
        if progress.best_value is not None:
            best = f"{watched} {progress.best_value:.4f}"
            log(f"best epoch (*): {progress.best_epoch}, {best}; it is kept")


def epoch_line(values: Mapping[str, Any], num_epochs: int) -> str:
    """An epoch in a line.

    Parameters
    ----------
    values : mapping
        Its line of log.jsonl.
    num_epochs : int

    Examples
    --------
    >>> logged = {"epoch": 2, "loss": 1.5, "lr": 0.1, "seconds": 2.0, "refresh_seconds": 0.1}
    >>> measured = {"images_per_second": 512.0, "validation_map": 0.25, "validation_mahp": 0.5}
    >>> epoch_line({**logged, **measured}, 9)
    'epoch 2/9: loss 1.5000, validation map 0.2500, mahp 0.5000, lr 0.1, 512 images/s, 2.1 s'
    """
    terms = _named(values, "loss_", ".3g")
    validation = _named(values, VALIDATION, ".4f")
    empty = values.get("empty_classes")
    words = [
        f"loss {values['loss']:.4f}" + (f" ({', '.join(terms)})" if terms else ""),
        *([f"validation {', '.join(validation)}"] if validation else []),
        f"lr {values['lr']:.2g}",
        *(
            f"{_plain(name)} {values[name]:.3f}"
            for name in ("center_shift", "target_distance")
            if name in values
        ),
        f"{values['images_per_second']:.0f} images/s",
        f"{values['seconds'] + values['refresh_seconds']:.1f} s",
        *([f"{len(empty)} classes without images"] if empty else []),
    ]
    return f"epoch {values['epoch']}/{num_epochs}: {', '.join(words)}"


def _named(values: Mapping[str, Any], prefix: str, digits: str) -> list[str]:
    return [
        f"{_plain(name.removeprefix(prefix))} {value:{digits}}"
        for name, value in values.items()
        if name.startswith(prefix)
    ]


def _plain(name: str) -> str:
    return name.replace("_", " ")


@cache
def _explain(names: tuple[str, ...]) -> None:
    """Say what the words mean, once in a process: a comparison trains many networks."""
    for name in WORDS:
        if name in names:
            log(f"  {_plain(name).replace('validation ', '')}: {WORDS[name]}")
    if any(name.startswith("loss_") for name in names):
        log("  in brackets: the terms that the loss is the sum of, in 8 batches of the epoch")
    log("  *: the best epoch so far, which is kept")

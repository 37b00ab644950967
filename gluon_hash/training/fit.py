"""Epoch after epoch: train, validate, log, keep the best, stop early, resume."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gluon_hash.training.callbacks import Callback, Callbacks, Start
from gluon_hash.training.draws import Draws
from gluon_hash.training.interruption import Interruption
from gluon_hash.training.lines import EpochLines
from gluon_hash.training.resuming import resume
from gluon_hash.training.saving import Saving
from gluon_hash.training.state import Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = ["fit"]


def fit(
    trainer: HashTrainer,
    folder: str | os.PathLike[str],
    num_epochs: int,
    seed: int,
    *,
    validate: Callable[[], dict[str, float]] | None = None,
    monitor: str = "loss",
    early_stop_epochs: int | None = None,
    checkpoint_minutes: float | None = None,
    callbacks: Sequence[Callback] = (),
    settings: Mapping[str, Any] | None = None,
) -> Progress:
    """Train until ``num_epochs`` are done, from the newest checkpoint in ``folder`` on.

    SIGTERM and Ctrl-C end it when the batch is done and saved, a second one at once.

    Parameters
    ----------
    trainer : HashTrainer
    folder : path-like
        The run folder: receives log.jsonl (one line per epoch), last.ckpt/, best.ckpt/ and, inside
        an epoch, inside.ckpt/. Nobody else writes to it; of several workers the first does.
    num_epochs : int
    seed : int
        MXNet's random numbers derive from it, the epoch and the batch, so that a resumed run goes
        on exactly.
    validate : callable, optional
        Returns metrics of the network as it is, large is good; called after every epoch.
    monitor : str
        The value that chooses the best epoch: a key of ``validate``'s result (highest) or "loss"
        (lowest).
    early_stop_epochs : int, optional
        Stop after this many epochs in a row that are not better.
    checkpoint_minutes : float, optional
        Save inside an epoch too, when so much time has passed since the last checkpoint.
    callbacks : sequence of Callback
        Hear how it goes; of several workers those of the first.
    settings : mapping, optional
        The configuration, for the callbacks.

    Returns
    -------
    Progress

    Raises
    ------
    DivergedError
        If the loss, weights, the optimiser's state or the memory are NaN or infinite; the last
        checkpoint is kept.
    DataError
        If the checkpoints in the folder are damaged.
    OSError
        If a checkpoint cannot be written; the last one is kept.
    Terminated, KeyboardInterrupt
        After a signal.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    workers, watched = trainer.workers, _watched(monitor)
    with workers.first_before_others():
        state = resume(trainer, folder)
    draws = Draws(seed + workers.rank, trainer.contexts)
    lines = EpochLines(watched, early_stop_epochs)
    heard = Callbacks((lines, *callbacks) if workers.is_first else ())
    done = state.progress.epochs_done
    heard.on_start(Start(folder, num_epochs, len(trainer), done, settings or {}))
    error: BaseException | None = None
    run: Saving | None = None
    try:
        with Interruption() as interruption:
            run = Saving(trainer, folder, draws, interruption, checkpoint_minutes, state, heard)
            while not run.progress.is_finished(num_epochs, early_stop_epochs):
                epoch = run.progress.epochs_done + 1
                report = run.train_epoch(f"epoch {epoch}/{num_epochs}")
                validation = run.judge(report, validate)
                logged = {"epoch": epoch, **report.to_dict()}
                logged.update({f"validation_{name}": value for name, value in validation.items()})
                logged = workers.of_first(logged)
                progress = run.progress.after(epoch, logged[watched], lowest=monitor == "loss")
                run.keep(progress, logged)
                heard.on_epoch(logged, progress.best_epoch == epoch)
                interruption.raise_if_asked()
    except BaseException as raised:
        error = raised
        raise
    finally:
        heard.on_end(state.progress if run is None else run.progress, error)
    return run.progress


def _watched(monitor: str) -> str:
    """The key of a line of the log that chooses the best epoch."""
    return "loss" if monitor == "loss" else f"validation_{monitor}"

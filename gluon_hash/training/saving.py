"""When a training is saved: after every epoch, now and then inside one, and when a signal asks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gluon_hash.disks import naming_failed_writes, sync, sync_entries
from gluon_hash.engine import mx
from gluon_hash.progress import log
from gluon_hash.training.advice import advised
from gluon_hash.training.agreement import agree
from gluon_hash.training.callbacks import Callback, Callbacks
from gluon_hash.training.checkpoint import check_finite, remove_checkpoint, save_checkpoint
from gluon_hash.training.draws import Draws
from gluon_hash.training.epoch import EpochSoFar
from gluon_hash.training.interruption import Interruption
from gluon_hash.training.state import CheckpointState, EpochReport, Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = ["BEST", "INSIDE", "LAST", "LOG", "Saving", "threads_of"]

LAST, BEST, INSIDE, LOG = "last.ckpt", "best.ckpt", "inside.ckpt", "log.jsonl"


class Saving:
    """Trains and judges epochs of a run, and keeps what is done in its folder.

    Parameters
    ----------
    trainer : HashTrainer
    folder : Path
        The run folder.
    draws : Draws
    interruption : Interruption
        Entered.
    minutes : float or None
        Between two checkpoints inside an epoch; None: there are none but when a signal asks.
    state : CheckpointState
        Where the training is.
    callback : Callback
        Hears of batches.
    """

    def __init__(
        self,
        trainer: HashTrainer,
        folder: Path,
        draws: Draws,
        interruption: Interruption,
        minutes: float | None,
        state: CheckpointState,
        callback: Callback = Callbacks(),
    ) -> None:
        self._trainer, self._folder, self._draws = trainer, folder, draws
        self._on_steps = callback.on_steps if trainer.workers.is_first else None
        self._interruption, self._minutes = interruption, minutes
        self._state = replace(state, threads=threads_of(trainer.contexts))
        self._saved = time.monotonic()
        self._so_far: EpochSoFar | None = None

    @property
    def progress(self) -> Progress:
        """After the last whole epoch."""
        return self._state.progress

    def train_epoch(self, title: str) -> EpochReport:
        """The next epoch, or what is left of it; ``title``: of the progress shown."""
        if self._state.trained is not None:
            return EpochReport(**self._state.trained)
        try:
            return self._trainer.train_epoch(
                self.progress.epochs_done,
                draws=self._draws,
                begun=self._state.begun,
                after_batch=self._after_batch,
                on_steps=self._on_steps,
                title=title,
            )
        except KeyboardInterrupt:  # in the memory's pass over the images: nothing has changed yet
            if self._interruption.answered:
                self._save_inside()
            raise

    def judge(
        self, report: EpochReport, validate: Callable[[], dict[str, float]] | None
    ) -> dict[str, float]:
        """The metrics of the network after an epoch; none without ``validate``."""
        if validate is None:
            return {}
        try:
            with self._interruption.at_once(), advised():
                return validate()
        except KeyboardInterrupt:
            if self._interruption.answered:
                self._save_inside(asdict(report))
            raise

    def keep(self, progress: Progress, logged: Mapping[str, Any]) -> None:
        """Save a whole epoch and write its line into the log.

        The checkpoints hold the line too: the log is never ahead of them, and never more than a
        line behind.
        """
        epoch = progress.epochs_done
        check_finite(self._trainer, f"epoch {epoch}")
        self._state = CheckpointState(progress, logged=logged, threads=self._state.threads)
        if self._trainer.workers.is_first:
            for name in (BEST, LAST) if progress.best_epoch == epoch else (LAST,):
                save_checkpoint(self._folder / name, self._trainer, self._state)
            append(self._folder / LOG, logged)
            remove_checkpoint(self._folder / INSIDE)
        agree(self._trainer, self._folder / LAST)
        self._saved, self._so_far = time.monotonic(), None

    def _after_batch(self, so_far: EpochSoFar) -> None:
        self._so_far = so_far
        if self._trainer.workers.count > 1:  # all end after the same batch
            self._interruption.asked = (
                self._trainer.workers.largest(self._interruption.asked or 0) or None
            )
        due = self._minutes is not None and time.monotonic() - self._saved >= 60 * self._minutes
        if due or self._interruption.asked is not None:
            self._save_inside()
        self._interruption.raise_if_asked()

    def _save_inside(self, trained: Mapping[str, Any] | None = None) -> None:
        """Save what is done of an epoch: some batches, or all and what the memory learnt."""
        so_far, epoch = self._so_far, self.progress.epochs_done
        done = self._state.begun.batches_done if self._state.begun is not None else 0
        begun = self._state.begun
        if so_far is not None and so_far.batches_done > done:
            self._trainer.check_loss(epoch, so_far)
            begun = so_far.begun()
        elif trained is None:
            return
        check_finite(self._trainer, f"epoch {epoch + 1}")
        self._state = replace(self._state, begun=begun, trained=trained)
        if self._trainer.workers.is_first:
            save_checkpoint(self._folder / INSIDE, self._trainer, self._state)
        self._saved = time.monotonic()
        if self._interruption.asked is not None:
            log(f"{self._folder}: saved {self._state}")


def append(path: Path, logged: Mapping[str, Any]) -> None:
    """Add a line to a file of JSON values, and bring it to the disk."""
    is_new = not path.exists()
    with naming_failed_writes(path):
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(logged, allow_nan=False) + "\n")
        sync(path)
    if is_new:
        sync_entries(path.parent)


def threads_of(contexts: list[mx.Context]) -> int | None:
    """OMP_NUM_THREADS, on which the sums of MXNet on the CPU depend; None on other devices."""
    number = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if any(context.device_type != "cpu" for context in contexts) or not number.isdigit():
        return None
    return int(number)

"""Epoch after epoch: train, validate, log, keep the best, stop early, resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.files import replace_text
from gluon_hash.progress import log
from gluon_hash.training.checkpoint import load_checkpoint, save_checkpoint
from gluon_hash.training.state import Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = ["fit"]

LAST, BEST, LOG = "last.ckpt", "best.ckpt", "log.jsonl"


def fit(
    trainer: HashTrainer,
    folder: str | os.PathLike[str],
    num_epochs: int,
    seed: int,
    *,
    validate: Callable[[], dict[str, float]] | None = None,
    monitor: str = "loss",
    early_stop_epochs: int | None = None,
) -> Progress:
    """Train until ``num_epochs`` are done, from the last whole epoch in ``folder`` if there is one.

    Parameters
    ----------
    trainer : HashTrainer
    folder : path-like
        The run folder: receives log.jsonl (one line per epoch), last.ckpt/ and best.ckpt/.
    num_epochs : int
    seed : int
        MXNet is seeded from it again for every epoch, so that a resumed run goes on exactly.
    validate : callable, optional
        Returns metrics of the network as it is, large is good; called after every epoch.
    monitor : str
        The value that chooses the best epoch: a key of ``validate``'s result (highest) or "loss"
        (lowest).
    early_stop_epochs : int, optional
        Stop after this many epochs in a row that are not better.

    Returns
    -------
    Progress

    Raises
    ------
    DivergedError
        If the loss is NaN or infinite; last.ckpt is then that of the epoch before.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    progress = _resume(trainer, folder)
    watched = "loss" if monitor == "loss" else f"validation_{monitor}"
    while not progress.is_finished(num_epochs, early_stop_epochs):
        epoch = progress.epochs_done
        mx.random.seed((seed * 1_000_003 + epoch) % 2**31)
        report = trainer.train_epoch(epoch)
        validation = {} if validate is None else validate()
        logged = {"epoch": epoch + 1, **report.to_dict()}
        logged.update({f"validation_{name}": value for name, value in validation.items()})
        progress = progress.after(epoch + 1, logged[watched], lowest=monitor == "loss")
        _append(folder / LOG, logged)
        better = progress.best_epoch == epoch + 1
        log(_line(logged, num_epochs) + (" *" if better else ""))
        if better:
            save_checkpoint(folder / BEST, trainer, progress)
        save_checkpoint(folder / LAST, trainer, progress)
    if progress.epochs_done < num_epochs:
        log(f"stopped: {early_stop_epochs} epochs without a better {monitor}")
    if progress.best_value is not None:
        log(
            f"best epoch (*): {progress.best_epoch}, {watched.replace('_', ' ')} "
            f"{progress.best_value:.4f}; it is kept"
        )
    return progress


def _resume(trainer: HashTrainer, folder: Path) -> Progress:
    if not (folder / LAST).exists() and not (folder / f"{LAST}.old").exists():
        (folder / LOG).unlink(missing_ok=True)  # of an epoch that was not saved
        return Progress()
    progress = load_checkpoint(folder / LAST, trainer)
    lines = (
        (folder / LOG).read_text(encoding="utf-8").splitlines() if (folder / LOG).exists() else []
    )
    if len(lines) < progress.epochs_done:
        raise DataError(
            f"expected a line for each of the {progress.epochs_done} epochs done, got {len(lines)}",
            path=folder / LOG,
        )
    replace_text(folder / LOG, "".join(f"{line}\n" for line in lines[: progress.epochs_done]))
    log(f"resumed after epoch {progress.epochs_done}")
    return progress


def _append(path: Path, logged: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(logged, allow_nan=False) + "\n")


def _line(logged: dict[str, Any], num_epochs: int) -> str:
    validation = "".join(
        f", {name.replace('_', ' ')} {value:.4f}"
        for name, value in logged.items()
        if name.startswith("validation_")
    )
    empty = (
        f", {len(logged['empty_classes'])} classes without images"
        if logged.get("empty_classes")
        else ""
    )
    learnt = "".join(
        f", {name.replace('_', ' ')} {logged[name]:.3f}"
        for name in ("center_shift", "target_distance")
        if name in logged
    )
    return (
        f"epoch {logged['epoch']}/{num_epochs}: loss {logged['loss']:.4f}{validation}, lr "
        f"{logged['lr']:.2g}"
        f"{learnt}, {logged['images_per_second']:.0f} images/s, "
        f"{logged['seconds'] + logged['refresh_seconds']:.1f} s{empty}"
    )

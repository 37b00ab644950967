"""Epoch after epoch: train, validate, log, keep the best, stop early, resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text
from gluon_hash.progress import log
from gluon_hash.training.checkpoint import load_checkpoint, save_checkpoint
from gluon_hash.training.trainer import HashTrainer

__all__ = ["fit", "is_finished"]

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
) -> dict[str, Any]:
    """Train until ``num_epochs`` are done, from the last whole epoch in ``folder`` if there is one.

    Parameters
    ----------
    trainer : HashTrainer
    folder : path-like
        The run folder: receives log.jsonl (one line per epoch), last.ckpt/ and best.ckpt/.
    num_epochs : int
    seed : int
        MXNet is seeded anew from it for every epoch, so that a resumed run goes on exactly.
    validate : callable, optional
        Returns metrics of the network as it is, large is good; called after every epoch.
    monitor : str
        The value that chooses the best epoch: a key of ``validate``'s result (highest) or "loss"
        (lowest).
    early_stop_epochs : int, optional
        Stop after so many epochs in a row that are not better.

    Returns
    -------
    dict
        epochs_done, best_epoch (counted from 1), best_value, epochs_without_better.

    Raises
    ------
    DivergedError
        If the loss is NaN or infinite; last.ckpt is then that of the epoch before.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    progress = _resume(trainer, folder)
    while not is_finished(progress, num_epochs, early_stop_epochs):
        epoch = progress["epochs_done"]
        mx.random.seed((seed * 1_000_003 + epoch) % 2**31)
        record = {"epoch": epoch + 1, **trainer.train_epoch(epoch)}
        if validate is not None:
            record.update({f"validation_{name}": value for name, value in validate().items()})
        better = _update(progress, record, monitor)
        _append(folder / LOG, record)
        log(_line(record, num_epochs))
        if better:
            save_checkpoint(folder / BEST, trainer, progress)
        save_checkpoint(folder / LAST, trainer, progress)
    if progress["epochs_done"] < num_epochs:
        log(f"stopped: {early_stop_epochs} epochs without a better {monitor}")
    return progress


def is_finished(
    progress: Mapping[str, Any], num_epochs: int, early_stop_epochs: int | None
) -> bool:
    """Whether a training with this progress (as saved in last.ckpt) has no epoch to go."""
    return progress["epochs_done"] >= num_epochs or (
        early_stop_epochs is not None and progress["epochs_without_better"] >= early_stop_epochs
    )


def _resume(trainer: HashTrainer, folder: Path) -> dict[str, Any]:
    if not (folder / LAST).exists() and not (folder / f"{LAST}.old").exists():
        (folder / LOG).unlink(missing_ok=True)  # of an epoch that was not saved
        return {
            "epochs_done": 0,
            "best_epoch": None,
            "best_value": None,
            "epochs_without_better": 0,
        }
    progress = load_checkpoint(folder / LAST, trainer)
    progress = {key: value for key, value in progress.items() if key not in ("version", "sha256")}
    lines = (
        (folder / LOG).read_text(encoding="utf-8").splitlines() if (folder / LOG).exists() else []
    )
    if len(lines) < progress["epochs_done"]:
        raise DataError(
            f"expected a line for each of the {progress['epochs_done']} epochs done, got "
            f"{len(lines)}",
            path=folder / LOG,
        )
    atomic_write_text(
        folder / LOG, "".join(f"{line}\n" for line in lines[: progress["epochs_done"]])
    )
    log(f"resumed after epoch {progress['epochs_done']}")
    return progress


def _update(progress: dict[str, Any], record: dict[str, Any], monitor: str) -> bool:
    """Bring ``progress`` up to date; is this epoch the best so far?"""
    value = record["loss"] if monitor == "loss" else record[f"validation_{monitor}"]
    best = progress["best_value"]
    better = best is None or (value < best if monitor == "loss" else value > best)
    progress["epochs_done"] = record["epoch"]
    progress["epochs_without_better"] = 0 if better else progress["epochs_without_better"] + 1
    if better:
        progress.update(best_epoch=record["epoch"], best_value=value)
    return better


def _append(path: Path, record: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(record, allow_nan=False) + "\n")


def _line(record: dict[str, Any], num_epochs: int) -> str:
    validation = "".join(
        f", {name.replace('_', ' ')} {value:.4f}"
        for name, value in record.items()
        if name.startswith("validation_")
    )
    empty = (
        f", {len(record['empty_classes'])} classes without images"
        if record.get("empty_classes")
        else ""
    )
    learnt = "".join(
        f", {name.replace('_', ' ')} {record[name]:.3f}"
        for name in ("center_shift", "target_distance")
        if name in record
    )
    return (
        f"epoch {record['epoch']}/{num_epochs}: loss {record['loss']:.4f}{validation}, lr "
        f"{record['lr']:.2g}"
        f"{learnt}, {record['images_per_second']:.0f} images/s, "
        f"{record['seconds'] + record['refresh_seconds']:.1f} s{empty}"
    )

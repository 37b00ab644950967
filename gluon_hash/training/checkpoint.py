"""Checkpoints: parameters, optimiser state, memory and progress, swapped in as a whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from gluon_hash.disks import naming_failed_writes, sync, sync_entries
from gluon_hash.errors import DataError, DivergedError
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.guard import open_npz
from gluon_hash.guard.params_files import check_params
from gluon_hash.leftovers import temporary_folder
from gluon_hash.nets.weights import load_params
from gluon_hash.training.advice import ADVICE
from gluon_hash.training.finite import not_finite
from gluon_hash.training.optimizer_state import load_optimizer, save_optimizer
from gluon_hash.training.reading import OLD, STATE, VERSION, read_checkpoint
from gluon_hash.training.state import CheckpointState
from gluon_hash.training.trainer import HashTrainer

__all__ = ["check_finite", "load_checkpoint", "recover", "remove_checkpoint", "save_checkpoint"]

PARAMETERS, HEAD, OPTIMIZER, MEMORY = "net.params", "head.params", "optimizer.params", "memory.npz"


def check_finite(trainer: HashTrainer, where: str) -> None:
    """DivergedError if anything that a checkpoint would hold is NaN or infinite.

    Parameters
    ----------
    trainer : HashTrainer
    where : str
        "epoch 3".
    """
    found = not_finite(trainer)
    if found is not None:
        raise DivergedError(
            f"{where}: {found} holds NaN or infinity, at learning rate "
            f"{trainer.optimizer.learning_rate:.2g}; it was not saved: {ADVICE}"
        )


def save_checkpoint(
    folder: str | os.PathLike[str], trainer: HashTrainer, state: CheckpointState
) -> None:
    """Write a checkpoint beside ``folder``, bring it to the disk, and swap it in.

    Parameters
    ----------
    folder : path-like
        ``last.ckpt``, ``best.ckpt`` or ``inside.ckpt`` of a run. Between the two renames of a swap
        the old one is ``folder`` + ".old", where it is read.
    trainer : HashTrainer
        All of it finite: see check_finite.
    state : CheckpointState
        But for the hashes. Random numbers need no state: they derive from the seed, the epoch and
        the batch.

    Raises
    ------
    OSError
        If it cannot be written, on a full disk, say; names the file. The checkpoint that was there
        before is kept.
    """
    folder = recover(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder) as temporary, naming_failed_writes(folder, temporary):
        _write(temporary, trainer)
        hashes = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        values = {"version": VERSION, **state.to_dict(), "sha256": hashes}
        atomic_write_json(temporary / STATE, values)
        sync(temporary)
        _swap(temporary, folder)


def load_checkpoint(folder: str | os.PathLike[str], trainer: HashTrainer) -> CheckpointState:
    """Put a checkpoint into ``trainer`` and return what was saved with it.

    Raises
    ------
    DataError
        As read_state; or if the checkpoint is of another network or optimiser.
    """

    def load(place: Path, state: CheckpointState) -> CheckpointState:
        load_params(trainer.net, place / PARAMETERS, trainer.contexts)
        load_optimizer(trainer.optimizer, place / OPTIMIZER)
        if trainer.head is not None:
            load_params(trainer.head, place / HEAD, trainer.contexts)
        if state.begun is not None:  # what an epoch starts with is not all in the memory's state
            trainer.memory.start(state.progress.epochs_done)
        with open_npz(place / MEMORY, "memory of a checkpoint") as arrays:
            trainer.memory.load_state({name: arrays.read(name) for name in arrays.names})
        return state

    return read_checkpoint(folder, load)


def recover(folder: str | os.PathLike[str]) -> Path:
    """Finish a swap that was interrupted between its renames: for who holds the run's lock."""
    folder = Path(folder)
    old = folder.with_name(folder.name + OLD)
    if old.exists() and not folder.exists():
        os.replace(old, folder)
    elif old.exists():
        shutil.rmtree(old)
    return folder


def remove_checkpoint(folder: str | os.PathLike[str]) -> None:
    """Remove a checkpoint if there is one, so that it is never seen in part."""
    folder = recover(folder)
    if folder.exists():
        with temporary_folder(folder) as temporary:
            os.replace(folder, temporary / folder.name)


def _write(temporary: Path, trainer: HashTrainer) -> None:
    trainer.net.save_parameters(str(temporary / PARAMETERS))
    save_optimizer(trainer.optimizer, temporary / OPTIMIZER)
    if trainer.head is not None:
        trainer.head.save_parameters(str(temporary / HEAD))
    for path in sorted(temporary.iterdir()):
        try:
            check_params(path)  # MXNet does not look whether the last bytes of a file were written
        except DataError as error:
            raise OSError(f"FileStream.Write incomplete: {error}") from error
    np.savez(temporary / MEMORY, **trainer.memory.state())


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + OLD)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    sync_entries(folder.parent)  # the new name first, then the old files go
    shutil.rmtree(old, ignore_errors=True)

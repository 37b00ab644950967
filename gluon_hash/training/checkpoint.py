"""Checkpoints: parameters, optimiser state, memory and progress, swapped in as a whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.nets.weights import load_params
from gluon_hash.training.optimizer_state import load_optimizer, save_optimizer
from gluon_hash.training.state import CheckpointState, Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = ["save_checkpoint", "load_checkpoint", "read_state"]

VERSION = 2  # 1 had centers in place of the memory
PARAMETERS, HEAD, OPTIMIZER, MEMORY, STATE = (
    "net.params",
    "head.params",
    "optimizer.params",
    "memory.npz",
    "state.json",
)


def save_checkpoint(
    folder: str | os.PathLike[str], trainer: HashTrainer, progress: Progress
) -> None:
    """Write a checkpoint beside ``folder`` and swap it in.

    Parameters
    ----------
    folder : path-like
        ``last.ckpt`` or ``best.ckpt`` of a run. Between the two renames of a swap the old one is
        ``folder`+ ".old"``, where load_checkpoint finds it.
    trainer : HashTrainer
    progress : Progress
        Random numbers need no state: they derive from the seed and the epoch.
    """
    folder = _recover(Path(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        trainer.net.save_parameters(str(temporary / PARAMETERS))
        save_optimizer(trainer.optimizer, temporary / OPTIMIZER)
        if trainer.head is not None:
            trainer.head.save_parameters(str(temporary / HEAD))
        np.savez(temporary / MEMORY, **trainer.memory.state())
        hashes = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        atomic_write_json(
            temporary / STATE, {"version": VERSION, "sha256": hashes, **progress.to_dict()}
        )
        temporary.chmod(0o755)
        _swap(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_checkpoint(folder: str | os.PathLike[str], trainer: HashTrainer) -> Progress:
    """Put a checkpoint into ``trainer`` and return the progress that was saved with it.

    Raises
    ------
    DataError
        As read_state; or if the checkpoint is of another network or optimiser.
    """
    state = read_state(folder)
    folder = Path(folder)
    load_params(trainer.net, folder / PARAMETERS, trainer.contexts)
    load_optimizer(trainer.optimizer, folder / OPTIMIZER)
    if trainer.head is not None:
        load_params(trainer.head, folder / HEAD, trainer.contexts)
    with np.load(folder / MEMORY, allow_pickle=False) as arrays:
        trainer.memory.load_state({name: arrays[name] for name in arrays.files})
    return state.progress


def read_state(folder: str | os.PathLike[str]) -> CheckpointState:
    """What a checkpoint says of itself, once its files are found whole.

    Raises
    ------
    DataError
        If it is missing, of a newer version, or a file is damaged.
    """
    folder = _recover(Path(folder))
    path = folder / STATE
    if not path.exists():
        raise DataError(
            "no checkpoint here; was the run interrupted before its first epoch ended?", path=folder
        )
    remedy = "move the run's folder away and train it again"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values["version"]
        if version != VERSION:
            raise DataError(
                f"expected checkpoint version {VERSION}, got {version!r}; use the gluon_hash that "
                "wrote it",
                path=path,
            )
        state = CheckpointState(Progress.from_dict(values), dict(values["sha256"]))
    except KeyError as error:
        raise DataError(f"lacks {error.args[0]}; {remedy}", path=path) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"not JSON, or cut short: {error}; {remedy}", path=path) from error
    for name, expected in state.sha256.items():
        if not (folder / name).exists() or sha256(folder / name) != expected:
            raise DataError(
                "missing or damaged: its SHA-256 is not the one in state.json", path=folder / name
            )
    return state


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def _recover(folder: Path) -> Path:
    """Finish a swap that was interrupted between its two renames."""
    old = folder.with_name(folder.name + ".old")
    if old.exists() and not folder.exists():
        os.replace(old, folder)
    elif old.exists():
        shutil.rmtree(old)
    return folder

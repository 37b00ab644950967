"""Where a training goes on: at the newest checkpoint of its folder that is whole."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text, replace_text
from gluon_hash.guard import read_text
from gluon_hash.progress import log
from gluon_hash.training.checkpoint import load_checkpoint, recover
from gluon_hash.training.reading import NewerCheckpointError, look
from gluon_hash.training.saving import BEST, INSIDE, LAST, LOG, threads_of
from gluon_hash.training.state import CheckpointState, Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = ["resume"]


def resume(trainer: HashTrainer, folder: Path) -> CheckpointState:
    """Put the newest whole checkpoint into ``trainer``; of a new run, its beginning.

    Parameters
    ----------
    trainer : HashTrainer
    folder : Path
        The run folder, which nobody else writes to.

    Returns
    -------
    CheckpointState

    Raises
    ------
    DataError
        If no checkpoint is whole, or there is none though the log has epochs.
    """
    there = [name for name in (INSIDE, LAST, BEST) if recover(folder / name).exists()]
    lines = read_text(folder / LOG).splitlines() if (folder / LOG).exists() else []
    if not there:
        if lines:
            raise DataError(
                f"has {len(lines)} epochs, but there is no {LAST} and no {BEST} to go on from; put "
                "them back, or train into another folder",
                path=folder / LOG,
            )
        return CheckpointState(Progress())
    state, name = _load_newest(trainer, folder, there)
    _fit_log(folder, lines, state)
    log(f"resumed {state}" + ("" if name in (INSIDE, LAST) else f", from {name}"))
    _compare_threads(state, threads_of(trainer.contexts))
    best = state.progress.best_epoch
    if best is not None and BEST not in there:
        log(f"{folder / BEST} is missing: the best epoch is looked for from here on")
        state = replace(state, progress=Progress(state.progress.epochs_done))
    return state


def _load_newest(
    trainer: HashTrainer, folder: Path, names: list[str]
) -> tuple[CheckpointState, str]:
    """The newest of the checkpoints that is whole, put into ``trainer``; what is damaged is said.

    One inside an epoch that was finished since is older than that epoch's.
    """
    found: list[tuple[tuple[int, int], int, str]] = []
    errors: list[DataError] = []
    for order, name in enumerate(names):
        try:
            found.append((look(folder / name).age, -order, name))
        except NewerCheckpointError:
            raise
        except DataError as error:
            errors.append(error)
    for _, _, name in sorted(found, reverse=True):
        try:
            state = load_checkpoint(folder / name, trainer)
        except DataError as error:
            errors.append(error)
            continue
        for damaged in errors:
            log(f"warning: {damaged}; going on from {name}, {state}")
        return state, name
    raise errors[0]


def _fit_log(folder: Path, lines: list[str], state: CheckpointState) -> None:
    """Make the log end with the epoch that the checkpoint is of; lines of later ones are kept."""
    path, done = folder / LOG, state.progress.epochs_done
    if len(lines) == done - 1 and state.logged is not None:
        lines = [*lines, json.dumps(state.logged)]
    elif len(lines) > done:
        kept = next(
            name
            for name in (folder / f"log-{number}.jsonl" for number in count(1))
            if not name.exists()
        )
        atomic_write_text(kept, "".join(f"{line}\n" for line in lines))
        log(f"{kept}: keeps the log, which goes on from epoch {done}")
        lines = lines[:done]
    elif len(lines) < done:
        raise DataError(
            f"expected a line for each of the {done} epochs done, got {len(lines)}", path=path
        )
    else:
        return
    replace_text(path, "".join(f"{line}\n" for line in lines))


def _compare_threads(state: CheckpointState, threads: int | None) -> None:
    if None not in (state.threads, threads) and state.threads != threads:
        log(
            f"warning: trained with OMP_NUM_THREADS={state.threads} so far, now {threads}: MXNet "
            "adds up in another order, so the run will differ from one with "
            f"{state.threads} throughout; set OMP_NUM_THREADS={state.threads} to have the same"
        )

"""Where a training goes on: at the newest checkpoint of its folder that is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text, replace_text
from gluon_hash.guard import parse_json, read_text, split_lines
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
    text = read_text(folder / LOG) if (folder / LOG).exists() else ""
    if not there:
        if text:
            raise DataError(
                f"has {len(split_lines(text))} epochs, but there is no {LAST} and no {BEST} to go "
                "on from; put them back, or train into another folder",
                path=folder / LOG,
            )
        return CheckpointState(Progress())
    state, name = _load_newest(trainer, folder, there)
    _fit_log(folder, text, state)
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


def _fit_log(folder: Path, text: str, state: CheckpointState) -> None:
    """Make the log end with the epoch that the checkpoint is of; lines of later ones are kept.

    Its last line may be cut short, or without its end, after a power cut: the checkpoint has it.
    """
    path, done, lines = folder / LOG, state.progress.epochs_done, split_lines(text)
    if len(lines) > done:
        kept = next(
            name
            for name in (folder / f"log-{number}.jsonl" for number in count(1))
            if not name.exists()
        )
        atomic_write_text(kept, text)
        log(f"{kept}: keeps the log, which goes on from epoch {done}")
        lines = lines[:done]
    if state.logged is not None and len(lines) >= done - 1:
        if len(lines) < done or not _is_line_of(state.logged, lines[-1]):
            lines = [*lines[: done - 1], json.dumps(state.logged)]
    if len(lines) < done:
        raise DataError(
            f"expected a line for each of the {done} epochs done, got {len(lines)}", path=path
        )
    for number, line in enumerate(lines, start=1):
        parse_json(line, path, line=number)
    whole = "".join(f"{line}\n" for line in lines)
    if whole != text:
        replace_text(path, whole)


def _is_line_of(logged: Mapping[str, Any], line: str) -> bool:
    """Whether a line of the log has these values."""
    try:
        return bool(json.loads(line) == logged)
    except (ValueError, RecursionError):
        return False


def _compare_threads(state: CheckpointState, threads: int | None) -> None:
    if None not in (state.threads, threads) and state.threads != threads:
        log(
            f"warning: trained with OMP_NUM_THREADS={state.threads} so far, now {threads}: MXNet "
            "adds up in another order, so the run will differ from one with "
            f"{state.threads} throughout; set OMP_NUM_THREADS={state.threads} to have the same"
        )

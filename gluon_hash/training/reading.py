"""Reading a checkpoint, also one that a training in another process swaps meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import as_schema, load_json
from gluon_hash.training.state import CheckpointState, Progress

__all__ = [
    "OLD",
    "STATE",
    "VERSION",
    "NewerCheckpointError",
    "look",
    "read_checkpoint",
    "read_state",
]

VERSION = 2  # 1 had centers in place of the memory
STATE = "state.json"
OLD = ".old"  # ends the name of a checkpoint while the next one takes its place
TRIES = 20  # of a reader, while one checkpoint after the other is swapped in
SECONDS_BETWEEN_TRIES = 0.05
REMEDY = "move the run's folder away and train it again"
Result = TypeVar("Result")


class NewerCheckpointError(DataError):
    """A checkpoint of a version that is not read here: not damaged, so it is not passed over."""


def read_state(folder: str | os.PathLike[str]) -> CheckpointState:
    """What a checkpoint says of itself, once its files are found whole.

    Raises
    ------
    DataError
        If it is missing, of a newer version, or a file is damaged.
    """
    return read_checkpoint(folder, lambda place, state: state)


def read_checkpoint(
    folder: str | os.PathLike[str], read: Callable[[Path, CheckpointState], Result]
) -> Result:
    """What ``read`` makes of a checkpoint; changes nothing, and tries again if it was swapped.

    Parameters
    ----------
    folder : path-like
    read : callable
        Takes the folder that the files are in (that of the old checkpoint, in the middle of a
        swap) and the state. It may be called again.

    Raises
    ------
    DataError
        If the checkpoint is missing, of a newer version, or a file is damaged.
    """
    folder = Path(folder)
    for tries_left in reversed(range(TRIES)):
        place = _place(folder)
        before = _stamp(place)
        try:
            state = look(place)
            _check_files(place, state)
            result = read(place, state)
        except (DataError, OSError):
            if not tries_left or (_stamp(place) == before and _place(folder) == place):
                raise
        else:
            if _stamp(place) == before or not tries_left:
                return result
        time.sleep(SECONDS_BETWEEN_TRIES)
    raise AssertionError("the last try returns or raises")


def look(folder: str | os.PathLike[str]) -> CheckpointState:
    """What state.json says; whether the other files are whole is not looked at.

    Raises
    ------
    DataError
        If it is missing, damaged or of a newer version.
    """
    path = Path(folder) / STATE
    if not path.exists():
        raise DataError(
            "no checkpoint here; was the run interrupted before its first epoch ended?",
            path=folder,
        )
    try:
        values = as_schema(load_json(path), dict[str, Any], path)
    except DataError as error:
        raise DataError(f"{error.message}; was it cut short? {REMEDY}", path=path) from error
    version = values.get("version")
    if version != VERSION:
        raise NewerCheckpointError(
            f"expected checkpoint version {VERSION}, got {version!r}; use the gluon_hash that "
            "wrote it",
            path=path,
        )
    try:
        nested = {**values, "progress": vars(Progress.from_dict(values))}
        nested["sha256"] = values["sha256"]
    except KeyError as error:
        raise DataError(f"lacks {error.args[0]}; {REMEDY}", path=path) from error
    return as_schema(nested, CheckpointState, path)


def _check_files(folder: Path, state: CheckpointState) -> None:
    for name, expected in state.sha256.items():
        if not (folder / name).exists() or sha256(folder / name) != expected:
            raise DataError(
                "missing or damaged: its SHA-256 is not the one in state.json", path=folder / name
            )


def _place(folder: Path) -> Path:
    """Where the checkpoint is: in the middle of a swap beside its place."""
    old = folder.with_name(folder.name + OLD)
    return old if old.exists() and not folder.exists() else folder


def _stamp(folder: Path) -> bytes | None:
    """What tells one checkpoint from the next in the same place: state.json has all hashes."""
    try:
        return (folder / STATE).read_bytes()
    except OSError:
        return None

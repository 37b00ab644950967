"""Are the files that a training read still the same? Their SHA-256, computed once and remembered.

A file whose size, times and inode are as they were is taken for unchanged, as `git` and `make` take
it; the time of the last change of the inode (ctime) cannot be set back as that of the content can.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import as_schema, load_json
from gluon_hash.progress import log

__all__ = ["check_unchanged", "digest", "fingerprint", "older_fingerprint", "record"]

LARGE = 4 << 30  # bytes: hashing it takes seconds, so it is said
_known: dict[tuple[str, tuple[int, ...]], str] = {}  # a comparison asks for the same files often


class _Seen(BaseModel):
    """A file as it was when it was hashed."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    sha256: str

    @property
    def signature(self) -> tuple[int, ...]:
        return self.size, self.modified_ns, self.changed_ns, self.inode


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, computed once while its size, times and inode stay as they are."""
    key = (os.path.abspath(path), _signature(path))
    if key not in _known:
        if key[1][0] > LARGE:
            log(f"{path}: its SHA-256 is computed, once ({key[1][0] / 2**30:.0f} GB)")
        _known[key] = sha256(path)
    return _known[key]


def fingerprint(files: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of each file, by what it is."""
    return {name: digest(path) for name, path in files.items()}


def older_fingerprint(files: Mapping[str, Path]) -> dict[str, str]:
    """What versions before 2026-11-25 took: of a .rec file the hash of the manifest beside it."""
    return {name: digest(_of_older(path)) for name, path in files.items()}


def record(files: Mapping[str, Path]) -> dict[str, Any]:
    """What inputs.json keeps of the files."""
    return {"version": 2, "files": {name: _seen(path).model_dump() for name, path in files.items()}}


def check_unchanged(path: Path, files: Mapping[str, Path], folder: Path) -> dict[str, Any] | None:
    """Whether the files are those of an inputs.json; hashes only those that look changed.

    Parameters
    ----------
    path : Path
        inputs.json.
    files : mapping
        What each is -> where it is now.
    folder : Path
        The run's, for messages.

    Returns
    -------
    dict or None
        What inputs.json should hold from now on; None: what it holds.

    Raises
    ------
    DataError
        If a file is another one, or inputs.json is damaged.
    """
    held = as_schema(load_json(path), dict[str, Any], path)
    if "sha256" in held:
        return _check_older(as_schema(held["sha256"], dict[str, str], path), files, folder)
    if "files" not in held:
        raise DataError("lacks files; train into another folder", path=path)
    recorded = as_schema(held["files"], dict[str, _Seen], path)
    for seen in recorded.values():
        _known.setdefault((seen.path, seen.signature), seen.sha256)
    now = fingerprint(files)
    _compare({name: seen.sha256 for name, seen in recorded.items()}, now, files, folder)
    changed = any(recorded[name].signature != _signature(files[name]) for name in now)
    return record(files) if changed else None


def _check_older(
    recorded: Mapping[str, str], files: Mapping[str, Path], folder: Path
) -> dict[str, Any]:
    compared = {name: where for name, where in files.items() if name in recorded}
    _compare(recorded, older_fingerprint(compared), files, folder)
    unknown = [str(where) for name, where in files.items() if where != _of_older(where)]
    if unknown:
        log(
            f"{folder}: an older version made it, which did not look into {', '.join(unknown)}; "
            "from now on they are compared too"
        )
    return record(files)


def _compare(
    recorded: Mapping[str, str],
    now: Mapping[str, str],
    files: Mapping[str, Path],
    folder: Path,
) -> None:
    for name in sorted({*now, *recorded}):
        if now.get(name) != recorded.get(name):
            raise DataError(
                f"was trained on other {name} than {files.get(name, 'none')} has now; put those "
                "back, or train into another folder",
                path=folder,
            )


def _seen(path: Path) -> _Seen:
    size, modified, changed, inode = _signature(path)
    return _Seen(
        path=os.path.abspath(path),
        size=size,
        modified_ns=modified,
        changed_ns=changed,
        inode=inode,
        sha256=digest(path),
    )


def _signature(path: str | os.PathLike[str]) -> tuple[int, ...]:
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _of_older(path: Path) -> Path:
    from gluon_hash.experiment.data.inputs import (
        SPLIT,  # needs MXNet, as parts encoded by ONNX do not
    )

    manifest = path.with_name(SPLIT)
    return manifest if path.suffix == ".rec" and manifest.exists() else path

"""Temporary files and folders: known as ours, held while they are written, swept when nobody is.

A name is ``.STEM.gluon_hash-HOST-PID-RANDOM.SUFFIX``, beside what it will become. Whoever writes
there holds a lock on it (flock), which the kernel frees when the process dies, also by SIGKILL.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gluon_hash.locks import is_running, is_same_file, try_flock
from gluon_hash.progress import log

__all__ = ["sweep", "temporary_file", "temporary_folder"]

NAME = re.compile(
    r"\.(?P<stem>.*)\.gluon_hash-(?P<host>\w+)-(?P<pid>\d+)-[0-9a-f]{8}(\.[^/]*)?", re.DOTALL
)
LONGEST_STEM, LONGEST_HOST = 80, 32  # characters; a name has 255 bytes
DAY, MOMENT = 86_400.0, 10.0  # seconds; in a moment what was just made is locked


@contextmanager
def temporary_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new empty file beside ``path``, with its suffix; deleted when the block ends.

    What killed runs left of the same name is swept first.

    Raises
    ------
    OSError
        If nothing can be written there; it names the folder.
    """
    yield from _temporary(Path(path), Path(path).suffix, _make_file, _remove_file)


@contextmanager
def temporary_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new empty folder beside ``path``; deleted with what is in it when the block ends.

    What killed runs left of the same name is swept first.

    Raises
    ------
    OSError
        If nothing can be written there; it names the folder that it would be in.
    """
    yield from _temporary(Path(path), "", _make_folder, _remove_folder)


def sweep(folder: str | os.PathLike[str], name: str | None = None) -> list[str]:
    """Delete the temporary files and folders that dead processes left, and say so.

    A name is not enough: what a living process holds stays, and so does what another machine made
    unless nobody holds it and it was not written to for a day.

    Parameters
    ----------
    folder : path-like
        Where to look, not below; a folder that is missing holds nothing.
    name : str, optional
        Only what would have become this file or folder; by default all.

    Returns
    -------
    list of str
        The names of what was deleted.
    """
    stems = None if name is None else (_short(Path(name).stem), _short(Path(name).name))
    swept = []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(".")]
    except OSError:
        return []
    for entry in sorted(names):
        match = NAME.fullmatch(entry)
        if match is None or stems is not None and match["stem"] not in stems:
            continue
        if _swept(Path(folder) / entry, match["host"], int(match["pid"])):
            swept.append(entry)
    if swept:
        log(f"{os.fspath(folder)}: removed what a killed run had left: {', '.join(swept)}")
    return swept


def _temporary(
    path: Path,
    suffix: str,
    make: Callable[[Path], int],
    remove: Callable[[Path], None],
) -> Iterator[Path]:
    sweep(path.parent, path.name)
    stem = _short(path.stem if suffix else path.name)
    try:
        temporary, stream = _held(path.parent, stem, suffix, make)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path.parent)) from error
    try:
        yield temporary
    finally:
        remove(temporary)
        os.close(stream)


def _held(folder: Path, stem: str, suffix: str, make: Callable[[Path], int]) -> tuple[Path, int]:
    """A new temporary file or folder, and the descriptor by which this process holds it."""
    while True:
        middle = f"gluon_hash-{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
        temporary = folder / f".{stem}.{middle}{suffix}"
        try:
            stream = make(temporary)
        except FileExistsError:
            continue
        if try_flock(stream) is not False and is_same_file(temporary, stream):
            return temporary, stream
        os.close(stream)  # swept before it was held


def _swept(path: Path, host: str, pid: int) -> bool:
    """Delete ``path`` if whoever made it is dead."""
    stream = _open(path)
    if stream is None:
        return False
    try:
        ours, age = host == _host(), time.time() - os.fstat(stream).st_mtime
        alive = is_running(pid)  # or another process that has its number now
        if ours and alive and age < MOMENT:
            return False
        locked = try_flock(stream)
        dead = (ours and not alive) if locked is None else locked and (ours or age > DAY)
        if not dead or not is_same_file(path, stream):
            return False
        (_remove_folder if path.is_dir() else _remove_file)(path)
        return not path.exists()
    except OSError:  # not ours to delete
        return False
    finally:
        os.close(stream)


def _open(path: Path) -> int | None:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    for mode in (os.O_RDWR, os.O_RDONLY):  # NFS locks what is open for writing; a folder never is
        try:
            return os.open(path, flags | mode)
        except IsADirectoryError:
            continue
        except OSError:
            return None
    return None


def _make_file(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)


def _make_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _remove_file(path: Path) -> None:
    path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _host() -> str:
    return re.sub(r"\W", "_", socket.gethostname(), flags=re.ASCII)[:LONGEST_HOST] or "host"


def _short(stem: str) -> str:
    """At most LONGEST_STEM bytes of a name, whole characters."""
    return os.fsencode(stem)[:LONGEST_STEM].decode(errors="ignore")

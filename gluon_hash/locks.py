"""One process at a time works in a folder, or makes an output: a lock file says who holds it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["LOCK", "held", "locked"]

LOCK = ".lock"
# what flock says where the file system knows no locks: the file itself is the lock there
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def locked(folder: str | os.PathLike[str], doing: str) -> Iterator[Path]:
    """Hold ``folder`` while the block runs; a second process is refused with one clear line.

    The kernel frees the lock of a process that dies, so that what SIGKILL leaves behind holds
    nobody up; a lock of another machine (a shared disk) cannot be looked into and is believed.

    Parameters
    ----------
    folder : path-like
        Exists, and can be written to; a hidden file is made in it and removed at the end.
    doing : str
        What the holder does, for who comes second: "training", "a comparison".

    Yields
    ------
    Path
        The lock file.

    Raises
    ------
    ValueError
        If another process holds it: who, what it does, and what to do.
    OSError
        If the folder is missing or cannot be written to.
    """
    with held(Path(folder) / LOCK, os.fspath(folder), doing) as path:
        yield path


@contextmanager
def held(path: str | os.PathLike[str], place: str, doing: str) -> Iterator[Path]:
    """Hold a lock file of any name while the block runs; ``locked`` holds that of a folder.

    Parameters
    ----------
    path : path-like
        The lock file; its folder exists and can be written to.
    place : str
        What it guards, for who comes second.
    doing : str
        As locked.

    Raises
    ------
    ValueError, OSError
        As locked.
    """
    path = Path(path)
    stream = _acquire(path, place)
    try:
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "doing": doing}
        os.ftruncate(stream, 0)
        try:
            os.pwrite(stream, json.dumps(holder).encode(), 0)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
        yield path
    finally:
        if _is_that_file(path, stream):
            path.unlink(missing_ok=True)
        os.close(stream)


def _acquire(path: Path, place: str) -> int:
    """The open lock file, held by this process alone."""
    while True:
        stream = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            holds = _flock(stream)
            holder = _holder(stream)
            if not holds or (holder and holder.get("host") != socket.gethostname()):
                raise ValueError(_refusal(path, place, holder))
            if _is_that_file(path, stream):
                return stream
        except BaseException:
            os.close(stream)
            raise
        os.close(stream)  # who held it before removed the file meanwhile: a new one is needed


def _flock(stream: int) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return not _is_alive(_holder(stream))
    return True


def _holder(stream: int) -> dict[str, Any]:
    """What the lock file says; empty for one that was just made."""
    try:
        holder = json.loads(os.pread(stream, 4096, 0) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether a process of this machine that a lock file names still runs."""
    pid = holder.get("pid")
    return isinstance(pid, int) and pid > 0 and Path(f"/proc/{pid}").exists()


def _is_that_file(path: Path, stream: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(stream))
    except FileNotFoundError:
        return False


def _refusal(path: Path, place: str, holder: dict[str, Any]) -> str:
    here = holder.get("host") == socket.gethostname()
    who = f"process {holder.get('pid')}" + ("" if here else f" on {holder.get('host')}")
    remedy = f"wait for it, or name another {'folder' if path.name == LOCK else 'output'}"
    if holder and not here:
        remedy += f"; if that process is gone, delete {path}"
    return (
        f"{place}: {holder.get('doing') or 'another command'} is at work here "
        f"({who if holder else 'another process'}); {remedy}"
    )

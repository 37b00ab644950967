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

__all__ = ["LOCK", "held", "holder_of", "is_running", "is_same_file", "locked", "try_flock"]

LOCK = ".lock"
# what flock says where the file system knows no locks (EBADF: NFS, of a folder)
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF)


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
        if is_same_file(path, stream):
            path.unlink(missing_ok=True)
        os.close(stream)


def try_flock(stream: int) -> bool | None:
    """Whether this process holds an open file or folder now; None where there are no locks."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return None
        raise
    return True


def is_running(pid: object) -> bool:
    """Whether this machine has a process of that number."""
    return isinstance(pid, int) and pid > 0 and Path(f"/proc/{pid}").exists()


def is_same_file(path: Path, stream: int) -> bool:
    """Whether ``path`` is still what was opened."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(stream))
    except FileNotFoundError:
        return False


def holder_of(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Who holds a folder by ``locked`` now (pid, host, doing); None: nobody. Nothing is touched."""
    try:
        stream = os.open(Path(folder) / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = _holder(stream)
    finally:
        os.close(stream)
    here = holder.get("host") == socket.gethostname()
    return holder if holder and (not here or is_running(holder.get("pid"))) else None


def _acquire(path: Path, place: str) -> int:
    """The open lock file, held by this process alone."""
    while True:
        stream = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            holds, holder = try_flock(stream), _holder(stream)
            if holds is None:  # no locks there: the file itself is the lock
                holds = not is_running(holder.get("pid"))
            if not holds or (holder and holder.get("host") != socket.gethostname()):
                raise ValueError(_refusal(path, place, holder))
            if is_same_file(path, stream):
                return stream
        except BaseException:
            os.close(stream)
            raise
        os.close(stream)  # who held it before removed the file meanwhile: a new one is needed


def _holder(stream: int) -> dict[str, Any]:
    """What the lock file says; empty for one that was just made."""
    try:
        holder = json.loads(os.pread(stream, 4096, 0) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


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

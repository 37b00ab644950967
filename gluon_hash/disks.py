"""Writes that a disk refuses, and writes that it has taken for good: named errors, fsync."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gluon_hash.leftovers import temporary_file

__all__ = ["expect_room", "naming_failed_writes", "sync", "sync_entries"]

# what MXNet, FAISS and NumPy say, which keep the reason and the name to themselves
INCOMPLETE = re.compile(
    r"FileStream\.Write incomplete|\d+ requested and \d+ written|fwrite|[Ww]rite error"
    r"|No space left"
)
ROOM = 1 << 14  # bytes: more than what the C library holds back until it closes a file
UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)  # no fsync of folders here


@contextmanager
def naming_failed_writes(
    path: str | os.PathLike[str], temporary: str | os.PathLike[str] | None = None
) -> Iterator[None]:
    """What is said of a write that failed becomes an OSError that names ``path``.

    Parameters
    ----------
    path : path-like
        What is being written, as the user knows it.
    temporary : path-like, optional
        Where it is written meanwhile: a file, or a folder with files.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None and INCOMPLETE.search(str(error)):
            raise _incomplete(path) from error
        if error.errno is not None:
            error.filename = _final(error.filename, path, temporary)
        raise
    except RuntimeError as error:  # MXNet, FAISS
        if not INCOMPLETE.search(str(error)):
            raise
        raise _incomplete(path) from error


def expect_room(path: str | os.PathLike[str]) -> None:
    """After a library in C has written ``path``: whether the disk had room for its last bytes.

    Such libraries do not look when they close a file; a full disk may be seen only then.

    Raises
    ------
    OSError
        If the disk is full; it names ``path``.
    """
    with temporary_file(path) as temporary, naming_failed_writes(path, temporary):
        temporary.write_bytes(bytes(ROOM))


def sync(path: str | os.PathLike[str]) -> None:
    """Bring a file, or a folder with all that is in it, to the disk: a power cut leaves it whole.

    Raises
    ------
    OSError
        As the disk says it; a full one may say it only now.
    """
    path = Path(path)
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            sync(entry)
        sync_entries(path)
    elif path.is_file():
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())


def sync_entries(folder: str | os.PathLike[str]) -> None:
    """Bring the names in a folder to the disk, where the file system can."""
    stream = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(stream)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise
    finally:
        os.close(stream)


def _final(
    name: Any, path: str | os.PathLike[str], temporary: str | os.PathLike[str] | None
) -> str:
    """The file that an error is about, by the name that it would have had in the end."""
    if not isinstance(name, (str, bytes)):  # none, or a descriptor
        return os.fspath(path)
    text = os.fsdecode(name)
    if temporary is None:
        return text
    below = os.path.relpath(text, temporary)
    if below.startswith(".."):
        return text
    return os.fspath(path) if below == "." else os.path.join(path, below)


def _incomplete(path: str | os.PathLike[str]) -> OSError:
    """The reason for a write that a library did not finish, found by one more."""
    try:
        expect_room(Path(path) / "room" if os.path.isdir(path) else path)
    except OSError as error:
        error.filename = os.fspath(path)
        return error
    return OSError(errno.EIO, "could not be written to its end", os.fspath(path))

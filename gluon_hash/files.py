"""Writing files so that nothing a user made is lost: beside, then renamed; and hashing them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "atomic_folder",
    "atomic_path",
    "atomic_write_text",
    "atomic_write_json",
    "refuse_existing",
    "sha256",
]


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed onto it when the block ends well, deleted when not.

    Parameters
    ----------
    path : path-like
        The final file; its folder is created.

    Yields
    ------
    Path
        Write to this one. It has the same suffix as ``path`` (some writers append one of their
        own).

    Raises
    ------
    OSError
        As the writer raises it (a full disk, say), with ``path`` for its file name if it has none;
        ``path`` is then as it was before. If nothing can be written there, it names the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming_the_folder(path.parent):
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent
        )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp gives 0600
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None:  # write() does not know the name
            error.filename = os.fspath(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside ``path``, renamed to it when the block ends well, deleted when not.

    Parameters
    ----------
    path : path-like
        The new folder. Its parents are created.

    Raises
    ------
    ValueError
        If there is something at ``path``.
    OSError
        As the writers raise it. If nothing can be written there, it names the folder.
    """
    refuse_existing(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming_the_folder(path.parent):
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp gives 0700
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def atomic_write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as indented JSON to ``path``, whole or not at all; NaN is refused."""
    atomic_write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def refuse_existing(*paths: str | os.PathLike[str]) -> None:
    """Raise ValueError, naming it, if one of ``paths`` exists: nothing is overwritten unasked."""
    for path in paths:
        if os.path.exists(path):
            raise ValueError(f"{path} exists already; name another output or remove it first")


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _naming_the_folder(folder: Path) -> Iterator[None]:
    """An OSError names ``folder`` in place of the hidden temporary file that was not made."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(folder)) from error

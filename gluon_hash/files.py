"""Writing files so that nothing a user made is lost: beside, then published; and hashing them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from gluon_hash.disks import naming_failed_writes, sync, sync_entries
from gluon_hash.leftovers import temporary_file, temporary_folder
from gluon_hash.locks import held

__all__ = [
    "atomic_folder",
    "atomic_path",
    "atomic_write_json",
    "atomic_write_text",
    "claimed",
    "expect_name",
    "publish",
    "publish_together",
    "refuse_existing",
    "replace_json",
    "replace_path",
    "replace_text",
    "sha256",
]

# file systems without hard links (FAT, some network disks) say one of these
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
LONGEST_NAME = 60  # characters of a name in that of its lock; a name has 255 bytes


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path``, which becomes it when the block ends well; else deleted.

    Nothing is replaced: a file that came to ``path`` meanwhile stays, and what was written is kept
    beside it as NAME-1 (NAME-2 ...).

    Parameters
    ----------
    path : path-like
        The final file; its folder is created, and deleted again if nothing comes into it.

    Yields
    ------
    Path
        Write to this one. It has the same suffix as ``path`` (some writers append one of their
        own).

    Raises
    ------
    ValueError
        If there is something at ``path`` in the end: what was left, and what was kept where.
    OSError
        As the writer raises it (a full disk, say), with ``path`` for its file name. If nothing can
        be written there, it names the folder.
    """
    path = Path(path)
    with _written(path) as temporary:
        yield temporary
        sync(temporary)
        publish(temporary, path)


@contextmanager
def replace_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """As atomic_path, for a file that is the caller's own (a log, a cache): the old one goes."""
    path = Path(path)
    with _written(path) as temporary:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync_entries(path.parent)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside ``path``, which becomes it when the block ends well; else deleted.

    Parameters
    ----------
    path : path-like
        The new folder. Its parents are created.

    Raises
    ------
    ValueError
        If there is something at ``path``: before, or, as atomic_path has it, in the end.
    OSError
        As the writers raise it. If nothing can be written there, it names the folder.
    """
    refuse_existing(path)
    path = Path(path)
    with (
        _parents_of(path),
        temporary_folder(path) as temporary,
        naming_failed_writes(path, temporary),
    ):
        yield temporary
        sync(temporary)
        publish(temporary, path)


def publish(temporary: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Give a finished file or folder its name, or, if that is taken, the next free one.

    Parameters
    ----------
    temporary, path : path-like
        In one folder. Nothing at ``path`` is replaced, also not by another process at the same
        time. (On file systems without hard links, an empty file reserves the name for the moment
        of the renaming; what another process writes into that one is lost.)

    Raises
    ------
    ValueError
        If it was taken: what was left as it is, and what was kept under which name.
    """
    temporary, path = Path(temporary), Path(path)
    if _published(temporary, path):
        return
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(1))
    kept = next(name for name in numbered if _published(temporary, name))
    raise ValueError(
        f"{path} exists already and is left as it is; what was to be written there is kept as "
        f"{kept}"
    )


def publish_together(pairs: Mapping[Path, Path]) -> None:
    """Give finished files, in one folder, their names: all of them, in this order, or none.

    Parameters
    ----------
    pairs : mapping from a temporary path to the final one
        On one disk.

    Raises
    ------
    ValueError
        If a name is taken; that file is left as it is.
    """
    with ExitStack() as undo:
        for temporary, path in pairs.items():
            sync(temporary)
            if not _published(temporary, path):
                raise ValueError(
                    f"{path} exists already and is left as it is; nothing was written; name "
                    "another output"
                )
            undo.callback(path.unlink, missing_ok=True)
        undo.pop_all()


@contextmanager
def claimed(*paths: str | os.PathLike[str], doing: str) -> Iterator[None]:
    """Hold the names of outputs while they are computed, so that a second command hears of it.

    Parameters
    ----------
    *paths : path-like
        Files or folders that do not exist. Their parents are created, and deleted again if
        nothing came into them.
    doing : str
        What is done, for who comes second: "encode".

    Raises
    ------
    ValueError
        If one exists, or another process is making it.
    """
    refuse_existing(*paths)
    if len(set(map(os.path.abspath, paths))) < len(paths):
        raise ValueError(f"{os.fspath(paths[0])}: named for two outputs; each needs its own")
    with ExitStack() as stack:
        for path in map(Path, paths):
            stack.enter_context(_parents_of(path))
            lock = path.with_name(f".{path.name[:LONGEST_NAME]}.lock")
            stack.enter_context(held(lock, os.fspath(path), doing))
            refuse_existing(path)  # whoever held it before has made it
        yield


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 to a new file, whole or not at all; errors as atomic_path."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def atomic_write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as indented JSON to a new file, as atomic_write_text; NaN is refused."""
    atomic_write_text(path, _as_json(value))


def replace_text(path: str | os.PathLike[str], text: str) -> None:
    """As atomic_write_text, for a file that is the caller's own: the old one goes."""
    with replace_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def replace_json(path: str | os.PathLike[str], value: Any) -> None:
    """As atomic_write_json, for a file that is the caller's own: the old one goes."""
    replace_text(path, _as_json(value))


def refuse_existing(*paths: str | os.PathLike[str]) -> None:
    """Raise ValueError, naming it, if one of ``paths`` exists: nothing is overwritten unasked."""
    for path in paths:
        expect_name(path)
        if os.path.lexists(path):
            raise ValueError(f"{path} exists already; name another output or remove it first")


def expect_name(path: str | os.PathLike[str]) -> None:
    """Raise ValueError for a path that ends in no name: an empty one, `.`, `..`, the root."""
    if Path(path).name in ("", ".."):
        raise ValueError(f"expected a path with a name for the output, got {os.fspath(path)!r}")


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    with (
        _parents_of(path),
        temporary_file(path) as temporary,
        naming_failed_writes(path, temporary),
    ):
        yield temporary


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Make the folders above ``path``; those that stay empty are deleted again."""
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in missing:
            with suppress(OSError):  # not empty, or never made
                folder.rmdir()


def _published(temporary: Path, path: Path) -> bool:
    """Rename, unless there is something at ``path``."""
    try:
        if temporary.is_dir():
            _rename_folder(temporary, path)
        else:
            _link(temporary, path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        raise
    sync_entries(path.parent)
    return True


def _rename_folder(temporary: Path, path: Path) -> None:
    path.mkdir()  # reserves the name: renaming replaces an empty folder, and no other
    try:
        os.rename(temporary, path)
    except OSError:
        with suppress(OSError):
            path.rmdir()
        raise


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.replace(temporary, path)


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"

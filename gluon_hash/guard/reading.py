"""Bytes and text of a file, and the block in which a library may parse them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from gluon_hash.errors import DataError, MissingPackageError

__all__ = ["is_of_the_disk", "read_bytes", "read_lines", "read_text", "reading", "split_lines"]

# A list of 14 million images has about 1 GB. What is not a file (a pipe, /dev/zero) has no size
# that could be looked at first.
TEXT_LIMIT, PIPE_LIMIT = 4 << 30, 64 << 20
AGAIN = "get it again, or write it again"
LONGEST_REASON = 200  # characters
# what a decoder's own OSError carries: a checksum that is wrong, an offset outside
DAMAGED = (None, errno.EINVAL)


@contextmanager
def reading(
    path: str | os.PathLike[str],
    expected: str,
    remedy: str = AGAIN,
    *,
    line: int | None = None,
    record: int | None = None,
) -> Iterator[None]:
    """A block that parses a file: whatever a library raises there becomes a DataError.

    A DataError passes as it is, and so do a missing package and what is not the file's fault: an
    OSError of the disk (which is given the file's name), an interrupt.

    Parameters
    ----------
    path : path-like
    expected : str
        What the file should be, without an article: ".npz file".
    remedy : str
        What to do about it.
    line, record : int, optional
        Where in the file, as of a DataError.

    Examples
    --------
    >>> with reading("a.json", "list", "ask"):
    ...     {}["b"]
    Traceback (most recent call last):
    ...
    gluon_hash.errors.DataError: a.json: not a readable list, or cut short: KeyError: 'b'; ask
    """
    try:
        yield
    except (DataError, MissingPackageError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and is_of_the_disk(error):
            if error.filename is None:  # read() does not know the name
                error.filename = os.fspath(path)
            raise
        raise DataError(
            f"not a readable {expected}, or cut short: {_reason(error)}; {remedy}",
            path=path,
            line=line,
            record=record,
        ) from error


def is_of_the_disk(error: OSError) -> bool:
    """Whether an OSError comes from the system (no space, no right), not from a decoder."""
    return error.errno not in DAMAGED


def read_bytes(path: str | os.PathLike[str], limit: int, *, made_by: str | None = None) -> bytes:
    """The content of a file, if it has at most ``limit`` bytes.

    Parameters
    ----------
    path : path-like
    limit : int
        What is larger is refused unread.
    made_by : str, optional
        The command that makes such a file, named if there is none.

    Raises
    ------
    DataError
        If there is no such file, it is a folder or larger.
    OSError
        If it cannot be read.
    """
    advice = "" if made_by is None else f"; `{made_by}` makes it"
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            size = status.st_size
            if not stat.S_ISREG(status.st_mode):
                limit = min(limit, PIPE_LIMIT)
                data = stream.read(limit + 1)
                size = len(data)
            elif size <= limit:
                data = stream.read()
    except FileNotFoundError as error:
        raise DataError(f"no such file{advice}", path=path) from error
    except IsADirectoryError as error:
        raise DataError(f"expected a file, got a folder{advice}", path=path) from error
    if size > limit:
        raise DataError(
            f"expected at most {limit} bytes, got {size} or more: it is a file of another kind",
            path=path,
        )
    return data


def read_text(
    path: str | os.PathLike[str], *, made_by: str | None = None, limit: int = TEXT_LIMIT
) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Parameters
    ----------
    path, made_by, limit
        As read_bytes.

    Raises
    ------
    DataError
        As read_bytes, or, with the line, if a byte is not UTF-8: a binary file, or text of another
        encoding.
    """
    data = read_bytes(path, limit, made_by=made_by)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected UTF-8 text, got byte {data[error.start]:#04x}: it is a binary file, or text "
            "that must be saved as UTF-8 first",
            path=path,
            line=data.count(b"\n", 0, error.start) + 1,
        ) from error


def read_lines(path: str | os.PathLike[str], *, made_by: str | None = None) -> list[str]:
    """The lines of a UTF-8 file without their ends; errors as read_text."""
    return split_lines(read_text(path, made_by=made_by))


def split_lines(text: str) -> list[str]:
    r"""The lines of a text: they end with ``\n``, ``\r\n`` or ``\r``, and with nothing else.

    str.splitlines also breaks at U+2028, U+0085 and others that a name may hold.

    Examples
    --------
    >>> split_lines("a\u2028b\r\nc\n")
    ['a\u2028b', 'c']
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def _reason(error: Exception) -> str:
    """The first line of an error, in characters that can be shown, with its kind where it helps."""
    text = str(error).partition("\n")[0].rstrip(":. ")[:LONGEST_REASON]
    text = "".join(char if char.isprintable() else "?" for char in text)
    if isinstance(error, MemoryError):
        return f"it asks for more memory than there is {text}".rstrip()
    if text and isinstance(error, (ValueError, OSError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

"""What goes wrong: a bad file, a training that went astray, a package that is not installed."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["DataError", "DivergedError", "MissingPackageError", "Terminated"]


class DataError(ValueError):
    """A file is not what it should be: says where, what was expected, what came, how to fix it.

    Parameters
    ----------
    message : str
        "expected 4 labels (levels 0-3), got 3; write the list again with `prepare`".
    path : path-like, optional
        The file.
    line : int, optional
        Line of a text file, counted from 1.
    record : int, optional
        Position of a record in a .rec file (or of an image in an archive), counted from 0.

    Examples
    --------
    >>> print(DataError("expected 4 labels, got 3", path="train.lst", line=17))
    train.lst:17: expected 4 labels, got 3
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | os.PathLike[str] | None = None,
        line: int | None = None,
        record: int | None = None,
    ) -> None:
        self.message, self.path, self.line, self.record = message, path, line, record
        where = "" if path is None else os.fspath(path)
        if line is not None:
            where += f":{line}"
        if record is not None:
            where += f": record {record}" if where else f"record {record}"
        super().__init__(f"{where}: {message}" if where else message)

    def moved(self, folder: str | os.PathLike[str], name: str | os.PathLike[str]) -> DataError:
        """The error with ``name`` for ``folder`` in its path: for a file unpacked from an archive.

        Parameters
        ----------
        folder : path-like
            Where the archive was unpacked; an error about another place is returned as it is.
        name : path-like
            The archive.
        """
        if self.path is None or Path(folder) not in Path(self.path).parents:
            return self
        return DataError(
            self.message,
            path=Path(name) / Path(self.path).relative_to(folder),
            line=self.line,
            record=self.record,
        )


class DivergedError(RuntimeError):
    """A loss, or an output of the network, became NaN or infinite."""


class MissingPackageError(ImportError):
    """A package that only some of the work needs is not installed; says how to get it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: the command tidies up as after Ctrl-C, and ends.

    Where whole work can be saved first (a training run ends its batch), it is saved and this is
    raised then.

    Parameters
    ----------
    number : int
        Of the signal; the command ends with 128 + number, as a shell says it.
    """

    def __init__(self, number: int = 15) -> None:
        self.number = number
        super().__init__(f"ended by signal {number}")

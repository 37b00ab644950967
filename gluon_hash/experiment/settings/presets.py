"""The configurations and hierarchy tables that come with gluon_hash, in a checkout or a wheel."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from gluon_hash.environment import carried_folder

__all__ = ["description", "find", "names", "packaged"]


def packaged(name: str) -> Path:
    """The file of a configuration ("synthetic") or a table ("cifar100/hierarchy.tsv").

    Raises
    ------
    ValueError
        If nothing of this name comes with gluon_hash; the nearest name is said.

    Examples
    --------
    >>> packaged("synthetic").name
    'synthetic.yaml'
    """
    files = _files()
    if name.removesuffix(".yaml") in files:
        return files[name.removesuffix(".yaml")]
    near = difflib.get_close_matches(name, files, n=1, cutoff=0.4)
    raise ValueError(
        f"{name}: no such file, and no configuration of this name comes with gluon_hash; "
        + (f"did you mean {near[0]}? " if near else "")
        + "`gluon-hash config list` prints the names"
    )


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """A configuration: the user's file if there is one at this path, else the packaged one.

    Parameters
    ----------
    name_or_path : str or path-like
        "mine.yaml", "configs/synthetic.yaml"; or "synthetic".

    Raises
    ------
    ValueError
        If it is neither.
    """
    path = Path(name_or_path)
    return path if path.is_file() else packaged(os.fspath(name_or_path))


def names() -> list[str]:
    """What comes with gluon_hash: configurations first, then tables, each in order of name."""
    return sorted(_files(), key=lambda name: (name.endswith(".tsv"), name))


def description(name: str) -> str:
    """What a packaged file is for, in a line: of a configuration the start of its first comment."""
    lines = packaged(name).read_text(encoding="utf-8").splitlines()
    if name.endswith(".tsv"):
        return f"the classes and their levels: {', '.join(lines[1].split())}"
    comment = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    purpose = comment.partition(" Cost: ")[0].partition(" Command: ")[0]
    return purpose.removeprefix("Reproduces: ").removeprefix("nothing; ")


def _files() -> dict[str, Path]:
    """Every packaged file by its name."""
    configurations = {path.stem: path for path in carried_folder("configs").glob("*.yaml")}
    data = carried_folder("data")
    return configurations | {
        path.relative_to(data).as_posix(): path for path in data.glob("*/*.tsv")
    }

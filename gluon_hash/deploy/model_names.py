"""What an exported network is called by: its manifest, DIR/NAME, or a name of the zoo."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from gluon_hash.environment import carried_folder
from gluon_hash.progress import log

__all__ = ["SUFFIX", "could_be_meant", "manifest_path", "zoo_folder", "zoo_names"]

SUFFIX = ".manifest.json"


def zoo_folder() -> Path:
    """Where the exported networks lie that come with gluon_hash, a folder each."""
    return carried_folder("zoo")


def zoo_names() -> list[str]:
    """Names of the exported networks that come with gluon_hash, sorted."""
    return sorted(path.parent.name for path in zoo_folder().glob(f"*/*{SUFFIX}"))


def manifest_path(path: str | os.PathLike[str]) -> Path:
    """The manifest that is meant; where none is, the path itself.

    What is at the path comes first, then NAME.manifest.json of DIR/NAME, then the zoo's network of
    a bare NAME; where there are both, or it is the zoo's, a line on stderr says so.
    """
    path = Path(path)
    if not path.name:  # "." and "/"
        return path
    beside = path.with_name(path.name + SUFFIX)
    own = beside if beside.exists() and path.suffix != ".json" else path
    carried = zoo_folder() / path.name / beside.name
    if len(path.parts) != 1 or not carried.exists():
        return own
    if own.exists():
        _say(f"{path}: {own.absolute()}, not the zoo's network of this name")
        return own
    _say(f"{path}: the zoo's network, {carried}")
    return carried


def could_be_meant(path: str | os.PathLike[str]) -> str:
    """For the message about a bare name that nothing has: the names of the zoo; else nothing."""
    path, names = Path(path), zoo_names()
    if len(path.parts) != 1 or path.suffix or path.exists() or not names:
        return ""
    return (
        f"; the zoo (`gluon-hash zoo`) has no network of this name either, only {', '.join(names)}"
    )


@functools.cache
def _say(text: str) -> None:
    """Once, though a command asks for the path several times."""
    log(text)

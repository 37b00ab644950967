"""What libraries read from the environment when they are first imported: threads, cache folders."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

__all__ = [
    "cache_folder",
    "carried_folder",
    "compiled_folder",
    "is_writable",
    "processors",
    "set_caches",
    "set_threads",
    "threads",
]


def carried_folder(name: str) -> Path:
    """What comes along: the folder in the package (a wheel), or beside the package (a checkout)."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parents[1] / name


def processors() -> int:
    """Number of processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads() -> None:
    """OMP_NUM_THREADS = the processors this process may run on, unless the user has set it."""
    os.environ.setdefault("OMP_NUM_THREADS", str(processors()))


def threads() -> int:
    """OMP_NUM_THREADS where that is a number, else the processors this process may run on."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # of nested regions
    return int(first) if first.isdecimal() and int(first) > 0 else processors()


def set_caches() -> None:
    """Give Matplotlib a folder for its list of fonts where there is no home that can be written.

    That is so in a container, say; without it Matplotlib warns and looks for fonts in every run.
    What the user has set is kept.
    """
    if "MPLCONFIGDIR" in os.environ or all(map(is_writable, _matplotlib_folders())):
        return
    folder = cache_folder()
    if folder is not None:
        os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")


def _matplotlib_folders() -> list[Path]:
    """Where Matplotlib keeps its settings and its list of fonts."""
    return [_user_folder("CONFIG") / "matplotlib", _user_folder("CACHE") / "matplotlib"]


def _user_folder(kind: str) -> Path:
    """The user's folder for settings or caches: XDG_CONFIG_HOME, XDG_CACHE_HOME or its default."""
    home = os.path.expanduser("~")
    return Path(os.environ.get(f"XDG_{kind}_HOME") or f"{home}/.{kind.lower()}")


def compiled_folder() -> Path | None:
    """Where compiled functions are kept between runs; None if nothing can be written.

    Numba looks beside the source, then in the user's cache; gluon_hash has a third place.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        places = [Path(os.environ["NUMBA_CACHE_DIR"]).absolute()]
    else:
        places = [Path(__file__).parent / "__pycache__", _user_folder("CACHE") / "numba"]
    return next((place for place in places if is_writable(place)), None) or cache_folder()


def is_writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or the folder itself where there is none yet.

    A relative folder cannot: it is the home of a user who has none.
    """
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return folder.is_absolute() and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def cache_folder() -> Path | None:
    """A folder for caches below that for temporary files, the same in every run of this user.

    What compiled code is kept there will be run, so a folder that somebody else could have filled
    is not used: None, as where nothing can be written.
    """
    user = os.getuid() if hasattr(os, "getuid") else None  # None: Windows, where it is the user's
    try:
        folder = Path(tempfile.gettempdir()) / f"gluon_hash-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()  # of a link: the link's own
    except OSError:
        return None
    if user is None:
        return folder
    private = about.st_uid == user and not about.st_mode & 0o077
    return folder if private and stat.S_ISDIR(about.st_mode) else None

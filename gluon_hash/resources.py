"""What there is and what was used: free disk, memory at its most, and sizes in words."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

__all__ = ["free_disk", "in_bytes", "peak_memory"]


def peak_memory() -> int:
    """The most memory that this process has had, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def free_disk(path: str | os.PathLike[str]) -> int:
    """Bytes that are free where ``path`` is or would be."""
    there = next(
        each for each in [Path(path).absolute(), *Path(path).absolute().parents] if each.exists()
    )
    return shutil.disk_usage(there).free


def in_bytes(number: float) -> str:
    """A size in words, decimal.

    Examples
    --------
    >>> in_bytes(900), in_bytes(1_234_567), in_bytes(23e9)
    ('0.9 kB', '1.2 MB', '23 GB')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:.{1 if number < 10 * size else 0}f} {unit}"
    return f"{number / 1e3:.1f} kB"

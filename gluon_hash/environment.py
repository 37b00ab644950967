"""What libraries read from the environment when they are first imported: how many threads they
start."""

from __future__ import annotations

import os

__all__ = ["set_threads"]


def set_threads() -> None:
    """OMP_NUM_THREADS = the processors this process may run on, unless the user has set it."""
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

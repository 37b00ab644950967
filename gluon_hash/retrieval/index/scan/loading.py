"""When the compiled scan is worth loading: Numba takes longer to import than FAISS to search."""

from __future__ import annotations

import sys
import threading

__all__ = ["load_for_work_alone", "pays"]

KERNELS = f"{__package__}.kernels"
MOST_BYTES = 8191  # a distance of such codes fits into 16 bits, with one to spare
SMALL = 1 << 18  # bytes compared; FAISS does it in microseconds
LARGE = 1 << 22  # bytes of codes, 500,000 of 64 bits; who has so many asks more than once
LOADING = 1 << 34  # bytes that FAISS compares while Numba and the kernels load, in 0.7 s


class _Work:
    """What FAISS has compared so far in this process, in bytes of codes."""

    lock = threading.Lock()
    compared = 0
    alone = False


def load_for_work_alone() -> None:
    """Load the scan when FAISS has worked as long as loading takes, however many codes there are.

    For a process that asks an index once.
    """
    _Work.alone = True


def pays(num_queries: int, num_codes: int, num_bytes: int) -> bool:
    """Whether to compare codes of ``num_bytes`` by the compiled scan, not by FAISS."""
    work = num_queries * num_codes * num_bytes
    if num_bytes > MOST_BYTES or work < SMALL:
        return False
    if KERNELS in sys.modules:
        return True
    with _Work.lock:
        _Work.compared += work
        enough = _Work.compared >= LOADING
    return enough or (not _Work.alone and num_codes * num_bytes >= LARGE)

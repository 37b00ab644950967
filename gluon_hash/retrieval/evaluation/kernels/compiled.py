"""How kernels are compiled, and when the compiled code that is kept on the disk is out of date."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import njit

from gluon_hash import environment

__all__ = ["SOURCES", "digest_of", "folded", "inner", "kept", "kept_serial"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def inner(function: Kernel) -> Kernel:
    """Compile a kernel that other kernels call; it is kept on the disk as part of its callers."""
    compiled: Any = njit(function, nogil=True, error_model="numpy")
    return compiled


def folded(function: Kernel) -> Kernel:
    """As inner, for a few lines that become part of their caller before anything is compiled."""
    compiled: Any = njit(function, inline="always", nogil=True, error_model="numpy")
    return compiled


def kept(function: Kernel) -> Kernel:
    """Compile a kernel that Python calls, its prange in parallel, and keep it on the disk.

    Numba forgets what it kept when the file of ``function`` changes, and when the values in its
    closure do; it does not look at the files of what ``function`` calls. So ``function`` has
    SOURCES in its closure. Where nothing can be written beside this file or in the user's home,
    it is kept in environment.cache_folder, and if there is none, or the disk is full, it is
    compiled in every run.
    """
    return _compiled(function, parallel=True)


def kept_serial(function: Kernel) -> Kernel:
    """As kept, on one thread: what calls it may call it from several."""
    return _compiled(function, parallel=False)


def _compiled(function: Kernel, *, parallel: bool) -> Kernel:
    compile_it: Any = partial(njit, function, parallel=parallel, nogil=True, error_model="numpy")
    try:
        return _kept_if_possible(compile_it(cache=True))
    except RuntimeError:  # Numba found no folder that it can write to
        folder = environment.cache_folder()
        config: Any = numba.config
        config.CACHE_DIR = "" if folder is None else os.fspath(folder)
        return _kept_if_possible(compile_it(cache=folder is not None))


def _kept_if_possible(kernel: Any) -> Any:
    """Not to be kept is no reason to fail: a full disk costs the compiling again, nothing else."""
    cache = getattr(kernel, "_cache", None)  # private: a Numba without it keeps as it likes
    if cache is None:
        return kernel
    save = cache.save_overload

    def save_if_possible(signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            save(signature, compiled)

    cache.save_overload = save_if_possible
    return kernel


def digest_of(folder: Path) -> int:
    """Changes with the text of any Python file of a folder: a whole number of 56 bits."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.py"))))
    return int.from_bytes(digest.digest()[:7], "little")


SOURCES = digest_of(Path(__file__).parent)

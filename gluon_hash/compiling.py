"""How kernels are compiled, and when the compiled code that is kept on the disk is out of date."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import njit

from gluon_hash import environment
from gluon_hash.progress import log

__all__ = ["digest_of", "folded", "inner", "kept"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def inner(function: Kernel) -> Kernel:
    """Compile a kernel that other kernels call; it is kept on the disk as part of its callers.

    What would let Python or C call it takes as long to compile as the kernel, and is left out.
    """
    wrappers: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # unknown to its types
    compiled: Any = njit(function, nogil=True, error_model="numpy", **wrappers)
    return compiled


def folded(function: Kernel) -> Kernel:
    """As inner, for a few lines that become part of their caller before anything is compiled."""
    compiled: Any = njit(function, inline="always", nogil=True, error_model="numpy")
    return compiled


def kept(function: Kernel) -> Kernel:
    """Compile a kernel that Python calls, from several threads if it likes; keep it on the disk.

    Numba forgets what it kept when the file of ``function`` changes, and when the values in its
    closure do; it does not look at the files of what ``function`` calls. So ``function`` has the
    digest_of their folder in its closure, unless all that it calls is in its own file. Where
    nothing can be written beside that or in the user's home, it is kept in
    environment.cache_folder, and if there is none, or the disk is full, it is compiled in every
    run.
    """
    compile_it: Any = partial(
        njit, function, nogil=True, error_model="numpy", no_cfunc_wrapper=True
    )
    try:
        kernel = compile_it(cache=True)
    except RuntimeError:  # Numba found no folder that it can write to
        folder = environment.cache_folder()
        config: Any = numba.config
        config.CACHE_DIR = "" if folder is None else os.fspath(folder)
        kernel = compile_it(cache=folder is not None)
    return _said(_kept_if_possible(kernel))


def _kept_if_possible(kernel: Any) -> Any:
    """Not to be kept is no reason to fail: a full disk costs the compiling again, nothing else."""
    files = getattr(kernel, "_cache", None)  # private: a Numba without it keeps as it likes
    if files is None:
        return kernel
    save = files.save_overload

    def save_if_possible(signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            save(signature, compiled)

    files.save_overload = save_if_possible
    return kernel


def _said(kernel: Any) -> Any:
    """Who waits at a terminal for the first compiling is told so."""
    files = getattr(kernel, "_cache", None)
    if files is None:
        return kernel
    load = files.load_overload

    def load_or_say(signature: Any, target: Any) -> Any:
        compiled = load(signature, target)
        if compiled is None and sys.stderr.isatty():
            _say()
        return compiled

    files.load_overload = load_or_say
    return kernel


@cache
def _say() -> None:
    """Once."""
    folder = environment.compiled_folder()
    how_often = (
        "in every run: it can be kept nowhere" if folder is None else f"once: kept in {folder}"
    )
    log(f"compiling for this processor takes some seconds; {how_often}")


def digest_of(folder: Path) -> int:
    """Changes with the text of any Python file of a folder: a whole number of 56 bits."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.py"))))
    return int.from_bytes(digest.digest()[:7], "little")

"""Scheduler and server of MXNet's parameter server, and the watch over those that went silent.

They need MXNet's library alone, not its Python package, which would take seconds to import.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from gluon_hash.errors import MissingPackageError
from gluon_hash.launch import LAUNCHER

__all__ = ["heartbeats", "serve", "watch"]

LIBRARY = "libmxnet.so"
TIMEOUT = "PS_HEARTBEAT_TIMEOUT"
SECONDS = {"PS_HEARTBEAT_INTERVAL": "2", TIMEOUT: "60"}
LOOK_EVERY = 1.0  # seconds
SCHEDULER, ALL_OTHERS = 1, 6  # groups of nodes, as ps-lite numbers them
Controller = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


def heartbeats() -> None:
    """Let every process say now and then that it is alive; before MXNet's library is loaded."""
    for name, value in SECONDS.items():
        os.environ.setdefault(name, value)


def serve() -> NoReturn:
    """Be the scheduler or the server that DMLC_ROLE says, until all workers are done.

    Raises
    ------
    MissingPackageError
        If MXNet is not installed.
    RuntimeError
        If MXNet could not start it.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # Python does not come to answer them
    heartbeats()
    library = _library()
    library.MXGetLastError.restype = ctypes.c_char_p
    store = ctypes.c_void_p()

    def check(code: int) -> None:
        if code:
            raise RuntimeError(library.MXGetLastError().decode(errors="replace"))

    check(library.MXKVStoreCreate(b"dist", ctypes.byref(store)))
    watch(library, store, ALL_OTHERS if os.environ["DMLC_ROLE"] == "scheduler" else SCHEDULER)
    check(library.MXKVStoreRunServer(store, Controller(lambda *command: None), None))
    sys.stderr.flush()
    os._exit(0)


def watch(library: Any, store: ctypes.c_void_p, whom: int = SCHEDULER) -> Callable[[], None]:
    """End this process with one line when another has not been heard of for PS_HEARTBEAT_TIMEOUT.

    The scheduler watches all others and ends for any of them; those watch the scheduler. Not where
    a launcher watches all, which need not guess.

    Parameters
    ----------
    library : ctypes library
        MXNet's.
    store : handle
    whom : int
        ps-lite's number of a group of nodes.

    Returns
    -------
    callable
        Ends the watch.
    """
    stop = threading.Event()
    seconds = int(os.environ[TIMEOUT])

    def look() -> None:
        num_dead = ctypes.c_int()
        while not stop.wait(LOOK_EVERY):
            library.MXKVStoreGetNumDeadNode(store, whom, ctypes.byref(num_dead), seconds)
            if num_dead.value:
                print(_silence(whom, seconds), file=sys.stderr, flush=True)
                os._exit(1)

    if LAUNCHER not in os.environ:
        threading.Thread(target=look, daemon=True).start()
    return stop.set


def _silence(whom: int, seconds: int) -> str:
    who = "the scheduler" if whom == SCHEDULER else "a worker or a server"
    return (
        f"gluon-hash: error: nothing was heard of {who} for {seconds} s ({TIMEOUT}), so the "
        "training ends; start all processes again, with --resume"
    )


def _library() -> Any:
    found = importlib.util.find_spec("mxnet")
    if found is None or not found.submodule_search_locations:
        raise MissingPackageError(
            "MXNet is not installed; its parameter server needs it: pip install 'gluon_hash[mxnet]'"
        )
    path = Path(found.submodule_search_locations[0]) / LIBRARY
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # CUDA's libraries are in packages of their own, which engine loads first
        role = os.environ.pop("DMLC_ROLE")  # MXNet would serve within its import
        from gluon_hash.engine import mx

        os.environ["DMLC_ROLE"] = role
        return mx.base._LIB

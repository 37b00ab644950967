"""Several processes for one training: which role this one has, and starting them on one machine.

MXNet's parameter server has a scheduler, servers and workers, told apart by DMLC_ROLE in their
environment: set by a cluster manager, or by ``start``, which runs all of them here and sees that
none is left over.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gluon_hash import environment
from gluon_hash.progress import log

__all__ = ["LAUNCHER", "command_line", "keep_errors", "role", "start", "stay_with_launcher"]

LAUNCHER = "GLUON_HASH_LAUNCHER"  # process id of who started this one, and a folder of its own
NEEDED = ("DMLC_PS_ROOT_URI", "DMLC_PS_ROOT_PORT", "DMLC_NUM_WORKER", "DMLC_NUM_SERVER")
ROLES = ("scheduler", "server", "worker")
HERE = "127.0.0.1"
LOOK_EVERY = 0.05  # seconds
GRACE = 3.0  # seconds for the others to fail on their own, so that each error is said
GRACE_AFTER_SIGNAL = 20.0  # in which a checkpoint is written
GRACE_AT_END = 10.0  # for servers, once all workers are done
FAILED, WRONG_USE = 1, 2
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl
# the package that runs now, wherever it lies; its folder does not stay on the path
RUN = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import gluon_hash; sys.path.pop(0); "
    "from gluon_hash.cli.app import main; main()"
)


class _Process(NamedTuple):
    role: str
    running: subprocess.Popen


def role() -> str | None:
    """What this process is in a training of several: scheduler, server, worker; None: alone.

    Raises
    ------
    ValueError
        If DMLC_ROLE is another word, or a variable that goes with it is missing.
    """
    name = os.environ.get("DMLC_ROLE")
    if name is None:
        return None
    missing = [variable for variable in NEEDED if not os.environ.get(variable)]
    if name not in ROLES or missing:
        raise ValueError(
            f"DMLC_ROLE={name} in the environment: expected {', '.join(ROLES)} and beside it "
            f"{', '.join(NEEDED)}" + (f", of which {missing[0]} is missing" if missing else "")
        )
    return name


def stay_with_launcher() -> None:
    """End this process when the one that started it ends, however that ends."""
    launcher = os.environ.get(LAUNCHER, "").partition(":")[0]
    if not launcher:
        return
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != int(launcher):  # it ended before the line above
        os._exit(FAILED)


def keep_errors() -> None:
    """Write stderr into a file for the launcher, which shows it if no other worker said it."""
    folder = os.environ.get(LAUNCHER, "").partition(":")[2]
    if folder:
        sys.stderr.flush()
        os.dup2(os.open(Path(folder) / str(os.getpid()), os.O_WRONLY | os.O_CREAT, 0o600), 2)


def command_line(arguments: Sequence[str]) -> list[str]:
    """What runs a command of gluon-hash, such as ["train", "synthetic", "--out", "run"]."""
    package = Path(__file__).resolve().parent.parent
    return [sys.executable, "-c", RUN, str(package), *arguments]


def start(command: Sequence[str], num_workers: int, num_servers: int) -> int:
    """Run a command in several workers on this machine, with their servers, and wait for all.

    Each has its part of the processors (OMP_NUM_THREADS, unless it is set). Signals are passed on
    to the workers. When one dies the others are stopped.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; it takes the role that ``role`` says.
    num_workers, num_servers : int

    Returns
    -------
    int
        The exit code: 0 when all workers are done, 2 for bad input, 128 + its number after a
        signal, else 1.
    """
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        environ = _environment(num_workers, num_servers, folder)
        processes: list[_Process] = []
        try:
            for name in ["scheduler", *["server"] * num_servers, *["worker"] * num_workers]:
                processes.append(_Process(name, _popen(command, {**environ, "DMLC_ROLE": name})))
            return _wait(processes, Path(folder))
        finally:
            for process in processes:
                process.running.kill()
            for process in processes:
                process.running.wait()


def _environment(num_workers: int, num_servers: int, folder: str) -> dict[str, str]:
    """What all processes have in common."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    threads = max(1, environment.processors() // num_workers)
    return {
        "OMP_NUM_THREADS": str(threads),
        **{name: value for name, value in os.environ.items() if not name.startswith("DMLC_")},
        "DMLC_PS_ROOT_URI": HERE,
        "DMLC_PS_ROOT_PORT": str(port),
        "DMLC_NODE_HOST": HERE,
        "DMLC_NUM_WORKER": str(num_workers),
        "DMLC_NUM_SERVER": str(num_servers),
        LAUNCHER: f"{os.getpid()}:{folder}",
    }


def _popen(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C comes to the launcher alone, which passes it on
    )


def _wait(processes: Sequence[_Process], folder: Path) -> int:
    """Until all workers are done, or what went wrong is clear: the exit code."""
    workers = [process.running for process in processes if process.role == "worker"]
    others = [process for process in processes if process.role != "worker"]
    asked, deadline = None, None
    while True:
        try:
            time.sleep(LOOK_EVERY)
            left = [worker for worker in workers if worker.poll() is None]
            failed = [worker for worker in workers if worker.returncode]
            lost = [other for other in others if other.running.poll()]  # 0: it was told to end
            if not left and not failed:
                return _wait_for_servers(others)
            if failed or (lost and left):
                grace = GRACE if asked is None else GRACE_AFTER_SIGNAL
                deadline = deadline or time.monotonic() + grace
            if not left or (deadline is not None and time.monotonic() > deadline):
                return 128 + asked if asked else _verdict(failed, lost, len(workers), folder)
        except KeyboardInterrupt as error:
            asked, deadline = getattr(error, "number", signal.SIGINT), None
            for worker in workers:
                worker.send_signal(asked)  # one that has ended is left in peace


def _wait_for_servers(others: Sequence[_Process]) -> int:
    deadline = time.monotonic() + GRACE_AT_END
    while time.monotonic() < deadline and any(other.running.poll() is None for other in others):
        time.sleep(LOOK_EVERY)
    return 0


def _verdict(
    failed: Sequence[subprocess.Popen], lost: Sequence[_Process], num_workers: int, folder: Path
) -> int:
    """The exit code where something failed; says what no worker has said on the terminal."""
    go_on = "the others were stopped; the same command with --resume goes on"
    if not failed:
        ended = lost[0]
        log(f"gluon-hash: error: the {ended.role} {_how(ended.running.returncode)}; {go_on}")
        return FAILED
    for worker in failed:
        if worker.returncode not in (FAILED, WRONG_USE):
            log(
                f"gluon-hash: error: one of {num_workers} workers (process {worker.pid}) "
                f"{_how(worker.returncode)}; {go_on}"
            )
            return FAILED
    unheard = [folder / str(worker.pid) for worker in failed]
    if all(path.exists() for path in unheard):  # the first worker, which is heard, did not fail
        log(unheard[0].read_text(encoding="utf-8", errors="replace").rstrip())
    return failed[0].returncode


def _how(code: int) -> str:
    """How a process ended: ``code`` is what Popen says."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"

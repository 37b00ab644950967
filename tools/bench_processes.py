"""The processes of `make bench`: rivals in environments of their own, and commands as a whole."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PEERS", "ROOT", "Absent", "Command", "Failed", "Peer", "Processes", "version"]

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"
OURS = "ours"  # the environment that the bench itself runs in
SERVER = Path(__file__).parent / "bench_rivals.py"
DISTRIBUTIONS = {
    "dali": "nvidia_dali_cuda120",
    "faiss": "faiss_cpu",
    "gluon_hash_fast": "openvino",
    "metric_learning": "pytorch_metric_learning",
    "onnxruntime": "onnxruntime",
    "opentsne": "opentsne",
    "openvino": "openvino",
    "torch": "torch",
    "torchmetrics": "torchmetrics",
    "usearch": "usearch",
}
MEASURED = """\
import os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - started, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
LONGEST = 300.0  # seconds that a call, or getting ready for it, may take


class Absent(Exception):
    """There is no environment of this name."""


class Failed(Exception):
    """A process could not do what it was asked, ended, or took too long."""


@dataclass(frozen=True)
class Peer:
    """Work in a process of its own, which waits until it is its turn.

    Parameters
    ----------
    environment : str
        A key of bench_peers.PEERS, or "ours".
    work : str
        MODULE.FUNCTION of a tools/bench_rival*.py, or of tools/bench_own.py.
    inputs : mapping of str to ndarray, str or number
        What it works on.
    amount : float, optional
        What it does of what the row counts; default: all.
    warm : bool
        Whether a call that is not measured comes first.
    """

    environment: str
    work: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    amount: float | None = None
    warm: bool = True


@dataclass(frozen=True)
class Command:
    """A process from its start to its end: its seconds, or the most memory it held.

    Parameters
    ----------
    arguments : callable
        A new, empty folder -> what follows the interpreter.
    environment : str
        As of Peer.
    memory : bool
        MB in place of seconds.
    variables : mapping of str to str
        Of its surroundings; {folder} stands for the new folder.
    """

    arguments: Callable[[Path], Sequence[object]]
    environment: str = OURS
    memory: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    warm: bool = False
    amount: float | None = None

    def start(self) -> Callable[[int], list[float]]:
        """Calls -> seconds, or MB, of each; Absent if there is no such environment."""
        python = interpreter(self.environment)
        return lambda calls: [self._call(python) for _ in range(calls)]

    def _call(self, python: Path) -> float:
        with tempfile.TemporaryDirectory(prefix="gluon_hash.bench.") as name:
            folder = Path(name)
            own = {key: text.format(folder=folder) for key, text in self.variables.items()}
            words = [str(python), *map(str, self.arguments(folder))]
            # this process is large, and Linux counts that for a child until it is another program
            small = [sys.executable, "-S", "-c", MEASURED, *words]
            done = subprocess.run(
                small, capture_output=True, text=True, env=surroundings(self.environment, own)
            )
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:]
                raise Failed(f"{' '.join(words[1:3])} ended with {done.returncode}: {last}")
        seconds, kilobytes = map(float, done.stdout.split())
        return kilobytes / 1000 if self.memory else seconds


class Processes:
    """One process for each environment, kept until it is closed.

    Parameters
    ----------
    folder : Path
        Where inputs are handed over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._running = folder, dict[str, _Server]()
        self._count = 0

    def start(self, peer: Peer) -> Callable[[int], list[float]]:
        """Calls -> seconds of each.

        Raises
        ------
        Absent
            If there is no such environment.
        Failed
            If the process cannot get ready.
        """
        server = self._running.get(peer.environment)
        if server is None or server.has_ended():
            server = self._running[peer.environment] = _Server(peer.environment)
        self._count += 1
        inputs = self._folder / f"inputs-{self._count}.npz"
        np.savez(inputs, **{name: np.asarray(value) for name, value in peer.inputs.items()})
        try:
            server.ask({"load": peer.work, "inputs": str(inputs)})
        finally:
            inputs.unlink()
        return lambda calls: server.ask({"call": calls})["seconds"]

    def forget(self) -> None:
        """Let what was loaded go; the processes stay."""
        for server in self._running.values():
            if not server.has_ended():
                server.ask({"forget": True})

    def close(self) -> None:
        """End them."""
        for server in self._running.values():
            server.close()
        self._running.clear()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server:
    """A process of bench_rivals: a line of JSON in, a line of JSON out."""

    def __init__(self, environment: str) -> None:
        python = interpreter(environment)
        self._name, self._said = environment, tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(python), str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=surroundings(environment, {}),
        )

    def has_ended(self) -> bool:
        """Whether it must be started again."""
        return self._process.poll() is not None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Its answer; Failed if it has none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Failed(self._last_words()) from error
        if not select.select([self._process.stdout], [], [], LONGEST)[0]:
            self.close()
            raise Failed(f"{self._name}: stopped after {LONGEST:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise Failed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self._name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End it; at once, as it may be in a call."""
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._said):
            assert file is not None
            file.close()

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f"{self._name} ended: {lines[-1] if lines else 'it said nothing'}"


def interpreter(environment: str) -> Path:
    """Of an environment; Absent if there is none."""
    if environment == OURS:
        return Path(sys.executable)
    python = PEERS / environment / "bin" / "python"
    if not (python.parent.parent / ".installed").exists():
        raise Absent(environment)
    return python


def version(environment: str) -> str | None:
    """Of what an environment was made for; None of ours."""
    name = DISTRIBUTIONS.get(environment)
    for found in (PEERS / environment).glob("lib/python*/site-packages/*.dist-info"):
        distribution, _, number = found.stem.rpartition("-")
        if distribution.lower() == name:
            return number
    return None


def surroundings(environment: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What a process sees: as here, ``variables``, and of our environment this checkout."""
    own = dict(variables)
    if environment == OURS:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        own["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return {**os.environ, **own}

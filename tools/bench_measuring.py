"""How `make bench` measures: a row's calls in turn with its rivals', five times.

A row is what ours does in a call, what each rival does for the same, and the limit that the machine
sets. A rival runs in this process, or in an environment of its own (Peer), where it waits until it
is its turn.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PEERS", "Peer", "Row", "Sample", "Work", "measure"]

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"
REPEATS, SHORTEST = 5, 0.2  # a work of less than so many seconds is called more than once


@dataclass(frozen=True)
class Peer:
    """A rival of tools/bench_rivals.py, in the environment that `make bench-peers` made for it.

    Parameters
    ----------
    environment : str
        A key of bench_peers.PEERS.
    work : str
        A function of bench_rivals.
    arrays : mapping of str to ndarray
        What it works on.
    """

    environment: str
    work: str
    arrays: Mapping[str, np.ndarray]

    @property
    def python(self) -> Path:
        """Its interpreter, which is there once the environment is made."""
        return PEERS / self.environment / "bin" / "python"


@dataclass(frozen=True)
class Sample:
    """A rival that does only ``amount`` of what a row counts: it would take minutes."""

    work: Callable[[], object]
    amount: float


Work = Callable[[], object] | Peer | Sample


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name : str
        What is done, with its sizes.
    unit : str
        Of what ``amount`` counts, a second.
    amount : float
        How much of it one call does.
    ours : callable
    rivals : mapping of str to callable, Peer or Sample
    limit : (str, float), optional
        What the machine would allow: what limits it, and how much a second.
    """

    name: str
    unit: str
    amount: float
    ours: Callable[[], object]
    rivals: Mapping[str, Work] = field(default_factory=dict)
    limit: tuple[str, float] | None = None


def measure(row: Row, folder: Path) -> dict[str, Any]:
    """Seconds of a call of ours and of each rival, in turn, as JSON values.

    Of each: all of them, the least and the median; None in place of a rival whose environment is
    not there.
    """
    with ExitStack() as stack:
        works: dict[str, Callable[[], float] | None] = {"ours": _timed(row.ours)}
        for name, rival in row.rivals.items():
            if isinstance(rival, Sample):
                works[name] = _timed(rival.work)
            elif not isinstance(rival, Peer):
                works[name] = _timed(rival)
            elif rival.python.exists():
                works[name] = stack.enter_context(_Running(rival, folder)).seconds
            else:
                works[name] = None
        seconds: dict[str, list[float]] = {name: [] for name, work in works.items() if work}
        for _ in range(REPEATS):
            for name, work in works.items():
                if work is not None:
                    seconds[name].append(work())
    measured = {
        name: {
            "amount": _amount(row, name),
            "seconds": values,
            "least": min(values),
            "median": float(np.median(values)),
        }
        for name, values in seconds.items()
    }
    limit = None if row.limit is None else {"by": row.limit[0], "rate": row.limit[1]}
    return {
        "name": row.name,
        "unit": row.unit,
        "ours": measured.pop("ours"),
        "rivals": {name: measured.get(name) for name in row.rivals},
        "limit": limit,
    }


def _amount(row: Row, name: str) -> float:
    rival = row.rivals.get(name)
    return rival.amount if isinstance(rival, Sample) else row.amount


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    """Calls the work and returns its seconds: of a short one, the least of several calls."""
    work()  # compiles, loads, fills caches
    started = time.perf_counter()
    work()
    calls = max(1, min(1000, int(SHORTEST / max(time.perf_counter() - started, 1e-9))))

    def least() -> float:
        seconds = []
        for _ in range(calls):
            started = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    return least


class _Running:
    """A peer's process, which does its work whenever it is asked."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        inputs = folder / f"{peer.environment}-{peer.work}.npz"
        np.savez(inputs, **peer.arrays)
        rivals = Path(__file__).parent / "bench_rivals.py"
        command = [str(peer.python), str(rivals), peer.work, str(inputs)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._name = f"{peer.environment}: {peer.work}"

    def seconds(self) -> float:
        """Seconds of a call, as the process took them itself."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended; what it said is above")
        return float(line)

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

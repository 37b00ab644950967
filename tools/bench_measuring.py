"""How `make bench` measures: a row's work in turn with its rivals', up to five times.

A row is what ours does in a call, what each rival does for the same, and the limit that the machine
sets. Work that takes long has fewer turns: as many as its budget of seconds holds, and one at the
least. What is measured is small where it is good: seconds of a call, or MB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench_machine import Limit, Machine
from bench_processes import Absent, Command, Failed, Peer, Processes, version

__all__ = [
    "FULL",
    "QUICK",
    "Bench",
    "Effort",
    "Here",
    "Limit",
    "Row",
    "Size",
    "Works",
    "each_once",
    "measure",
]


@dataclass(frozen=True)
class Here:
    """Work in this process.

    Parameters
    ----------
    work : callable
    amount : float, optional
        What it does of what the row counts, if that would take minutes; default: all.
    warm : bool
        Whether a call that is not measured comes first.
    """

    work: Callable[[], object]
    amount: float | None = None
    warm: bool = True

    def start(self) -> Callable[[int], list[float]]:
        """Calls -> seconds of each."""

        def timed(calls: int) -> list[float]:
            seconds = []
            for _ in range(calls):
                started = time.perf_counter()
                self.work()
                seconds.append(time.perf_counter() - started)
            return seconds

        return timed


@dataclass(frozen=True)
class Works:
    """What is compared in a row.

    Parameters
    ----------
    ours : Here, Peer or Command
    rivals : mapping of str to Here, Peer or Command
    floors : mapping of str to Here, Peer or Command
        What does one part of the work alone, which nobody can do without: a limit too.
    limit : Limit, optional
    note : str
        What the name of the row cannot say, as it is known only now.
    """

    ours: Here | Peer | Command
    rivals: Mapping[str, Here | Peer | Command] = field(default_factory=dict)
    floors: Mapping[str, Here | Peer | Command] = field(default_factory=dict)
    limit: Limit | None = None
    note: str = ""


@dataclass(frozen=True)
class Bench:
    """What a row gets ready with.

    Parameters
    ----------
    machine : Machine
    folder : Path
        For files of this run, which rows share.
    archive : Path, optional
        CIFAR-100's.
    """

    machine: Machine
    folder: Path
    archive: Path | None = None


@dataclass(frozen=True)
class Size:
    """How much is measured: ``quick`` for a look whether it all runs, ``large`` for 10^7 codes."""

    quick: bool = False
    large: bool = False

    def __call__(self, full: int, quick: int) -> int:
        """One of two numbers."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Parameters
    ----------
    name : str
        What is done, with its sizes.
    prepare : callable
        Draws the inputs, builds what is compared.
    amount : float
        How much of ``unit`` one call does.
    unit : str
        Of a rate ("images": so many a second); "s" or "MB": what is measured is shown as it is.
    seconds : float
        What the row takes, about, before that is known.
    behind : str
        Why, if a rival is ahead.
    needs_archive : bool
        Whether it is left out without CIFAR-100's archive.
    """

    name: str
    prepare: Callable[[Bench], Works]
    amount: float = 1
    unit: str = "s"
    seconds: float = 10
    behind: str = ""
    needs_archive: bool = False


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Parameters
    ----------
    turns : int
    shortest : float
        Seconds of a turn; work of less is called more than once, and the least counts.
    budget : float
        Seconds for all turns of one work.
    """

    turns: int = 5
    shortest: float = 0.2
    budget: float = 8.0


FULL, QUICK = Effort(), Effort(turns=2, shortest=0.01, budget=0.5)


def measure(row: Row, bench: Bench, processes: Processes, effort: Effort = FULL) -> dict[str, Any]:
    """The row as JSON values: of ours and of each rival all turns, the least and the median.

    A rival has {"absent": its environment} in place of them where that is not made, and {"failed":
    why} where it could not do it. Absent or Failed, if ours cannot.
    """
    started = time.perf_counter()
    works = row.prepare(bench)
    named = {"": works.ours, **works.rivals, **works.floors}
    missing: dict[str, dict[str, Any]] = {}
    turns: dict[str, _Turns] = {}
    for name, work in named.items():
        try:
            turns[name] = _Turns(work, processes, effort)
        except (Absent, Failed) as error:
            if not name:
                raise
            missing[name] = {_kind(error): str(error)}
    for _ in range(effort.turns):
        for name in list(turns):
            try:
                turns[name].take()
            except Failed as error:
                if not name:
                    raise
                missing[name] = {"failed": str(error)}
                del turns[name]
    processes.forget()
    measured = {name: turn.as_values(row.amount) for name, turn in turns.items()}
    limit = works.limit
    return {
        "name": row.name,
        "unit": row.unit,
        "note": works.note,
        "behind": row.behind,
        "took": round(time.perf_counter() - started, 1),
        "ours": measured.pop(""),
        **{
            kind: {name: measured.get(name) or missing[name] for name in getattr(works, kind)}
            for kind in ("rivals", "floors")
        },
        "limit": None if limit is None else {"by": limit.by, "least": limit.least},
    }


def _kind(error: Exception) -> str:
    return "absent" if isinstance(error, Absent) else "failed"


class _Turns:
    """The turns of one work: started, warm, and measured one by one."""

    def __init__(self, work: Here | Peer | Command, processes: Processes, effort: Effort) -> None:
        self._work, self._effort, self._calls = work, effort, 1
        self._call = processes.start(work) if isinstance(work, Peer) else work.start()
        self.values: list[float] = []
        self._spent = 0.0
        if work.warm:  # compiles, loads, fills caches; then how long it takes is known
            first = self._timed(1)
            if first < effort.budget:
                first = self._timed(1)
            self._calls = max(1, min(1000, int(effort.shortest / max(first, 1e-9))))

    def take(self) -> None:
        """One more, unless the budget would not hold it."""
        if self.values:
            mean = self._spent / len(self.values)
            if self._spent + mean > self._effort.budget:
                return
        started = time.perf_counter()
        self.values.append(min(self._call(self._calls)))
        self._spent += time.perf_counter() - started

    def as_values(self, amount: float) -> dict[str, Any]:
        """For the file."""
        work = self._work
        values = {
            "amount": amount if work.amount is None else work.amount,
            "values": [float(f"{value:.6g}") for value in self.values],
            "least": min(self.values),
            "median": float(np.median(self.values)),
        }
        environment = "" if isinstance(work, Here) else work.environment
        known = version(environment)
        return values if known is None else {**values, "version": known}

    def _timed(self, calls: int) -> float:
        started = time.perf_counter()
        self._call(calls)
        return time.perf_counter() - started


def each_once(rows: Iterator[Row]) -> list[Row]:
    """The rows of a group; ValueError if two have one name, under which they would be kept."""
    listed = list(rows)
    names = [row.name for row in listed]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two rows are called {', '.join(sorted(doubled))}")
    return listed

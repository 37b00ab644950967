"""What the machine could do: the limits that rows of `make bench` are held against."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import doctor, environment

__all__ = ["Machine", "look"]

READ = 400_000_000  # bytes that no cache holds
WORDS_A_CYCLE = 8  # of 64 bits: one vector of 512 bits whose set bits are counted


@dataclass(frozen=True)
class Machine:
    """Its memory speed (bytes/s, all processors), clock (cycles/s), last cache and processors."""

    memory: float
    clock: float
    cache: int  # bytes
    processors: int

    def scan_limit(self, num_queries: int, num_codes: int, num_bytes: int) -> tuple[str, float]:
        """What limits a scan, and queries a second at that limit.

        A few queries of a database beyond the cache: it is read from memory once. Else: 8 words are
        compared a cycle.
        """
        words = num_codes * num_bytes / 8
        reads = self.memory / (num_codes * num_bytes) * num_queries
        counts = WORDS_A_CYCLE * self.clock * self.processors / words
        if reads < counts and num_codes * num_bytes > self.cache:
            return f"{num_codes * num_bytes / 1e6:,.0f} MB read", reads
        return f"{words:,.0f} words, {WORDS_A_CYCLE} a cycle", counts

    def as_values(self) -> dict[str, Any]:
        """As JSON values, with what `gluon-hash doctor` says of it."""
        report = doctor.version_report()
        kept = ("gluon_hash", "commit", "python", "packages", "machine", "processor")
        return {**asdict(self), **{name: report[name] for name in kept}}


def look() -> Machine:
    """Measure this machine; half a second."""
    return Machine(_memory_speed(), _clock(), _cache(), environment.processors())


def _memory_speed() -> float:
    """Bytes a second that all processors read, the most of five tries."""
    count = environment.processors()
    parts = np.array_split(np.ones(READ // 8, np.int64), count)
    seconds = []
    with ThreadPoolExecutor(count) as pool:
        for _ in range(5):
            started = time.perf_counter()
            list(pool.map(np.max, parts))
            seconds.append(time.perf_counter() - started)
    return READ / min(seconds)


def _clock() -> float:
    """Cycles a second, as Linux says; 3e9 where it does not."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 3e9
    speeds = [float(speed) for speed in re.findall(r"^cpu MHz\s*: ([\d.]+)", text, re.MULTILINE)]
    return 1e6 * max(speeds, default=3e3)


def _cache() -> int:
    """Bytes of the last cache, as Linux says; 32 MB where it does not."""
    sizes = [
        int(path.read_text().strip().rstrip("K")) * 1024
        for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    ]
    return max(sizes, default=32 << 20)

"""What the machine could do: the limits that rows of `make bench` are held against."""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import __version__, doctor, environment

__all__ = ["Limit", "Machine", "commit", "look"]

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ("gluon_hash", "setup.py", "tools/bench*.py")

READ = 400_000_000  # bytes that no cache holds
WORDS_A_CYCLE = 8  # of 64 bits: one vector of 512 bits whose set bits are counted
IN_PLACE_OF_ONE = {"float32": 1, "bfloat16": 2, "int8": 4}  # AVX512-BF16, AVX512-VNNI
SIDE = 1536  # of a square matrix


@dataclass(frozen=True)
class Limit:
    """The least that the machine would allow for a call: what sets it, and seconds, or MB."""

    by: str
    least: float


@dataclass(frozen=True)
class Machine:
    """What it does a second, with all processors, and how large its last cache is."""

    memory: float  # bytes read
    clock: float  # cycles
    cache: int  # bytes
    processors: int
    products: float  # multiply-adds of a product of float32 matrices

    def scan(self, num_queries: int, num_codes: int, num_bytes: int) -> Limit:
        """Of comparing every query with every code.

        A database beyond the cache is read from memory once, unless it takes longer to compare 8
        words a cycle.
        """
        size = num_codes * num_bytes
        words = num_queries * num_codes * -(-num_bytes // 8)
        reading = size / self.memory
        counting = words / (WORDS_A_CYCLE * self.clock * self.processors)
        if size > self.cache and reading > counting:
            return Limit(f"{size / 1e6:,.0f} MB read once", reading)
        return Limit(f"{_short(words)} words compared, {WORDS_A_CYCLE} a cycle", counting)

    def multiplying(self, multiply_adds: float, precision: str = "float32") -> Limit:
        """Of so many multiply-adds; where they are shorter, a vector holds more of them."""
        rate = self.products * IN_PLACE_OF_ONE[precision]
        return Limit(f"{_short(multiply_adds)} multiply-adds in {precision}", multiply_adds / rate)

    def reading(self, num_bytes: float) -> Limit:
        """Of reading so much memory once."""
        return Limit(f"{_short(num_bytes)} bytes read once", num_bytes / self.memory)

    def as_values(self) -> dict[str, Any]:
        """As JSON values, with what `gluon-hash doctor` says of it."""
        report = doctor.version_report()
        kept = ("gluon_hash", "python", "packages", "machine", "processor", "OMP_NUM_THREADS")
        numbers = {
            name: float(f"{value:.3g}") if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return {**numbers, **{name: report[name] for name in kept}, "commit": commit()}


def look() -> Machine:
    """Measure this machine; a second."""
    return Machine(_memory_speed(), _clock(), _cache(), environment.threads(), _products())


def commit() -> str:
    """The last one that changed what is measured or how; of changed files also their digest."""

    def git(*words: str) -> str:
        command = ("git", "-C", str(ROOT), *words)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        last = git("log", "-1", "--format=%h", "--", *MEASURED).strip()
        changes = git("diff", "HEAD", "--", *MEASURED)
    except (OSError, subprocess.SubprocessError):
        return f"version {__version__}"
    digest = hashlib.sha256(changes.encode()).hexdigest()[:8]
    return f"{last}, changed ({digest})" if changes else last


def _short(count: float) -> str:
    """About how many, in words.

    >>> _short(4.1e9), _short(50_000)
    ('4.1 billion', '50 thousand')
    """
    for size, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= size:
            return f"{count / size:.3g} {word}"
    return f"{count:.3g}"


def _products() -> float:
    """Multiply-adds a second of float32, the most of five products."""
    matrix, seconds = np.ones((SIDE, SIDE), np.float32), []
    for _ in range(5):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return SIDE**3 / min(seconds)


def _memory_speed() -> float:
    """Bytes a second that all processors read, the most of five tries."""
    count = environment.threads()
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

"""What the service counts, in the text format of Prometheus."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

__all__ = ["Histogram", "Metrics", "resident_bytes"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Histogram:
    """How many values were at most as large as each bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts = bounds, [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        place = next((n for n, bound in enumerate(self._bounds) if value <= bound), -1)
        self._counts[place] += 1
        self._sum += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        """The samples of a histogram; ``labels`` as 'path="/search"'."""
        lines, total = [], 0
        before, alone = (f"{labels}," if labels else ""), (f"{{{labels}}}" if labels else "")
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts):
            total += count
            lines.append(f'{name}_bucket{{{before}le="{bound}"}} {total}')
        return [*lines, f"{name}_sum{alone} {self._sum:.6f}", f"{name}_count{alone} {total}"]


class Metrics:
    """Requests, batches and memory; any thread may count.

    Parameters
    ----------
    codes : int
        In the index.
    num_bits : int
    """

    def __init__(self, codes: int, num_bits: int) -> None:
        self.in_work = 0  # requests; changed by the event loop alone
        self._codes, self._num_bits, self._started = codes, num_bits, time.time()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._batch_sizes, self._batch_seconds = Histogram(SIZES), Histogram(SECONDS)
        self._lock = threading.Lock()

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request; ``path`` is one of the service's, not what came."""
        with self._lock:
            self._requests[method, path, status] += 1
            self._seconds.setdefault(path, Histogram(SECONDS)).add(seconds)

    def batch(self, count: int, seconds: float) -> None:
        """Count a call of the network."""
        with self._lock:
            self._batch_sizes.add(count)
            self._batch_seconds.add(seconds)

    def text(self, queued: int) -> str:
        """All of it; ``queued``: images that wait for the network."""
        with self._lock:
            lines = [
                *_head("requests_total", "counter", "Requests by path and status."),
                *(
                    f'gluon_hash_requests_total{{method="{method}",path="{path}",'
                    f'status="{status}"}} {count}'
                    for (method, path, status), count in sorted(self._requests.items())
                ),
                *_head("request_seconds", "histogram", "From the head of a request to its end."),
            ]
            for path, histogram in sorted(self._seconds.items()):
                lines += histogram.lines("gluon_hash_request_seconds", f'path="{path}"')
            lines += _head("batch_images", "histogram", "Images in one call of the network.")
            lines += self._batch_sizes.lines("gluon_hash_batch_images")
            lines += _head("batch_seconds", "histogram", "Seconds of one call of the network.")
            lines += self._batch_seconds.lines("gluon_hash_batch_seconds")
        gauges = (
            ("requests_in_work", self.in_work, "Requests that are not answered yet."),
            ("images_queued", queued, "Images that wait for the network."),
            ("index_codes", self._codes, "Codes in the index."),
            ("index_bits", self._num_bits, "Length of a code."),
            ("start_time_seconds", int(self._started), "When the service began, Unix time."),
            ("resident_memory_bytes", resident_bytes(), "Memory of the process."),
        )
        for name, value, text in gauges:
            lines += [*_head(name, "gauge", text), f"gluon_hash_{name} {value}"]
        return "\n".join([*lines, ""])


def resident_bytes(pid: int | str = "self") -> int:
    """Memory that a process holds: VmRSS of Linux; 0 where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
    return int(line.split()[1]) * 1024


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP gluon_hash_{name} {text}", f"# TYPE gluon_hash_{name} {kind}"]

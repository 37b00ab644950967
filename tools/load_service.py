"""Load a running service, broken images among good ones, and hold its answers against offline ones.

gluon-hash serve --model MODEL --index INDEX --port 8000 &
python tools/load_service.py http://127.0.0.1:8000 --model MODEL --index INDEX --images DIR --pid $!
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from gluon_hash.serve.metrics import resident_bytes

WARM_UP, MEASURED_AT = 0.1, 20  # of the requests; how often memory is looked at
RETRIES = 20


class Asked(NamedTuple):
    """A body, and what must come: the offline answer, or None for an image that is broken."""

    body: bytes
    expected: dict[str, Any] | None


@dataclass
class Report:
    """What happened."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    retried: int = 0
    memory: list[int] = field(default_factory=list)

    def summary(self, elapsed: float) -> dict[str, Any]:
        """The numbers."""
        p50, p95, p99 = np.percentile(np.array(self.seconds) * 1000, (50, 95, 99)).round(1).tolist()
        return {
            "requests": len(self.seconds),
            "requests_per_second": round(len(self.seconds) / elapsed, 1),
            "milliseconds": {"p50": p50, "p95": p95, "p99": p99},
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "retried_after_503": self.retried,
            "wrong": len(self.wrong),
            "lost": len(self.lost),
            "memory_megabytes": [round(value / 1e6, 1) for value in self.memory],
        }


def offline(model: Path, index: Path, files: Sequence[Path], k: int) -> list[dict[str, Any]]:
    """The answers of `gluon-hash index search --json --zoom` to each file."""
    from gluon_hash.experiment import load_model
    from gluon_hash.retrieval import HammingIndex
    from gluon_hash.retrieval.index import find_answers, with_sharing
    from gluon_hash.retrieval.index.asked import Asked as Search
    from gluon_hash.retrieval.index.shown import Shown

    searched = HammingIndex.load(index)
    search = Search(searched, k)
    codes = load_model(model).encode(list(files))
    found = with_sharing(searched, codes, find_answers(searched, codes, k=search.k))
    zoom = bool(searched.items.num_levels)
    shown = Shown(
        [str(file) for file in files], found, voters=search.voters(codes, found) if zoom else None
    )
    return [shown.to_dict(query) for query in range(len(files))]


def broken(data: bytes, rng: np.random.RandomState) -> bytes:
    """An image that no decoder reads: cut short, empty of sense, or of another kind."""
    return [data[: len(data) // 3], b"not an image", bytes(rng.bytes(500)), b"\x89PNG\r\n\x1a\n"][
        rng.randint(4)
    ]


def requests(
    bodies: Sequence[bytes], answers: Sequence[dict[str, Any]], count: int, share: float, seed: int
) -> list[Asked]:
    """``count`` requests, of which a ``share`` is broken, in an order drawn by the seed."""
    rng = np.random.RandomState(seed)
    asked = []
    for is_broken in rng.permutation(np.arange(count) < round(share * count)):
        row = rng.randint(len(bodies))
        asked.append(
            Asked(broken(bodies[row], rng), None) if is_broken else Asked(bodies[row], answers[row])
        )
    return asked


def fire(
    address: str, asked: Sequence[Asked], options: str, concurrency: int, pid: int | None = None
) -> Report:
    """Send all of them, so many at a time, each thread over one connection."""
    report, lock, waiting = Report(), threading.Lock(), iter(enumerate(asked))
    every = max(len(asked) // MEASURED_AT, 1)

    def work() -> None:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        while True:
            with lock:
                number, one = next(waiting, (-1, None))
                if one is None:
                    break
                if pid is not None and number % every == 0 and number >= WARM_UP * len(asked):
                    report.memory.append(resident_bytes(pid))
            _ask(connection, one, options, report, lock)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if pid is not None:
        report.memory.append(resident_bytes(pid))
    return report


def _ask(
    connection: http.client.HTTPConnection,
    one: Asked,
    options: str,
    report: Report,
    lock: threading.Lock,
) -> None:
    for attempt in range(RETRIES):
        started = time.monotonic()
        try:
            connection.request("POST", f"/search?{options}", one.body, {"Content-Type": "image/*"})
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            with lock:
                report.lost.append(repr(error))
            return
        if status == 503 and attempt < RETRIES - 1:
            with lock:
                report.retried += 1
            time.sleep(float(response.headers.get("Retry-After", "1")) * 0.2)
            continue
        with lock:
            report.seconds.append(time.monotonic() - started)
            report.statuses[status] += 1
            report.wrong.extend(_mistakes(one, status, body))
        return


def _mistakes(one: Asked, status: int, body: bytes) -> Iterator[str]:
    answer = json.loads(body)
    if one.expected is None:
        if not 400 <= status < 500 or "error" not in answer:
            yield f"a broken image was answered {status}: {body[:200]!r}"
        return
    keys = one.expected.keys() - {"query"}
    for key in sorted(keys):
        if status != 200 or answer.get(key) != one.expected[key]:
            yield f"{status}: {key}: {answer.get(key)} in place of {one.expected[key]}"
            return


def main() -> None:
    """Print the numbers as JSON; exit 1 if an answer was wrong, lost or a 5xx."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="folder of good images")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--broken", type=float, default=0.05, help="share of broken images")
    parser.add_argument("--different", type=int, default=500, help="images that are sent")
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--pid", type=int, help="of the service, for its memory")
    parser.add_argument("--seed", type=int, default=24)
    arguments = parser.parse_args()

    from gluon_hash.datasets.image_files import find_images

    files = [arguments.images / path for path in find_images(arguments.images).paths]
    rows = np.random.RandomState(arguments.seed).permutation(len(files))[: arguments.different]
    chosen = [files[row] for row in rows]
    answers = offline(arguments.model, arguments.index, chosen, arguments.k)
    asked = requests(
        [file.read_bytes() for file in chosen],
        answers,
        arguments.requests,
        arguments.broken,
        arguments.seed,
    )
    zoom = "&zoom=true" if "zoom" in answers[0] else ""
    started = time.monotonic()
    report = fire(
        arguments.address, asked, f"k={arguments.k}{zoom}", arguments.concurrency, arguments.pid
    )
    print(json.dumps(report.summary(time.monotonic() - started), indent=1))
    for line in (report.wrong + report.lost)[:5]:
        print(line)
    failed = report.wrong or report.lost or any(status >= 500 for status in report.statuses)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()

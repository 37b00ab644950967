"""One thread that owns the network: what many requests bring is encoded several at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np

__all__ = ["Batcher", "Busy"]

Encode = Callable[[np.ndarray], np.ndarray]  # (N, ...) -> (N, num_bytes)


class Busy(RuntimeError):
    """The queue is full, or closed."""


class _Job(NamedTuple):
    item: np.ndarray
    code: Future[np.ndarray]


class Batcher:
    """A queue in front of ``encode``, which one thread calls.

    MXNet's networks are not made for several threads: memory grows with each that calls one.

    Parameters
    ----------
    encode : callable
        Items of one shape and dtype, stacked: (N, ...) -> codes (N, num_bytes).
    max_batch : int
        Items in one call.
    window : float
        Seconds that the first item waits for others. While a call runs, the next batch gathers by
        itself, so that this matters where there is little to do.
    waiting : int
        Items in the queue at most.
    on_batch : callable, optional
        Told how many items were encoded, and in how many seconds.

    Examples
    --------
    >>> batcher = Batcher(lambda items: items * 2)
    >>> batcher.submit(np.array([1, 2])).result()
    array([2, 4])
    >>> batcher.close()
    """

    def __init__(
        self,
        encode: Encode,
        *,
        max_batch: int = 32,
        window: float = 0.005,
        waiting: int = 64,
        on_batch: Callable[[int, float], None] | None = None,
    ) -> None:
        self._encode, self._max_batch, self._window = encode, max_batch, window
        self._on_batch = on_batch or (lambda count, seconds: None)
        self._waiting, self._closed = waiting, False
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._lock = threading.Lock()  # nothing is put behind the end
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Items in the queue, about."""
        return self._queue.qsize()

    def submit(self, item: np.ndarray) -> Future[np.ndarray]:
        """The code of an item, to come; a future that is cancelled before its turn costs nothing.

        Raises
        ------
        Busy
            If the queue is full, or closed.
        """
        code: Future[np.ndarray] = Future()
        with self._lock:
            if self._closed or self._queue.qsize() >= self._waiting:
                raise Busy("the queue is closed" if self._closed else "the queue is full")
            self._queue.put(_Job(item, code))
        return code

    def close(self) -> None:
        """Encode what is in the queue, take no more, end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs, last = self._gather(first)
            wanted = [job for job in jobs if job.code.set_running_or_notify_cancel()]
            for same in _by_shape(wanted):
                self._run(same)
            if last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """The batch that ``first`` begins, and whether the queue ended."""
        jobs, until = [first], time.monotonic() + self._window
        while len(jobs) < self._max_batch:
            try:
                job = self._queue.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _run(self, jobs: Sequence[_Job]) -> None:
        """Encode; if the batch fails, each item alone, so that one spoils none of the others."""
        started = time.monotonic()
        try:
            codes = self._encode(np.stack([job.item for job in jobs]))
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].code.set_exception(error)
            else:
                for job in jobs:
                    self._run([job])
            return
        self._on_batch(len(jobs), time.monotonic() - started)
        for job, code in zip(jobs, codes):
            job.code.set_result(code)


def _by_shape(jobs: Sequence[_Job]) -> list[list[_Job]]:
    groups: dict[tuple[object, ...], list[_Job]] = {}
    for job in jobs:
        groups.setdefault((job.item.shape, job.item.dtype), []).append(job)
    return list(groups.values())

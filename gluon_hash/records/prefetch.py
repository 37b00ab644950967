"""Work done ahead, in threads, while what was made before is used."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gluon_hash import environment

__all__ = ["BATCHES_AHEAD", "mapped", "prefetched"]

Item = TypeVar("Item")
TOGETHER = 8  # results that one task of a thread makes: handing over a task takes 20 us
BATCHES_AHEAD = 4
SECONDS_BETWEEN_LOOKS = 0.1  # of the thread, whether the consumer has gone


def prefetched(
    make: Callable[[], Iterator[Item]], num_ahead: int = BATCHES_AHEAD
) -> Iterator[Item]:
    """The items of ``make()``, made in a thread that stays a few ahead; its errors are raised here.

    Parameters
    ----------
    make : callable
        Returns an iterator; it is called, and iterated, in the thread.
    num_ahead : int
        Finished items that wait at most.

    Examples
    --------
    >>> list(prefetched(lambda: iter("abc")))
    ['a', 'b', 'c']
    """
    ready: queue.Queue[Item | BaseException | None] = queue.Queue(num_ahead)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(make, ready, stop), daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def mapped(function: Callable[[int], Item], count: int) -> Iterator[Item]:
    """``function`` of 0, 1, ... below ``count``, in this order, worked out in threads.

    There is a thread for each processor; a few results wait. The first error is raised.

    Examples
    --------
    >>> list(mapped(lambda number: 10 * number, 3))
    [0, 10, 20]
    """

    def together(start: int) -> list[Item]:
        return [function(number) for number in range(start, min(start + TOGETHER, count))]

    waiting: deque[Future[list[Item]]] = deque()
    num_threads = environment.processors()
    with ThreadPoolExecutor(num_threads) as threads:
        try:
            for start in range(0, count, TOGETHER):
                waiting.append(threads.submit(together, start))
                if len(waiting) > num_threads + 1:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for task in waiting:
                task.cancel()


def _produce(
    make: Callable[[], Iterator[Item]],
    ready: queue.Queue[Item | BaseException | None],
    stop: threading.Event,
) -> None:
    """Put every item, then None; or the error that came in place of an item."""
    try:
        for item in make():
            if not _put(item, ready, stop):
                return
        _put(None, ready, stop)
    except BaseException as error:  # handed over, raised by the consumer
        _put(error, ready, stop)


def _put(
    item: Item | BaseException | None,
    ready: queue.Queue[Item | BaseException | None],
    stop: threading.Event,
) -> bool:
    """Whether the item was put before the consumer went away."""
    while not stop.is_set():
        try:
            ready.put(item, timeout=SECONDS_BETWEEN_LOOKS)
            return True
        except queue.Full:
            continue
    return False

"""Work done ahead: a thread that makes the next few batches while the last one is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["BATCHES_AHEAD", "prefetched"]

Item = TypeVar("Item")
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

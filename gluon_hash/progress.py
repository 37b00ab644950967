"""How long work shows that it goes on: a rich bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["log", "mute", "track"]

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0
_is_muted = False


def mute() -> None:
    """Show nothing from here on: of several workers one is heard."""
    global _is_muted
    _is_muted = True


def log(message: str) -> None:
    """Print one line to stderr: data goes to stdout, so that a pipe stays clean."""
    if not _is_muted:
        print(message, file=sys.stderr, flush=True)


def track(
    items: Iterable[Item], description: str, total: int, unit: str = "images"
) -> Iterator[Item]:
    """Yield ``items`` and show on stderr how many of ``total`` are done and how fast.

    Parameters
    ----------
    items : iterable
        What is worked through; an item with a ``len`` of its own (a batch) counts as one.
    description : str
        "encode query.rec".
    total : int
        Number of items to come.
    unit : str, default "images"
        What one item is called.
    """
    if _is_muted:
        yield from items
    elif sys.stderr.isatty():
        yield from _bar(items, description, total)
    else:
        yield from _lines(items, description, total, unit)


def _bar(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _lines(items: Iterable[Item], description: str, total: int, unit: str) -> Iterator[Item]:
    started = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            rate = done / (now - started)
            left = max(total - done, 0) / rate
            log(f"{description}: {done}/{total} {unit}, {rate:.1f} {unit}/s, {left:.0f} s left")

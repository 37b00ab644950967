"""How long work shows that it goes on: a rich bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Meter", "duration", "log", "meter", "mute", "track"]

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0
NARROW = 80  # columns of a terminal, below which the bar itself and details are left out
SECONDS_BETWEEN_LOOKS = 0.1  # of a bar, which draws itself ten times a second
_is_muted = False
_is_shown = False


def mute() -> None:
    """Show nothing from here on: of several workers one is heard."""
    global _is_muted
    _is_muted = True


def log(message: str) -> None:
    """Print one line to stderr: data goes to stdout, so that a pipe stays clean."""
    if not _is_muted:
        print(message, file=sys.stderr, flush=True)


class Meter:
    """How far long work is; this one shows nothing, its subclasses a bar or lines.

    Parameters
    ----------
    description : str
        "encode query.rec".
    total : int
        What is to be done, in units.
    unit : str
        "images".
    """

    def __init__(self, description: str, total: int, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self.done = 0
        self._words = ""

    def advance(self, count: int = 1) -> None:
        """So many units more are done."""
        self.done += count

    def expect(self, total: int) -> None:
        """There is so much to be done: for work that learns it on the way."""
        self.total = total

    def say(self, words: str, more: str = "") -> None:
        """What is shown beside, such as the loss; ``more`` where there is room for it."""
        self._words = f"{words}{more}"


class _Lines(Meter):
    """A line every SECONDS_BETWEEN_LINES."""

    def __init__(self, description: str, total: int, unit: str) -> None:
        super().__init__(description, total, unit)
        self._started = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """So many units more are done."""
        self.done += count
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = self.done / (now - self._started)
        left = duration(max(self.total - self.done, 0) / rate)
        words = f", {self._words}" if self._words else ""
        log(
            f"{self.description}: {self.done}/{self.total} {self.unit}, {rate:.1f} {self.unit}/s, "
            f"{left} left{words}"
        )


class _Bar(Meter):
    """A bar; what does not fit into the terminal's width is left out."""

    def __init__(self, description: str, total: int, unit: str, bars: Progress) -> None:
        super().__init__(description, total, unit)
        self._bars, self._is_wide = bars, bars.console.width >= NARROW
        self._task = bars.add_task(description, total=total, words="", unit=unit)
        self._looked = 0.0

    def advance(self, count: int = 1) -> None:
        """So many units more are done."""
        self.done += count
        now = time.monotonic()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self._bars.update(self._task, completed=self.done, total=self.total, words=self._words)

    def say(self, words: str, more: str = "") -> None:
        """What is shown beside; ``more`` where there is room for it."""
        self._words = words + (more if self._is_wide else "")


@contextmanager
def meter(description: str, total: int, unit: str = "images") -> Iterator[Meter]:
    """Show on stderr how much of ``total`` is done, how fast, and how long the rest will take.

    Of work inside other work that is shown nothing is shown.

    Parameters
    ----------
    description : str
        "encode query.rec".
    total : int
        What is to be done, in units.
    unit : str, default "images"
    """
    global _is_shown
    if _is_muted or _is_shown:
        yield Meter(description, total, unit)
        return
    _is_shown = True
    try:
        if sys.stderr.isatty():
            with _bars() as bars:
                yield _Bar(description, total, unit, bars)
        else:
            yield _Lines(description, total, unit)
    finally:
        _is_shown = False


def track(
    items: Iterable[Item],
    description: str,
    total: int,
    unit: str = "images",
    *,
    size: Callable[[Item], int] | None = None,
) -> Iterator[Item]:
    """Yield ``items`` and show on stderr how many of ``total`` are done and how fast.

    Parameters
    ----------
    items : iterable
        What is worked through.
    description : str
        "encode query.rec".
    total : int
        Number of items to come; with ``size`` the sum of their sizes.
    unit : str, default "images"
        What is counted.
    size : callable, optional
        How much an item, such as a batch, counts; default: 1.
    """
    with meter(description, total, unit) as shown:
        for item in items:
            yield item
            shown.advance(1 if size is None else size(item))


def duration(seconds: float) -> str:
    """A time in words, to two digits or so.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.4, 42, 200, 5000, 200000)]
    ['0 s', '42 s', '3 min', '1 h 23 min', '2 d 8 h']
    """
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class Rate(ProgressColumn):
        """How fast, and how long the rest will take."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            left = duration(task.remaining / speed) if task.remaining is not None else "?"
            digits = 1 if speed < 10 else 0
            return Text(f"{speed:,.{digits}f} {task.fields['unit']}/s, {left} left")

    console = Console(stderr=True)
    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False)]
    if console.width >= NARROW:
        columns += [BarColumn(30 if console.width >= 120 else 10), MofNCompleteColumn()]
    else:
        columns.append(TextColumn("{task.percentage:3.0f} %"))
    # the words get what is left
    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns += [Rate(), TextColumn("{task.fields[words]}", markup=False, table_column=words)]
    return Progress(*columns, console=console, transient=True, expand=True)

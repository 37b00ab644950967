"""SIGTERM and Ctrl-C in a training: noted, and acted on where nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from gluon_hash.errors import Terminated
from gluon_hash.signals import is_swallowed, send_again

__all__ = ["Interruption", "interruptible"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """While it is entered, a first signal is noted; a second one does what it did before.

    Raised from wherever Python happens to be, KeyboardInterrupt would end a batch between two
    updates; in a destructor it would be swallowed. Signals reach the main thread alone: in another
    one nothing is changed.

    Attributes
    ----------
    asked : int or None
        The signal that came.
    answered : bool
        Whether it was raised, by this class: nothing is half done then.
    """

    _entered: Interruption | None = None  # one training at a time hears signals

    def __init__(self) -> None:
        self.asked: int | None = None
        self.answered = False
        self._at_once = False
        self._before: dict[int, Any] = {}
        self._outer: Interruption | None = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    self._before[number] = signal.signal(number, self._note)
            self._outer, Interruption._entered = Interruption._entered, self
        return self

    def __exit__(self, *error: object) -> None:
        if Interruption._entered is self:
            Interruption._entered = self._outer
        self._restore()

    def raise_if_asked(self) -> None:
        """Raise what the signal means: Terminated, or KeyboardInterrupt for Ctrl-C."""
        if self.asked is None:
            return
        self.answered = True
        if self.asked == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(self.asked)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """In the block, which changes nothing that is saved, a signal raises where it comes."""
        before, self._at_once = self._at_once, True
        try:
            self.raise_if_asked()
            yield
        finally:
            self._at_once = before

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._at_once and is_swallowed(frame):
            send_again(number)
            return
        self.asked = number
        self._restore()  # so that a second one is heard
        if self._at_once:
            self.raise_if_asked()

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """A block of a training, such as a pass over all images, that a signal may end where it is."""
    if Interruption._entered is None:
        yield
    else:
        with Interruption._entered.at_once():
            yield

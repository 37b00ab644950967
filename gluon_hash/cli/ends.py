"""How a command ends early: on a signal (one line, 128 + its number), or when nobody reads."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from gluon_hash.errors import Terminated
from gluon_hash.signals import is_swallowed, send_again

__all__ = [
    "answered",
    "close_stdout",
    "finish",
    "heard",
    "leave_interrupted",
    "leave_pipe",
    "listen",
    "open_standard_streams",
    "stop_listening",
]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 5.0  # seconds in which a command tidies up; after them one more signal ends it at once
PIPE_CLOSED = 141  # what a shell says of SIGPIPE


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C; a KeyboardInterrupt that has passed an `eval` makes Python kill itself at its end."""


class _State:
    """When the first signal came, of which number, and whether the line is printed."""

    first: float | None = None
    number: int = signal.SIGINT
    is_said = False


_state = _State()


def listen() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end the command; what the caller ignores stays ignored."""
    _state.first, _state.is_said = None, False
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, a job in the background
                signal.signal(number, _answer)


def open_standard_streams() -> None:
    """Give stdin, stdout and stderr that the caller has closed (`2>&-`) a place to go.

    Else the next file that is opened gets their number, and what is printed gets into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stderr is None:  # else print would take stdout
        sys.stderr = open(os.devnull, "w", encoding="utf-8")


def finish() -> None:
    """The command is over: a signal that comes while Python and MXNet close changes nothing."""
    for number in SIGNALS:
        if signal.getsignal(number) is _answer:
            signal.signal(number, signal.SIG_IGN)


def stop_listening() -> None:
    """Answer signals as Python does, for a program that goes on after the command."""
    for number in SIGNALS:
        if signal.getsignal(number) is _answer:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


def heard() -> bool:
    """Whether a signal came, also if a library made another error of it, or none."""
    return _state.first is not None


def leave_interrupted(error: BaseException) -> NoReturn:
    """Print the line and exit."""
    if os.environ.get("GLUON_HASH_DEBUG"):
        traceback.print_exception(type(error), error, error.__traceback__)
    if isinstance(error, Terminated):
        _state.number = error.number
    _state.is_said = True
    print(_line(), file=sys.stderr, flush=True)
    raise SystemExit(128 + _state.number) from None


def leave_pipe() -> NoReturn:
    """Nobody reads what is printed (`| head`): go quietly."""
    close_stdout()
    raise SystemExit(PIPE_CLOSED) from None


def close_stdout() -> None:
    """What is held back goes nowhere, also when Python flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def answered() -> Iterator[None]:
    """An interrupt and a closed pipe end the command here, before typer answers them."""
    try:
        yield
    except KeyboardInterrupt as error:
        leave_interrupted(error)
    except BrokenPipeError:
        leave_pipe()


def _answer(number: int, frame: FrameType | None) -> None:
    """The handler: the first signal is raised, later ones wait for what it set off."""
    if _state.is_said:
        os._exit(128 + _state.number)
    if _state.first is None:
        if is_swallowed(frame):
            send_again(number)
            return
        _state.first, _state.number = time.monotonic(), number
        raise _Interrupted if number == signal.SIGINT else Terminated(number)
    if time.monotonic() - _state.first > PATIENCE:
        os.write(2, f"{_line()}\n".encode())  # print is not made to be called in a handler
        os._exit(128 + _state.number)


def _line() -> str:
    name = signal.Signals(_state.number).name
    said = "interrupted" if _state.number == signal.SIGINT else f"ended by {name}"
    return f"gluon-hash: {said}; call the same command again (train: with --resume)"

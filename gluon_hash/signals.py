"""Where Python is when a signal comes, and how to have it sent once more."""

from __future__ import annotations

import os
import threading
from types import FrameType

__all__ = ["is_swallowed", "send_again"]

SECONDS_UNTIL_AGAIN = 0.02
# file -> functions in it that Python calls when a weak reference dies
WEAKREF_CALLBACKS = {
    "<frozen importlib._bootstrap>": ("cb",),
    "weakref.py": ("remove", "_remove"),
}


def is_swallowed(frame: FrameType | None) -> bool:
    """Whether Python would print and forget an error raised in ``frame``.

    So it does in a ``__del__`` (MXNet's arrays have one) and when a weak reference dies (after
    each import), and in what these call.

    Parameters
    ----------
    frame : frame or None
        As a signal's handler gets it.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__":
            return True
        if code.co_name in WEAKREF_CALLBACKS.get(os.path.basename(code.co_filename), ()):
            return True
        frame = frame.f_back
    return False


def send_again(number: int) -> None:
    """Send this process the signal once more, a moment later."""
    again = threading.Timer(SECONDS_UNTIL_AGAIN, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()

"""What a command writes: its name is held from the start, so that a second command hears of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gluon_hash.files import claimed

__all__ = ["writes"]


def writes(*options: str, doing: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Hold the outputs that a command is given while it runs: nothing is there, nobody makes it.

    Parameters
    ----------
    *options : str
        Names of the command's parameters; those that are None are not written.
    doing : str
        What the command is called, for who comes second.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def holding(**values: Any) -> None:
            outputs = [values[name] for name in options if values[name] is not None]
            with claimed(*outputs, doing=doing):
                command(**values)

        return holding

    return decorate

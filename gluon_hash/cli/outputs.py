"""What a command writes and prints: a name is held from the start; JSON has no NaN."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from gluon_hash.files import claimed

__all__ = ["jsonable", "writes"]


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


def jsonable(value: Any) -> Any:
    """NaN is not JSON: null."""
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value

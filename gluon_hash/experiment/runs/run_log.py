"""log.jsonl of a run folder: a line of JSON for every epoch."""

from __future__ import annotations

import math
import os
from typing import Any

from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, parse_json, read_lines

__all__ = ["read_epochs"]


def read_epochs(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The epochs of a log.jsonl: each has its number as ``epoch``, and its values.

    Raises
    ------
    DataError
        With the line: it is not an object of JSON with an epoch, or a value is not finite.
    """
    epochs = []
    for number, line in enumerate(read_lines(path, made_by="gluon-hash train"), start=1):
        epoch = as_schema(parse_json(line, path, line=number), dict[str, Any], path, line=number)
        if type(epoch.get("epoch")) is not int:
            raise DataError("expected an epoch with its number", path=path, line=number)
        for name, value in epoch.items():
            if isinstance(value, (int, float)) and not _is_finite(value):
                raise DataError(f"{name}: expected a finite number", path=path, line=number)
        epochs.append(epoch)
    return epochs


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of 400 digits
        return False

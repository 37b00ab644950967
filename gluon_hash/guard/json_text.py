"""JSON: its size and nesting are limited before it is parsed, its structure checked after."""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any, NoReturn, TypeVar

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard.reading import TEXT_LIMIT, read_text

__all__ = ["as_schema", "load_json", "parse_json"]

DEEPEST = 64  # lists and objects inside each other; Python gives up at about 1,000
OTHERS = bytes(sorted(set(range(256)) - set(b'"[]{}')))  # what says nothing of the structure
STRING = re.compile(b'"[^"]*"')
Schema = TypeVar("Schema")


def load_json(
    path: str | os.PathLike[str], *, made_by: str | None = None, limit: int = TEXT_LIMIT
) -> Any:
    """What a JSON file holds.

    Parameters
    ----------
    path, made_by, limit
        As gluon_hash.guard.read_bytes.

    Raises
    ------
    DataError
        As gluon_hash.guard.read_text and parse_json.
    """
    return parse_json(read_text(path, made_by=made_by, limit=limit), path)


def parse_json(text: str, path: str | os.PathLike[str], *, line: int | None = None) -> Any:
    """What a JSON text holds.

    Parameters
    ----------
    text : str
    path : path-like
        Where it comes from, for messages.
    line : int, optional
        Of a text that is one line of the file.

    Raises
    ------
    DataError
        With the line: not JSON, a key twice in one object, NaN or infinity, lists and objects more
        than 64 deep.
    """
    if _depth(text) > DEEPEST:
        raise DataError(
            f"not JSON that is read here: lists and objects more than {DEEPEST} deep",
            path=path,
            line=line,
        )
    try:
        return json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg}", path=path, line=error.lineno if line is None else line
        ) from error
    except (ValueError, RecursionError) as error:  # ours below, or a number of 5,000 digits
        raise DataError(f"not JSON that is read here: {error}", path=path, line=line) from error


def as_schema(
    value: Any, schema: type[Schema], path: str | os.PathLike[str], *, line: int | None = None
) -> Schema:
    """``value`` as ``schema``: a pydantic model, a TypedDict, ``dict[str, list[float]]``.

    Raises
    ------
    DataError
        With the place in it that does not fit, and what was expected there.

    Examples
    --------
    >>> as_schema({"a": [1, []]}, dict[str, list[int]], "x.json")
    Traceback (most recent call last):
    ...
    gluon_hash.errors.DataError: x.json: a.1: Input should be a valid integer, got []
    """
    from pydantic import ValidationError

    try:
        return _adapter(schema).validate_python(value)  # type: ignore[arg-type]
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        got = repr(problem["input"])
        got = got if len(got) <= 60 else f"{got[:57]}..."
        message = problem["msg"].removeprefix("Value error, ")
        raise DataError(
            f"{where}: {message}, got {got}" if where else f"{message}, got {got}",
            path=path,
            line=line,
        ) from error


@functools.cache  # an adapter takes a millisecond to make
def _adapter(schema: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(schema)


def _depth(text: str) -> int:
    """How deep brackets are inside each other outside of strings; of broken JSON at least so."""
    data = text.encode("utf-8", "replace")
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return 0
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = np.frombuffer(STRING.sub(b"", unescaped.translate(None, OTHERS)), np.uint8)
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    closing = (brackets == ord("]")) | (brackets == ord("}"))
    steps = opening.view(np.int8) - closing.view(np.int8)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for position, key in enumerate(keys) if key in keys[:position])
        raise ValueError(f"the key {twice!r} appears twice in one object")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")

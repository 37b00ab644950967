"""What a request asks: an image, a code, features or an item, read within limits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gluon_hash.guard import parse_json
from gluon_hash.retrieval.codes.packing import check_packed, num_bytes

__all__ = ["Question", "parse_code", "parse_question"]

KEYS = ("code", "id", "features")
LARGEST = float(np.finfo(np.float32).max)
EXPECTED = (
    "expected an image (its bytes, or a multipart form with a file `image`), or JSON with "
    "`code`, `id` or `features`"
)


@dataclass(frozen=True)
class Question:
    """One of the four.

    Parameters
    ----------
    image : bytes, optional
        An encoded image.
    code : str, optional
        Hexadecimal or base64.
    item : int, optional
        An id of the collection.
    features : float32, shape (num_features,), optional
    """

    image: bytes | None = None
    code: str | None = None
    item: int | None = None
    features: np.ndarray | None = None


def parse_question(headers: Mapping[str, str], body: bytes) -> Question:
    """The question in a request.

    Parameters
    ----------
    headers : mapping
        Lower-case names; ``content-type`` says whether the body is JSON, a form, or else an image.
    body : bytes

    Raises
    ------
    ValueError
        If it asks nothing, or more than one thing; says what was expected.
    """
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind in (b"application/json", b"text/json"):
        return _from_json(body)
    if kind == b"multipart/form-data":
        body = _file_in_form(body, options.get(b"boundary", b""))
    if not body:
        raise ValueError(f"the request is empty; {EXPECTED}")
    return Question(image=body)


def parse_code(text: str, num_bits: int) -> np.ndarray:
    """A code in hexadecimal or base64, uint8 (1, num_bytes).

    The two cannot be taken for one another: of one number of bytes they have different lengths, or
    base64 ends in "=".

    Raises
    ------
    ValueError
        If it is neither, of another length, or a padding bit is set.

    Examples
    --------
    >>> parse_code("0aff", 16), parse_code("Cv8=", 16)
    (array([[ 10, 255]], dtype=uint8), array([[ 10, 255]], dtype=uint8))
    """
    expected = num_bytes(num_bits)
    try:
        if len(text) == 2 * expected and not text.endswith("="):
            data = bytes.fromhex(text)
        else:
            data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != expected:
        raise ValueError(
            f"code: expected {num_bits} bits, as {2 * expected} hexadecimal digits or in base64, "
            f"got {text[:40]!r}, {len(text)} characters"
        )
    return check_packed(np.frombuffer(data, np.uint8)[None], num_bits)


def _from_json(body: bytes) -> Question:
    try:
        value = parse_json(body.decode("utf-8"), "request")
    except UnicodeDecodeError as error:
        raise ValueError(f"request: not UTF-8; {EXPECTED}") from error
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in KEYS:
        raise ValueError(f"request: {EXPECTED}, one of them")
    key, given = next(iter(value.items()))
    if key == "code" and isinstance(given, str):
        return Question(code=given)
    if key == "id" and isinstance(given, int) and not isinstance(given, bool):
        return Question(item=given)
    if key == "features":
        return Question(features=_features(given))
    raise ValueError(f"request: {key}: expected {'text' if key == 'code' else 'an integer'}")


def _features(given: Any) -> np.ndarray:
    numbers = isinstance(given, list) and all(type(value) in (int, float) for value in given)
    if numbers and given and max(map(abs, given)) <= LARGEST:
        return np.array(given, np.float64).astype(np.float32)
    raise ValueError("request: features: expected a list of numbers that float32 can hold")


def _file_in_form(body: bytes, boundary: bytes) -> bytes:
    """The one part of a multipart form, held in memory."""
    parts: list[bytearray] = []
    ends: list[bool] = []
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": lambda: parts.append(bytearray()),
            "on_end": lambda: ends.append(True),
            "on_part_data": lambda data, start, end: parts[-1].extend(data[start:end]),
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ValueError(f"the form is damaged: {error}") from error
    if not ends:
        raise ValueError("the form is damaged: it is cut short")
    if len(parts) != 1:
        raise ValueError(f"the form has {len(parts)} parts; expected one, a file `image`")
    return bytes(parts[0])

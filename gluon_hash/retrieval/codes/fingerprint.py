"""Which model made codes: codes of two models have nothing to say to each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from gluon_hash.progress import log

__all__ = ["check_same_model", "fingerprint", "with_precision"]

SHOWN = 12  # digits of a fingerprint in a message


def fingerprint(arrays: Iterable[Any]) -> str:
    """SHA-256 of the values of a model, whatever their names and order: 64 hexadecimal digits.

    A run folder and the network exported from it have the same.

    Parameters
    ----------
    arrays : iterable of array-like

    Examples
    --------
    >>> weights, bias = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
    >>> fingerprint([weights, bias]) == fingerprint([bias, weights])
    True
    >>> fingerprint([weights]) == fingerprint([weights.T])
    False
    """
    digests = sorted(_digest(np.ascontiguousarray(array)) for array in arrays)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _digest(array: np.ndarray) -> bytes:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(array.tobytes())
    return digest.digest()


def with_precision(weights: str, precision: str) -> str:
    """The fingerprint of codes that weights made in a precision: of less than float32 it says so.

    Examples
    --------
    >>> with_precision("5f1b", "float32"), with_precision("5f1b", "int8")
    ('5f1b', '5f1b int8')
    """
    return weights if precision == "float32" else f"{weights} {precision}"


def check_same_model(index: str, made_by: str | None, queries: str, model: str | None) -> None:
    """Refuse codes of another model; say it where one of the two does not say what made it.

    Also said: the same weights, but computed in another precision.

    Parameters
    ----------
    index : str
        What holds the codes that are searched, for messages.
    made_by : str or None
        The fingerprint of the model that made them, if they know it.
    queries : str
        What is searched for, or the model that encodes it.
    model : str or None
        Its fingerprint.

    Raises
    ------
    ValueError
        If both are known and differ.
    """
    if made_by == model:
        return
    if made_by is None or model is None:
        unknown, known = (index, queries) if made_by is None else (queries, index)
        log(f"{unknown}: does not say which model made it; taken for that of {known}")
        return
    (ours, _, computed), (theirs, _, searched) = model.partition(" "), made_by.partition(" ")
    if ours == theirs:
        log(
            f"{queries}: codes in {computed or 'float32'}, {index} in {searched or 'float32'}: "
            "some bits differ; `gluon-hash verify --database` says what that costs"
        )
        return
    raise ValueError(
        f"{queries}: of another model ({model[:SHOWN]}) than {index} ({made_by[:SHOWN]}), so that "
        "distances between their codes mean nothing; encode both with one model"
    )

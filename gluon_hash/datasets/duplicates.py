"""Split guard: the same image must not be in query and database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.progress import log

__all__ = ["Duplicates", "Mode", "find_duplicates", "settle_duplicates"]

Mode = Literal["error", "one-side", "keep"]
MODES = ("error", "one-side", "keep")
NOWHERE = -1


@dataclass(frozen=True)
class Duplicates:
    """Images with equal content.

    Parameters
    ----------
    groups : list of lists of (split, position)
        The copies of one image, "train" or "query" and the position in it, training images first.
    repeats : int64
        Positions of training images that repeat an earlier one.
    first_copy : int64, shape (number of queries,)
        Position of the first training image that equals each query; -1: there is none.
    """

    groups: list[list[tuple[str, int]]] = field(default_factory=list)
    repeats: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    first_copy: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def shared(self) -> np.ndarray:
        """Positions of the queries that are in the database too, int64."""
        return np.flatnonzero(self.first_copy != NOWHERE)


def find_duplicates(train: list[bytes], query: list[bytes]) -> Duplicates:
    """Images with equal content, from the hashes of their contents.

    Examples
    --------
    >>> found = find_duplicates([b"a", b"b", b"a"], [b"c", b"a"])
    >>> found.repeats.tolist(), found.shared.tolist(), found.first_copy.tolist()
    ([2], [1], [-1, 0])
    >>> found.groups
    [[('train', 0), ('train', 2), ('query', 1)]]
    """
    copies: dict[bytes, list[tuple[str, int]]] = {}
    for name, digests in (("train", train), ("query", query)):
        for position, digest in enumerate(digests):
            copies.setdefault(digest, []).append((name, position))
    groups = [group for group in copies.values() if len(group) > 1]
    repeats = [p for group in groups for name, p in group[1:] if name == "train"]
    first_copy = [copies[digest][0] for digest in query]
    return Duplicates(
        groups,
        np.array(sorted(repeats), np.int64),
        np.array([p if name == "train" else NOWHERE for name, p in first_copy], np.int64),
    )


def settle_duplicates(
    duplicates: Duplicates, train_names: list[str], query_names: list[str], mode: Mode
) -> dict[str, Any]:
    """Say what was found, refuse it if it must not be; what split.json holds of it.

    Parameters
    ----------
    duplicates : Duplicates
    train_names, query_names : list of str
    mode : "error", "one-side" or "keep"
        What is done with queries that are in the database: refused, moved there, or left.

    Returns
    -------
    dict
        ``mode``; ``within_train``: number of training images that repeat an earlier one;
        ``query_in_database``: list of [query name, training name].

    Raises
    ------
    DataError
        If query and database share images and the mode is "error"; names the first few.
    ValueError
        If there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f"duplicates: expected one of {', '.join(MODES)}, got {mode!r}")
    shared = [
        [query_names[position], train_names[duplicates.first_copy[position]]]
        for position in duplicates.shared
    ]
    pairs = in_words([f"{query} = {training}" for query, training in shared])
    if shared and mode == "error":
        raise DataError(
            f"{len(shared)} images are both in query and database ({pairs}); take them out, move "
            "them to the database (duplicates one-side), or, if they are the official data set's "
            "own, keep them (duplicates keep)"
        )
    if shared:
        done = "moved to the database" if mode == "one-side" else "left in both"
        log(f"queries that are in the database too, {done}: {len(shared)} ({pairs})")
    if len(duplicates.repeats):
        log(f"training images that repeat another one: {len(duplicates.repeats)}")
    return {
        "mode": mode,
        "within_train": len(duplicates.repeats),
        "query_in_database": shared,
    }

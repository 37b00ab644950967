"""Split guard: the same image must not be in query and database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.progress import log, track

if TYPE_CHECKING:
    from gluon_hash.datasets.dataset import Split

__all__ = ["find_duplicates"]

EXAMPLES = 5


def find_duplicates(
    train: Split,
    train_positions: np.ndarray,
    query: Split,
    query_positions: np.ndarray,
    *,
    allow_duplicates: bool,
) -> dict[str, Any]:
    """Images with equal content, within the training set and between query and training set (the
    database).

    Parameters
    ----------
    train, query : Split
    train_positions, query_positions : ndarray of int
        The images that are used.
    allow_duplicates : bool
        Report images that are in both, in place of an error.

    Returns
    -------
    dict
        ``within_train``: number of training images that repeat an earlier one;
        ``query_in_database``: list of [query name, training name].

    Raises
    ------
    DataError
        If query and database share images and ``allow_duplicates`` is false; names the first few.
    """
    first: dict[bytes, int] = {}
    within = 0
    for position in track(
        train_positions.tolist(), "look for duplicates (train)", len(train_positions)
    ):
        within += first.setdefault(train.digest(position), position) != position
    shared = []
    for position in track(
        query_positions.tolist(), "look for duplicates (query)", len(query_positions)
    ):
        other = first.get(query.digest(position))
        if other is not None:
            shared.append([query.names[position], train.names[other]])
    if shared:
        examples = "; ".join(f"{a} = {b}" for a, b in shared[:EXAMPLES])
        if not allow_duplicates:
            raise DataError(
                f"{len(shared)} images are both in query and database ({examples}); take them out, "
                "or, if "
                "they are the official data set's own, list them with --allow-duplicates"
            )
        log(
            f"{len(shared)} images are both in query and database, listed in split.json: {examples}"
        )
    if within:
        log(f"{within} training images repeat another training image")
    return {"within_train": within, "query_in_database": shared}

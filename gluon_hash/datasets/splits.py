"""Which images are queries: a stated share of each class, and what there is to say of the rest."""

from __future__ import annotations

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.records.lists import held_out_positions

__all__ = [
    "QUERY_SHARE",
    "draw_queries",
    "draw_validation",
    "in_words",
    "say_split",
    "subset",
]

QUERY_SHARE = 0.1
VALIDATION_SHARE = 0.05
SMALLEST_HELD_OUT = 2  # images of a class
NAMED = 5  # classes or files that a message names
ALL_SINGLE = "every class has one image, so none can be a query for another"


def draw_queries(
    fine_labels: np.ndarray,
    *,
    seed: int,
    share: float = QUERY_SHARE,
    per_class: int | None = None,
) -> np.ndarray:
    """Positions of the images that are queries; the others are training set and database.

    Parameters
    ----------
    fine_labels : int, shape (N,)
    seed : int
    share : float
        At most this share of the images of a class are queries: none of a class that is too small.
    per_class : int, optional
        As many of each class in place of a share, but at most all but one.

    Returns
    -------
    int64, ascending

    Raises
    ------
    ValueError
        If the numbers do not fit, or no image becomes a query.

    Examples
    --------
    >>> draw_queries(np.repeat([0, 1], [20, 9]), seed=0).tolist()  # two of class 0, none of class 1
    [1, 18]
    """
    if per_class is not None:
        chosen = held_out_positions(fine_labels, per_class, seed)
        if not len(chosen):
            raise ValueError(ALL_SINGLE)
        return chosen
    if not 0 < share < 1:
        raise ValueError(f"query_share: expected a number between 0 and 1, got {share}")
    rng = np.random.RandomState(seed)
    queries = []
    largest = 0
    for label in np.unique(fine_labels):
        members = rng.permutation(np.flatnonzero(fine_labels == label))
        queries.append(members[: int(share * len(members) + 1e-9)])  # 0.29 * 100 is 28.999...
        largest = max(largest, len(members))
    chosen = np.sort(np.concatenate(queries)).astype(np.int64)
    if largest < 2:
        raise ValueError(ALL_SINGLE)
    if not len(chosen):
        raise ValueError(
            f"query_share: {share:g} of the {largest} images of the largest class is less than one "
            f"image; raise it to {np.ceil(100 / largest) / 100:g} or more, or set query_per_class"
        )
    return chosen


def subset(fine_labels: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Positions of at most ``limit`` images of each class, drawn by seed, in their order."""
    count = len(fine_labels)
    if limit is None:
        return np.arange(count)
    order = np.random.RandomState(seed).permutation(count)
    labels = fine_labels[order]
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(count) - np.repeat(starts, counts)
    return np.sort(order[by_class[rank < limit]])


def draw_validation(
    fine_labels: np.ndarray, num_classes: int, per_class: int | None, seed: int
) -> np.ndarray:
    """Positions of the training images that a run may hold out.

    Parameters
    ----------
    fine_labels : int, shape (N,)
        Of the training images.
    num_classes : int
    per_class : int, optional
        Of each class, but at most all but one. Default: 5 % of an average class, at least 2, but
        at most half of a class, and none of one that has fewer than 4: a held-out image needs a
        class-mate among the held-out ones.
    seed : int

    Returns
    -------
    int64, ascending

    Examples
    --------
    >>> labels = np.repeat([0, 1], [4, 3])
    >>> len(draw_validation(labels, 2, None, 0)), len(draw_validation(labels, 2, 2, 0))
    (2, 4)
    """
    if per_class is not None:
        return held_out_positions(fine_labels, per_class, seed)
    count = max(SMALLEST_HELD_OUT, round(VALIDATION_SHARE * len(fine_labels) / num_classes))
    rng = np.random.RandomState(seed)
    held_out = []
    for label in np.unique(fine_labels):
        members = rng.permutation(np.flatnonzero(fine_labels == label))
        chosen = members[: min(count, len(members) // 2)]
        held_out.append(chosen if len(chosen) >= SMALLEST_HELD_OUT else chosen[:0])
    return np.sort(np.concatenate(held_out)).astype(np.int64)


def say_split(hierarchy: Hierarchy, train_labels: np.ndarray, query_labels: np.ndarray) -> None:
    """Log what the drawn split leaves to know: classes without queries, classes of one image."""
    names = hierarchy.class_names[0]
    training = np.bincount(train_labels, minlength=len(names))
    queries = np.bincount(query_labels, minlength=len(names))
    total = training.sum() + queries.sum()
    log(
        f"queries: {queries.sum()} of {total} images, drawn by seed; the other {training.sum()} "
        "are training set and database"
    )
    if len(names) == 1:
        log("there is one class, so all images are the same to a training; two are needed at least")
    without = np.flatnonzero((queries == 0) & (training > 1))
    if len(without):
        log(
            f"{len(without)} of {len(names)} classes are too small for a query and stay whole in "
            f"the database: {in_words([f'{names[c]} ({training[c]})' for c in without])}"
        )
    single = np.flatnonzero(training + queries == 1)
    if len(single):
        log(
            f"{len(single)} classes have one image, which no other can find and little is learned "
            f"from: {in_words([names[c] for c in single])}"
        )


def in_words(items: list[str], named: int = NAMED) -> str:
    """The first few, and how many more there are.

    Examples
    --------
    >>> in_words(["a", "b", "c"], named=2)
    'a, b and 1 more'
    """
    more = f" and {len(items) - named} more" if len(items) > named else ""
    return ", ".join(items[:named]) + more

"""What becomes of the splits of a data set: limited, read, freed of duplicates, shuffled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from gluon_hash.datasets.duplicates import Mode, find_duplicates, settle_duplicates
from gluon_hash.datasets.splits import in_words, subset
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log, track
from gluon_hash.records.prefetch import mapped

__all__ = ["Arrangement", "Items", "SplitData", "arrange", "check_classes"]

SHUFFLE = 1  # keeps the numbers of the order apart from those of the subset


class Items(Protocol):
    """What a split must offer; see gluon_hash.datasets.dataset.Split."""

    @property
    def fine_labels(self) -> np.ndarray:
        """The finest class of each item: int64 (N,)."""
        ...

    @property
    def names(self) -> list[str]:
        """What the .lst file calls each item."""
        ...

    def __len__(self) -> int: ...

    @property
    def digest(self) -> Callable[[int], bytes]:
        """Position -> hash of the item's content."""
        ...

    def num_bytes(self, position: int) -> int:
        """What the item takes in the file that is written; DataError if it is unreadable."""
        ...

    def take(self: Self, positions: np.ndarray) -> Self:
        """The items at ``positions``."""
        ...

    def join(self: Self, other: Self) -> Self:
        """These items, then others."""
        ...


Self = TypeVar("Self", bound=Items)
S = TypeVar("S", bound=Items)


@dataclass(frozen=True)
class SplitData(Generic[S]):
    """A data set: its hierarchy, its splits, where it came from.

    The training set is the database. Where the queries are of classes that are not trained, they
    are searched among each other.

    Parameters
    ----------
    recipe : str
        What read it, such as "folder".
    hierarchy : Hierarchy
        Of the classes that are trained.
    train, query : split
    source : dict
        Where it came from, as JSON values, for split.json.
    in_order : bool
        The order of the items is official, or made: it is kept unless asked otherwise. That of
        other data is by class, which settles ties by class, so it is shuffled.
    drawn : bool
        The queries were drawn here from all items: one that has a copy in the database is moved
        there. In a split that someone made, that is an error.
    query_hierarchy : Hierarchy, optional
        Of trained classes and then those of the queries, where those are others.
    """

    recipe: str
    hierarchy: Hierarchy
    train: S
    query: S
    source: dict[str, Any] = field(default_factory=dict)
    in_order: bool = False
    drawn: bool = False
    query_hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class Arrangement(Generic[S]):
    """The splits as they are written.

    Parameters
    ----------
    train, query : split
    report : dict
        What split.json says of duplicates, unreadable images and the order.
    duplicates : list of lists of (split, name, class name)
        The copies of one image, as duplicates.json has them.
    """

    train: S
    query: S
    report: dict[str, Any]
    duplicates: list[list[tuple[str, str, str]]]


def arrange(
    data: SplitData[S],
    *,
    seed: int,
    limit: int | None,
    duplicates: Mode,
    skip_unreadable: bool,
    shuffle: bool,
) -> Arrangement[S]:
    """The splits of a data set, checked and in order; arguments and errors as Dataset.write."""
    splits = {"train": data.train, "query": data.query}
    digests: dict[str, list[bytes]] = {}
    unreadable: dict[str, str] = {}
    for name, split in splits.items():
        split = split.take(subset(split.fine_labels, limit, seed))
        hashes, problems = _read_through(name, split)
        readable = np.array([p for p, digest in enumerate(hashes) if digest is not None], np.int64)
        splits[name] = split.take(readable)
        digests[name] = [digest for digest in hashes if digest is not None]
        unreadable.update(problems)
    _say_unreadable(list(unreadable.values()), len(data.train) + len(data.query), skip_unreadable)
    train, query, report, groups = _without_duplicates(data, splits, digests, duplicates)
    check_classes(data.hierarchy, train.fine_labels)
    if not len(query):
        raise DataError("no query is left; give more images, or another share of queries")
    if shuffle:
        train = train.take(np.random.RandomState((seed, SHUFFLE)).permutation(len(train)))
    report.update(unreadable=list(unreadable), shuffled=shuffle)
    return Arrangement(train, query, report, groups)


def _read_through(name: str, split: Items) -> tuple[list[bytes | None], dict[str, str]]:
    """The hash of every image, None if it is unreadable; why those are, by name."""
    problems: dict[str, str] = {}

    def attempt(position: int) -> bytes | None:
        try:
            return split.digest(position)
        except DataError as error:
            problems[split.names[position]] = str(error)
            return None

    digests = list(track(mapped(attempt, len(split)), f"read {name} images", len(split)))
    return digests, {name: problems[name] for name in split.names if name in problems}


def _say_unreadable(problems: list[str], count: int, skip: bool) -> None:
    if not problems:
        return
    said = f"{len(problems)} of {count} images cannot be read: {'; '.join(problems[:5])}"
    more = "; ..." if len(problems) > 5 else ""
    if not skip:
        raise DataError(f"{said}{more}; repair them or take them out, or set skip_unreadable")
    log(f"{said}{more}; they are left out")


def _without_duplicates(
    data: SplitData[S], splits: dict[str, S], digests: dict[str, list[bytes]], mode: Mode
) -> tuple[S, S, dict[str, Any], list[list[tuple[str, str, str]]]]:
    """The splits, with queries that are in the database moved there if they should be."""
    train, query = splits["train"], splits["query"]
    repeated = find_duplicates(digests["train"], digests["query"])
    report: dict[str, Any] = {
        "duplicates": settle_duplicates(repeated, train.names, query.names, mode)
    }
    moved = set(repeated.shared.tolist()) if mode == "one-side" else set()
    if moved and data.query_hierarchy is not None:
        raise DataError("queries of classes that are not trained cannot be moved to the database")
    class_names = {
        "train": data.hierarchy.class_names[0],
        "query": (data.query_hierarchy or data.hierarchy).class_names[0],
    }
    groups = [
        [
            (
                "train" if name == "query" and position in moved else name,
                splits[name].names[position],
                class_names[name][splits[name].fine_labels[position]],
            )
            for name, position in group
        ]
        for group in repeated.groups
    ]
    _say_contradictions(groups)
    if moved:
        train = train.join(query.take(repeated.shared))
        query = query.take(np.setdiff1d(np.arange(len(query)), repeated.shared))
    return train, query, report, groups


def _say_contradictions(groups: list[list[tuple[str, str, str]]]) -> None:
    """Log images that are in several classes: one of them is wrong, or the tree is."""
    several = [group for group in groups if len({name for *_, name in group}) > 1]
    if several:
        examples = [" = ".join(name for _, name, _ in group[:2]) for group in several]
        log(f"images that are in several classes: {len(several)} ({in_words(examples)})")


def check_classes(hierarchy: Hierarchy, fine_labels: np.ndarray) -> None:
    """Raise DataError, naming the first few, unless every finest class has a training image."""
    counts = np.bincount(fine_labels, minlength=hierarchy.num_classes[0])
    missing = [hierarchy.class_names[0][c] for c in np.flatnonzero(counts == 0)]
    if missing:
        raise DataError(
            f"{len(missing)} classes have no training image ({in_words(missing)}); "
            "add images or take the classes out"
        )

"""A database of codes in several files, of which memory holds one at a time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gluon_hash.arrays import array_shape, load_arrays, scalar
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.retrieval.codes.shards import Shard
from gluon_hash.retrieval.codes.tables import CodeTable, check_comparable
from gluon_hash.retrieval.evaluation.labels import check_labels

__all__ = ["About", "DatabaseParts", "Survey"]

LARGEST_SAMPLE = 1 << 20  # codes; up to so many it is all of them
Source = CodeTable | str | os.PathLike[str]


class DatabaseParts:
    """Code tables that together are one database; positions count through them.

    Parameters
    ----------
    sources : sequence of CodeTable or path-like
        In the order of the database; parts of one file that `encode --shard` wrote are put in
        theirs, so that ties are settled as in the merged file.

    Raises
    ------
    DataError
        If a file does not hold codes.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        if not sources:
            raise ValueError("expected at least one part of the database")
        self._sources = _in_order(sources)
        self.sizes = [
            len(source) if isinstance(source, CodeTable) else array_shape(source, "ids")[0]
            for source in self._sources
        ]

    def __len__(self) -> int:
        return sum(self.sizes)

    @property
    def num_parts(self) -> int:
        """How many tables there are."""
        return len(self._sources)

    def __iter__(self) -> Iterator[tuple[int, CodeTable]]:
        """Each table with the position of its first item; the one before can be forgotten."""
        start = 0
        for source, size in zip(self._sources, self.sizes):
            table = source if isinstance(source, CodeTable) else CodeTable.load(source)
            if len(table) != size:
                raise DataError("changed while it was read", path=self.name(start))
            yield start, table
            start += size

    def name(self, start: int) -> str:
        """What the part whose first item is at ``start`` is called."""
        number = list(itertools.accumulate(self.sizes, initial=0)).index(start)
        source = self._sources[number]
        return f"part {number + 1}" if isinstance(source, CodeTable) else os.fspath(source)

    def ids(self, number: int) -> np.ndarray:
        """The ids of a table, counted from 0, alone: int64."""
        source = self._sources[number]
        return source.ids if isinstance(source, CodeTable) else load_arrays(source, ("ids",))["ids"]


def _in_order(sources: Sequence[Source]) -> list[Source]:
    """Shards of one file by their number, others as they are given."""
    shards = [
        source.shard if isinstance(source, CodeTable) else _shard_in(source) for source in sources
    ]
    known = [shard for shard in shards if shard is not None]
    if len(known) < len(shards) or len({shard.records_sha256 for shard in known}) > 1:
        return list(sources)
    missing = set(range(1, known[0].total + 1)) - {shard.number for shard in known}
    if missing:
        log(
            f"warning: {len(missing)} of {known[0].total} parts of {known[0].records} are not "
            f"given, the first is part {min(missing)}; the numbers are those of the others"
        )
    order = sorted(range(len(known)), key=lambda number: known[number].first)
    return [sources[number] for number in order]


def _shard_in(path: str | os.PathLike[str]) -> Shard | None:
    arrays = load_arrays(path, (), ("shard",))
    if "shard" not in arrays:
        return None
    return Shard.from_json(scalar(arrays, "shard", str, path), path)


@dataclass(frozen=True)
class About:
    """What is known of a database when all its parts were read once.

    Parameters
    ----------
    num_items : int
    excluded : int64, shape (Q,), or None
        The position of each query in the database, where the protocol leaves it out.
    class_counts : list of K dicts
        Label -> images of it in the database, at each level.
    sample : CodeTable
        Every ``step``-th image.
    step : int
    """

    num_items: int
    excluded: np.ndarray | None
    class_counts: list[dict[int, int]]
    sample: CodeTable
    step: int


class Survey:
    """Looks at each part once, in order: what does not fit is refused, what is needed later kept.

    Parameters
    ----------
    query : CodeTable
    database : DatabaseParts
    hierarchy : Hierarchy, optional
        The labels are checked against it.
    """

    def __init__(
        self, query: CodeTable, database: DatabaseParts, hierarchy: Hierarchy | None
    ) -> None:
        self._query, self._database, self._hierarchy = query, database, hierarchy
        self._positions = np.full(len(query), -1, np.int64)
        self._step = -(-max(len(database), 1) // LARGEST_SAMPLE)
        self._samples: list[CodeTable] = []
        self._ranges: list[tuple[int, int, int]] = []  # smallest and largest id, number
        self._counts: list[dict[int, int]] = [{} for _ in range(query.level_labels.shape[1])]

    def look(self, start: int, table: CodeTable) -> None:
        """Take in a part; DataError, naming it, if it does not go with the queries."""
        try:
            check_comparable(self._query, table)
            check_labels(self._query.level_labels, table.level_labels, self._hierarchy)
            self._find_queries(start, table)
        except ValueError as error:
            raise DataError(str(error), path=self._database.name(start)) from error
        if self._samples and table.model != self._samples[0].model:
            raise DataError(
                "made by another model than the parts before", path=self._database.name(start)
            )
        for counts, column in zip(self._counts, table.level_labels.T):
            labels, numbers = np.unique(column, return_counts=True)
            for label, number in zip(labels.tolist(), numbers.tolist()):
                counts[label] = counts.get(label, 0) + number
        self._ranges.append((int(table.ids.min()), int(table.ids.max()), len(self._ranges)))
        rows = np.arange(-start % self._step, len(table), self._step)
        self._samples.append(
            CodeTable(
                table.ids[rows],
                table.codes[rows],
                table.level_labels[rows],
                table.num_bits,
                model=table.model,
            )
        )

    def about(self, query_excluded: bool) -> About:
        """What was found, when every part was looked at.

        Raises
        ------
        ValueError
            If an id is in two parts; or, where queries are left out of their own rankings, the id
            of one is in none.
        """
        self._refuse_repeated()
        if query_excluded and (self._positions < 0).any():
            raise ValueError(
                "this protocol searches each query among the other images of one table, but the "
                f"query id {self._query.ids[np.argmin(self._positions)]} is in no part of the "
                "database; give the same codes for both"
            )
        first = self._samples[0]
        sample = CodeTable(
            np.concatenate([part.ids for part in self._samples]),
            np.concatenate([part.codes for part in self._samples]),
            np.concatenate([part.level_labels for part in self._samples]),
            first.num_bits,
            model=first.model,
        )
        excluded = self._positions if query_excluded else None
        return About(len(self._database), excluded, self._counts, sample, self._step)

    def _find_queries(self, start: int, table: CodeTable) -> None:
        """Note where the ids of the queries are; ValueError if one has other labels there."""
        order = np.argsort(table.ids)
        at = np.searchsorted(table.ids, self._query.ids, sorter=order)
        rows = order[np.minimum(at, len(table) - 1)]
        here = table.ids[rows] == self._query.ids
        same = (table.level_labels[rows] == self._query.level_labels).all(axis=1)
        self._positions[here & same] = start + rows[here & same]

    def _refuse_repeated(self) -> None:
        """ValueError if two parts share an id; parts whose ids lie apart are not read for it."""
        ranges = sorted(self._ranges)
        for number, (_, largest, one) in enumerate(ranges):
            for smallest, _, other in ranges[number + 1 :]:
                if smallest > largest:
                    break
                shared = np.intersect1d(self._database.ids(one), self._database.ids(other))
                if len(shared):
                    raise ValueError(
                        f"id {shared[0]} is in two parts of the database; each image needs an id "
                        "of its own"
                    )

"""Evaluation of a database that is read part by part: the numbers of the whole, bit for bit.

A first pass counts, for each query, the items at each distance and those that agree with it at some
level. With these counts a second one knows the rank of every item, ties by position in the whole
database, and writes the ranks of what agrees, which is all that the metrics read. Where these are
too many for the memory that is given, the queries are divided and the second pass repeated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log, track
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.evaluation import ranking
from gluon_hash.retrieval.evaluation.curves import Curves, curve_ranks, curves_from_counts
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.database_parts import About, DatabaseParts, Survey
from gluon_hash.retrieval.evaluation.kernels.parts import count_part, measure_placed, place_part
from gluon_hash.retrieval.evaluation.kernels.ranking import Tables
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import get_protocol
from gluon_hash.retrieval.evaluation.task import Task

__all__ = ["curves_of_parts", "measure_parts"]

MEMORY = 1 << 30  # bytes of ranks held at a time
BYTES_PER_ITEM = 5  # an int32 rank and a byte of agreement
MOST_ITEMS = (1 << 31) - 2  # a rank is an int32
ITEMS_IN_MEMORY = 1 << 26  # tables of more items (24 bytes each) are on the disk


class _Counts(NamedTuple):
    """Of each query, at each distance (the last: the excluded item): int64 (Q, num_bits + 2)."""

    items: np.ndarray
    agreeing: np.ndarray


class _Block(NamedTuple):
    """Some queries, and the ranks of the items that agree with them; see measure_placed."""

    queries: slice
    ranks: np.ndarray
    masks: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def measure_parts(
    query: CodeTable,
    database: DatabaseParts,
    *,
    cutoffs: Cutoffs = Cutoffs(),
    protocol: str = "standard",
    hierarchy: Hierarchy | None = None,
    memory: int = MEMORY,
) -> tuple[Measured, About]:
    """Every metric of every query, as gluon_hash.retrieval.measure gives it for the whole.

    Memory holds the largest part, ``memory``, 16 bytes for each query and distance, and tables of
    24 bytes for each item (on the disk beyond 67 million items).

    Parameters
    ----------
    query : CodeTable
    database : DatabaseParts
    cutoffs, protocol, hierarchy :
        As measure.
    memory : int
        Bytes for the ranks of items that agree with a query at some level, 5 each; with less the
        parts are read more often.

    Returns
    -------
    Measured
        Of the same numbers as for the merged table, whatever the metric and the protocol.
    About

    Raises
    ------
    ValueError
        As measure; or if an id is in two parts.
    DataError
        If a part does not go with the queries; names it.
    """
    rules = get_protocol(protocol)
    if len(database) > MOST_ITEMS:
        raise ValueError(f"expected at most {MOST_ITEMS:,} database images, got {len(database):,}")
    survey = Survey(query, database, hierarchy)
    for start, table in database:  # labels and ids are checked before hours of work
        survey.look(start, table)
    about = survey.about(rules.query_excluded)
    task = Task(query.level_labels, len(database), cutoffs, rules, hierarchy, about.excluded)

    def rows_of(wanted: np.ndarray) -> np.ndarray:
        values = np.full((len(query), len(wanted)), np.nan)
        with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
            tables = _tables(task.num_levels, len(database), Path(folder))
            for block in _placed(query, database, task.excluded, memory):
                _measure(task, query.level_labels, block, tables, wanted, values[block.queries])
        return values

    return task.measured(rows_of, radius=True), about


def _measure(
    task: Task,
    query_labels: np.ndarray,
    block: _Block,
    tables: Tables,
    wanted: np.ndarray,
    values: np.ndarray,
) -> None:
    """Fill ``values``, those of the queries of a block."""
    similarity, rules = task.similarity[block.queries], task.protocol.rules()

    def work(order: np.ndarray) -> None:
        measure_placed(
            block.ranks,
            block.masks,
            block.starts,
            block.ends,
            order,
            similarity,
            task.ranks,
            rules,
            tables,
            wanted,
            values,
        )

    ranking.in_threads(work, query_labels[block.queries])


def curves_of_parts(query: CodeTable, database: DatabaseParts, memory: int = MEMORY) -> Curves:
    """As gluon_hash.retrieval.curves for the whole; arguments and errors as measure_parts."""
    ranks = curve_ranks(len(database))
    finest = CodeTable(query.ids, query.codes, query.level_labels[:, :1], query.num_bits)
    by_rank = np.empty((len(query), len(ranks)), np.int64)
    within = np.empty((len(query), query.num_bits + 1), np.int64)
    hits_within = np.empty_like(within)
    nobody = np.full(len(query), -1)
    for block in _placed(finest, database, nobody, memory):
        within[block.queries] = block.ends
        for row in range(len(block.ends)):
            hits = block.ranks[block.starts[row] : block.starts[row + 1]]
            of_query = block.queries.start + row
            by_rank[of_query] = np.searchsorted(hits, ranks, side="right")
            hits_within[of_query] = np.searchsorted(hits, block.ends[row], side="right")
    return curves_from_counts(ranks, by_rank, within, hits_within)


def _placed(
    query: CodeTable, database: DatabaseParts, excluded: np.ndarray, memory: int
) -> Iterator[_Block]:
    """The ranks of what agrees with the queries, block after block of them."""
    counts = _count(query, database, excluded)
    agreeing = counts.agreeing[:, :-1].sum(axis=1)
    blocks = _divide(agreeing, memory // BYTES_PER_ITEM)
    if len(blocks) > 1:
        log(
            f"{len(blocks)} groups of queries, for each of which the {database.num_parts} parts "
            "are read again; with more memory there are fewer"
        )
    for block in blocks:
        yield _place(query, database, excluded, block, counts)


def _count(query: CodeTable, database: DatabaseParts, excluded: np.ndarray) -> _Counts:
    shape = (len(query), query.num_bits + 2)
    counts = _Counts(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for start, table in track(database, "count", database.num_parts, unit="parts"):
        codes = _codes(query, slice(0, len(query)), table, start, excluded)
        kernel = partial(count_part, codes, counts=counts.items, num_agreeing=counts.agreeing)
        ranking.in_threads(kernel, codes.query_labels)
    return counts


def _place(
    query: CodeTable,
    database: DatabaseParts,
    excluded: np.ndarray,
    queries: slice,
    counts: _Counts,
) -> _Block:
    items, agreeing = counts.items[queries, :-1], counts.agreeing[queries, :-1]
    starts = np.concatenate([[0], np.cumsum(agreeing.sum(axis=1))])
    ends = np.cumsum(items, axis=1)
    last_rank = np.zeros(counts.items[queries].shape, np.int64)
    last_rank[:, 1:-1] = ends[:, :-1]
    next_slot = np.zeros_like(last_rank)
    next_slot[:, 1:-1] = np.cumsum(agreeing, axis=1)[:, :-1]
    ranks, masks = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.uint8)
    for start, table in track(database, "rank", database.num_parts, unit="parts"):
        codes = _codes(query, queries, table, start, excluded)
        kernel = partial(
            place_part,
            codes,
            starts=starts,
            last_rank=last_rank,
            next_slot=next_slot,
            ranks=ranks,
            masks=masks,
        )
        ranking.in_threads(kernel, codes.query_labels)
    return _Block(queries, ranks, masks, starts, ends)


def _codes(
    query: CodeTable, queries: slice, table: CodeTable, start: int, excluded: np.ndarray
) -> ranking.Codes:
    """Some queries and a part, as kernels take them; the levels are those of the queries."""
    local = excluded[queries] - start
    local = np.where((excluded[queries] >= 0) & (local >= 0) & (local < len(table)), local, -1)
    num_levels = query.level_labels.shape[1]
    return ranking.as_codes(
        query.codes[queries],
        table.codes,
        query.level_labels[queries],
        table.level_labels[:, :num_levels],
        local.astype(np.int64),
        query.num_bits,
    )


def _divide(agreeing: np.ndarray, most: int) -> list[slice]:
    """Queries in their order, so many at a time that ``most`` items agree with them; 1 at least."""
    blocks, start, total = [], 0, 0
    for row, count in enumerate(agreeing.tolist()):
        if row > start and total + count > most:
            blocks.append(slice(start, row))
            start, total = row, 0
        total += count
    return [*blocks, slice(start, len(agreeing))]


def _tables(num_levels: int, num_items: int, folder: Path) -> Tables:
    """As ranking.make_tables; of very many items in files, of which memory holds what is read."""
    if num_items <= ITEMS_IN_MEMORY:
        return ranking.make_tables(num_levels, num_items)
    tables = ranking.make_tables(num_levels, 0)
    names = ("discount", "discount_sum", "harmonic")
    large = {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy", "w+", dtype=np.float64, shape=(num_items + 1,)
        )
        for name in names
    }
    for array in large.values():
        array[0] = 0.0
    for start in range(1, num_items + 1, ITEMS_IN_MEMORY):
        ranks = np.arange(start, min(start + ITEMS_IN_MEMORY, num_items + 1))
        rows = slice(start, start + len(ranks))
        large["discount"][rows] = 1.0 / np.log2(ranks + 1)
        for name, terms in (("discount_sum", large["discount"][rows]), ("harmonic", 1.0 / ranks)):
            before = large[name][start - 1 : start]
            large[name][rows] = np.cumsum(np.concatenate([before, terms]))[1:]
    return tables._replace(**{name: np.asarray(array) for name, array in large.items()})

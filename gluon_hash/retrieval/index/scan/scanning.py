"""How a scan is cut into tasks, and what their answers make together.

A task is a tile of queries and a part of the codes. Many queries are cut into tiles; for a few the
codes are cut, a part for each processor. Positions count from the first code.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count, product
from typing import TYPE_CHECKING, NamedTuple

import faiss
import numpy as np

if TYPE_CHECKING:
    from gluon_hash.retrieval.index.scan.blocks import Codes

__all__ = ["count_within", "nearest", "within"]

MOST_QUERIES = 64  # of a tile
FEW_QUERIES = 8  # a processor: where there are fewer, the codes are cut
WORTH_A_THREAD = 1 << 25  # bytes compared, a millisecond or two
WIDENED = 1 << 18  # codes that are copied at a time, where they must be
CANDIDATES = 1 << 22  # of all queries of a tile
LONGEST_QUERY = 256  # elements, about: a query is repeated to be as long
FAR = np.iinfo(np.int32).max
Found = tuple[np.ndarray, np.ndarray]  # int32 distances and int64 positions


class Plan(NamedTuple):
    """Tasks: every tile of queries with every part of the codes."""

    tiles: list[slice]
    parts: list[slice]
    threads: int


def nearest(
    packed: np.ndarray, queries: np.ndarray, k: int, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest codes of each query, nearest first, then by position.

    Parameters
    ----------
    packed : uint8, shape (N, num_bytes), contiguous
    queries : uint8, shape (Q, num_bytes), contiguous
    k : int
        At most the number of codes that are not hidden.
    hidden : bool, shape (N,), or (0,)
        Codes that must not be found; (0,): none.

    Returns
    -------
    distances : int32, shape (Q, k)
    positions : int64, shape (Q, k)
    """
    from gluon_hash.retrieval.index.scan import kernels

    plan = _plan(packed, len(queries), min(MOST_QUERIES, max(1, CANDIDATES // k)))
    distances, positions = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), int)
    answers: dict[tuple[int, int], Found] = {}
    if len(plan.tiles) == len(plan.parts) == 1:  # the quick way, for one query
        codes = _codes(packed, queries, hidden, plan.tiles[0], plan.parts[0])
        kernels.nearest(codes, 0, 8 * packed.shape[1], distances, positions)
        return distances, positions

    def run(tile: int, part: int) -> None:
        rows, codes = plan.tiles[tile], plan.parts[part]
        shape = rows.stop - rows.start, min(k, codes.stop - codes.start)
        found = np.empty(shape, np.int32), np.empty(shape, np.int64)
        kernels.nearest(
            _codes(packed, queries, hidden, rows, codes), codes.start, 8 * packed.shape[1], *found
        )
        answers[tile, part] = found

    _run(run, plan)
    for tile, rows in enumerate(plan.tiles):
        parts = [answers.pop((tile, part)) for part in range(len(plan.parts))]
        distances[rows], positions[rows] = _merged(parts, k)
    return distances, positions


def _merged(parts: list[Found], k: int) -> Found:
    """The ``k`` nearest of those of each part; the parts are in the order of their positions."""
    if len(parts) == 1:
        return parts[0]
    distances, positions = (np.concatenate(columns, axis=1) for columns in zip(*parts))
    order = np.argsort(np.where(distances < 0, FAR, distances), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(
        positions, order, axis=1
    )


def count_within(
    packed: np.ndarray, queries: np.ndarray, radii: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    """How many codes lie at each distance up to ``radii[q]`` of query q; -1: count nothing.

    Parameters
    ----------
    packed, queries, hidden :
        As nearest.
    radii : int64, shape (Q,)

    Returns
    -------
    int64, shape (Q, largest radius + 1)
    """
    plan = _plan(packed, len(queries), MOST_QUERIES)
    return _counts(packed, queries, radii, hidden, plan).sum(axis=0)


def within(
    packed: np.ndarray, queries: np.ndarray, radii: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The codes within ``radii[q]`` bits of each query q, nearest first, then by position.

    They are counted, and then put where they belong. Arguments as count_within.

    Returns
    -------
    offsets : int64, shape (Q + 1,)
        What is found for query q is at [offsets[q]:offsets[q + 1]].
    distances : int32, shape (offsets[-1],)
    positions : int64, shape (offsets[-1],)
    """
    from gluon_hash.retrieval.index.scan import kernels

    plan = _plan(packed, len(queries), MOST_QUERIES)
    counts = _counts(packed, queries, radii, hidden, plan)  # (P, Q, R)
    in_order = np.moveaxis(counts, 0, 2)  # by query, then distance, then part
    ends = np.cumsum(in_order).reshape(in_order.shape)
    slots = np.ascontiguousarray(np.moveaxis(ends - in_order, 2, 0))
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=(0, 2)))])
    distances, positions = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int64)

    def run(tile: int, part: int) -> None:
        rows, codes = plan.tiles[tile], plan.parts[part]
        kernels.place_within(
            _codes(packed, queries, hidden, rows, codes),
            codes.start,
            radii[rows],
            slots[part, rows],
            distances,
            positions,
        )

    _run(run, plan)
    return offsets, distances, positions


def _counts(
    packed: np.ndarray, queries: np.ndarray, radii: np.ndarray, hidden: np.ndarray, plan: Plan
) -> np.ndarray:
    """As count_within, of each part of the codes: int64 (P, Q, largest radius + 1)."""
    from gluon_hash.retrieval.index.scan import kernels

    counts = np.zeros((len(plan.parts), len(queries), radii.max(initial=-1) + 1), np.int64)

    def run(tile: int, part: int) -> None:
        rows = plan.tiles[tile]
        codes = _codes(packed, queries, hidden, rows, plan.parts[part])
        kernels.count_within(codes, radii[rows], counts[part, rows])

    _run(run, plan)
    return counts


def _plan(packed: np.ndarray, num_queries: int, most: int) -> Plan:
    """Tiles of at most ``most`` queries, and parts of the codes where the queries are few."""
    num_codes, num_bytes = packed.shape
    work = num_queries * num_codes * num_bytes
    if work < WORTH_A_THREAD and 0 < num_queries <= most and _layout(num_bytes)[0] == num_bytes:
        return Plan([slice(0, num_queries)], [slice(0, num_codes)], 1)
    threads = max(1, min(faiss.omp_get_max_threads(), work // WORTH_A_THREAD))
    parts = threads if num_queries < FEW_QUERIES * threads else 1
    if _layout(num_bytes)[0] != num_bytes:
        parts = max(parts, -(-num_codes // WIDENED))
    tiles = -(-num_queries // most)
    if parts == 1:
        tiles = -(-tiles // threads) * threads  # as many for each thread
    return Plan(_cuts(num_queries, tiles), _cuts(num_codes, parts), threads)


def _cuts(length: int, pieces: int) -> list[slice]:
    """At most so many pieces, about as long and none of them empty."""
    pieces = min(pieces, length)
    ends = [length * piece // pieces for piece in range(pieces + 1)] if pieces else []
    return [slice(start, end) for start, end in zip(ends, ends[1:])]


def _run(run: Callable[[int, int], None], plan: Plan) -> None:
    """Call ``run`` with every tile and part, on several threads."""
    tasks = list(product(range(len(plan.tiles)), range(len(plan.parts))))
    if plan.threads == 1 or len(tasks) < 2:
        for task in tasks:
            run(*task)
        return
    with ThreadPoolExecutor(plan.threads) as pool:
        for _ in pool.map(run, *zip(*tasks)):
            pass


def _codes(
    packed: np.ndarray, queries: np.ndarray, hidden: np.ndarray, rows: slice, part: slice
) -> Codes:
    """A tile and a part, as the kernels take them."""
    from gluon_hash.retrieval.index.scan.blocks import Codes

    wide, element, per_code, room = _layout(packed.shape[1])
    tile = _widened(queries[rows], wide).view(element)
    if per_code > 1:
        tile = np.tile(tile, (1, -(-LONGEST_QUERY // per_code)))
    elements = _widened(packed[part], wide).reshape(-1).view(element)
    return Codes(elements, per_code, hidden[part], tile, room)


@lru_cache
def _layout(num_bytes: int) -> tuple[int, np.dtype, int, np.ndarray]:
    """Of codes of so many bytes: bytes when widened, elements, how many, and Codes.room."""
    wide = _wide(num_bytes)
    size = next(size for size in (8, 4, 2, 1) if wide % size == 0)
    room = np.empty(0, np.uint8 if 8 * num_bytes < 255 else np.uint16)
    return wide, np.dtype(f"u{size}"), wide // size, room


def _widened(packed: np.ndarray, wide: int) -> np.ndarray:
    """The codes, or a copy with bytes of zeros behind each."""
    if packed.shape[1] == wide:
        return packed
    copy = np.zeros((len(packed), wide), np.uint8)
    copy[:, : packed.shape[1]] = packed
    return copy


def _wide(num_bytes: int) -> int:
    """Bytes of a code as the kernels take it: they add up pairs and triples of elements."""
    if _is_smooth(num_bytes):
        return num_bytes
    return next(8 * words for words in count(-(-num_bytes // 8)) if _is_smooth(words))


def _is_smooth(number: int) -> bool:
    """Whether 2 and 3 are its only prime factors."""
    for prime in (2, 3):
        while number % prime == 0:
            number //= prime
    return number == 1

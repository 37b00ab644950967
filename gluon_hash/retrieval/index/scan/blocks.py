"""Hamming distances of a block of codes to a query, in loops that become vector instructions.

Codes are elements of 1, 2, 4 or 8 bytes, ``per_code`` of them; the bits that differ are counted
element by element and then added up by code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.popcount import popcount

__all__ = [
    "CHUNK",
    "Codes",
    "PART",
    "Room",
    "block_size",
    "distances_of",
    "least",
    "make_room",
    "next_near",
    "places_of",
]

BLOCK_BYTES = 1 << 15  # of codes that all queries of a tile are compared with: they stay in cache
SHORTEST_BLOCK = 512  # codes
PART, CHUNK = 512, 64  # codes whose least distance is looked at before any of them is


class Codes(NamedTuple):
    """A database, and a tile of queries."""

    elements: np.ndarray  # uint8, 16, 32 or 64 (N * per_code,)
    per_code: int
    hidden: np.ndarray  # bool (N,), or (0,): none is
    queries: np.ndarray  # (T, a multiple of per_code): each repeated
    room: np.ndarray  # uint8 or uint16 (0,): the type that holds a distance, and one more


class Room(NamedTuple):
    """What the distances of a block are computed in."""

    counts: np.ndarray
    sums: np.ndarray
    places: np.ndarray  # int64 (CHUNK,)


@inner
def block_size(codes: Codes) -> int:
    """Codes in a block."""
    return max(SHORTEST_BLOCK, BLOCK_BYTES // (codes.per_code * codes.elements.itemsize))


@inner
def make_room(codes: Codes) -> Room:
    """Room for a block."""
    size = block_size(codes) * codes.per_code
    return Room(
        np.empty(size, codes.room.dtype),
        np.empty(size, codes.room.dtype),
        np.empty(CHUNK, np.int64),
    )


@inner
def _count_bits(query: Any, elements: np.ndarray, counts: np.ndarray) -> None:
    """Bits in which each element differs from ``query``."""
    for i in range(len(counts)):
        counts[i] = popcount(elements[i] ^ query)


@inner
def _count_repeated(query: np.ndarray, elements: np.ndarray, counts: np.ndarray) -> None:
    """As _count_bits, of a query of several elements, repeated."""
    for start in range(0, len(counts), len(query)):
        end = min(start + len(query), len(counts))
        block, out = elements[start:end], counts[start:end]
        for i in range(len(out)):
            out[i] = popcount(block[i] ^ query[i])


@inner
def _add_pairs(counts: np.ndarray, sums: np.ndarray) -> None:
    for i in range(len(sums)):
        sums[i] = counts[2 * i] + counts[2 * i + 1]


@inner
def _add_triples(counts: np.ndarray, sums: np.ndarray) -> None:
    for i in range(len(sums)):
        sums[i] = counts[3 * i] + counts[3 * i + 1] + counts[3 * i + 2]


@inner
def next_near(codes: Codes, query: int, start: int, end: int, limit: int) -> tuple[int, int]:
    """Where to look for codes nearer than the limit, from ``start`` on: their start and end.

    Most often there is no such code, and no distance needs to be kept: of codes of one element the
    least of a part is all that is computed here. Of others, and where codes are hidden, which may
    be the nearest, a whole block is to be looked at.
    """
    if codes.per_code > 1 or len(codes.hidden):
        return start, end
    while start < end:
        stop = min(start + PART, end)
        if _least_of(codes, query, start, stop) < limit:
            return start, stop
        start = stop
    return end, end


@inner
def _least_of(codes: Codes, query: int, start: int, end: int) -> Any:
    """The least distance of codes of one element."""
    elements, bits = codes.elements, codes.queries[query, 0]
    lowest = popcount(elements[start] ^ bits)
    for i in range(np.uint64(start), np.uint64(end)):  # unsigned: none counts from the end
        lowest = min(lowest, popcount(elements[i] ^ bits))
    return lowest


@inner
def distances_of(codes: Codes, query: int, start: int, end: int, room: Room) -> np.ndarray:
    """Distances of the codes from ``start`` to ``end``; those of the hidden are beyond all."""
    elements = codes.elements[start * codes.per_code : end * codes.per_code]
    distances = _distances(codes, query, elements, end - start, room)
    if len(codes.hidden):
        _hide(codes.hidden[start:end], distances)
    return distances


@inner
def _distances(
    codes: Codes, query: int, elements: np.ndarray, count: int, room: Room
) -> np.ndarray:
    """Distances of the codes that the elements are: (count,)."""
    size, before, after = codes.per_code, room.counts, room.sums
    if size == 1:
        _count_bits(codes.queries[query, 0], elements, before[:count])
    else:
        _count_repeated(codes.queries[query], elements, before[: count * size])
    while size > 1:
        if size % 2 == 0:
            size //= 2
            _add_pairs(before, after[: count * size])
        else:
            size //= 3
            _add_triples(before, after[: count * size])
        before, after = after, before
    return before[:count]


@inner
def _hide(hidden: np.ndarray, distances: np.ndarray) -> None:
    """Set every bit of the distances of the hidden."""
    for i in range(len(distances)):
        distances[i] |= -np.int64(hidden[i])


@inner
def least(distances: np.ndarray, start: int, end: int) -> Any:
    """The least of the distances from ``start`` to ``end``."""
    lowest = distances[start]
    for i in range(np.uint64(start), np.uint64(end)):
        lowest = min(lowest, distances[i])
    return lowest


@inner
def places_of(distances: np.ndarray, first: int, last: int, limit: int, room: Room) -> np.ndarray:
    """Where the distances from ``first`` to ``last``, at most CHUNK, are below the limit."""
    size, places = 0, room.places
    for i in range(np.uint64(first), np.uint64(last)):  # no branch that could be guessed wrong
        places[np.uint64(size)] = i
        size += distances[i] < limit
    return places[:size]

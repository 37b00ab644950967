"""Items in the order of their Hamming distance to a query: a counting sort, stable by position.

Only what agrees with the query at some level gets a rank; the others are counted. The items are
counted in four streams at once, each with counts of its own, since a count that was written a
moment ago is slow to read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.popcount import popcount

__all__ = [
    "Agreeing",
    "Codes",
    "Room",
    "agree",
    "agreements",
    "compare",
    "count_up_to",
    "make_agreeing",
    "make_room",
    "place",
]

STREAMS = 4
TILE = 512  # items of a stream whose distances are held at a time


class Codes(NamedTuple):
    """Queries and a database."""

    queries: np.ndarray  # uint64 (Q, W)
    words: np.ndarray  # uint64 (W, N) of the database
    query_labels: np.ndarray  # int32 (Q, K)
    labels: np.ndarray  # int32 (K, N) of the database
    excluded: np.ndarray  # int64 (Q,) position that a query's ranking leaves out; -1: none
    num_bits: int


class Agreeing(NamedTuple):
    """The items that agree with a query at some level, by position; queries of a class share it.

    Bit k of a mask says that the item agrees with the query at level k.
    """

    labels: np.ndarray  # int32 (K,) of the query; -1: none yet
    unsorted: np.ndarray  # uint8 (N,) masks of all items
    size: np.ndarray  # int64 (1,) of the items that agree
    positions: np.ndarray  # int32 (N,), ascending, of which ``size`` are set
    masks: np.ndarray  # uint8 (N,), of which ``size`` are set
    by_mask: np.ndarray  # int64 (2^K,) items of each mask but 0


class Room(NamedTuple):
    """What a thread compares a query with; the last distance is of the excluded item."""

    distance: np.ndarray  # uint16 (STREAMS, TILE)
    before: np.ndarray  # uint32 (STREAMS, TILE) items before it in its stream, as near
    counts: np.ndarray  # uint32 (STREAMS, num_bits + 2) items at each distance
    agreeing: np.ndarray  # uint32 (STREAMS, num_bits + 2) those that agree
    starts: np.ndarray  # int64 (STREAMS + 1,) where the streams begin in Agreeing.positions
    bits: np.ndarray  # uint16 (N,) distances of the items that agree, by position
    order: np.ndarray  # uint64 (N,) as near in its stream before it: that agree, << 32, and all


@inner
def make_agreeing(num_items: int, num_levels: int) -> Agreeing:
    """Room for what agrees with a query among ``num_items``."""
    labels = np.empty(num_levels, np.int32)
    labels[:] = -1
    return Agreeing(
        labels,
        np.empty(num_items, np.uint8),
        np.zeros(1, np.int64),
        np.empty(num_items, np.int32),
        np.empty(num_items, np.uint8),
        np.zeros(1 << num_levels, np.int64),
    )


@inner
def agreements(query_labels: np.ndarray, labels: np.ndarray, unsorted: np.ndarray) -> None:
    """Fill ``unsorted``: bit k of an item says that it agrees with the query at level k."""
    unsorted[:] = 0
    for k in range(labels.shape[0]):
        bit, wanted, level = np.uint8(1 << k), query_labels[k], labels[k]
        for item in range(len(level)):
            unsorted[item] |= bit * np.uint8(level[item] == wanted)


@inner
def agree(codes: Codes, query: int, agreeing: Agreeing) -> None:
    """Fill ``agreeing`` for a query, unless it is filled for one of the same labels."""
    query_labels, same = codes.query_labels[query], True
    for k in range(len(query_labels)):
        same &= query_labels[k] == agreeing.labels[k]
    if same:
        return
    for k in range(len(query_labels)):
        agreeing.labels[k] = query_labels[k]
    agreements(query_labels, codes.labels, agreeing.unsorted)
    unsorted, positions, masks = agreeing.unsorted, agreeing.positions, agreeing.masks
    size = np.uint64(0)
    for item in range(len(unsorted)):
        positions[size], masks[size] = item, unsorted[item]
        size += np.uint64(unsorted[item] != 0)
    agreeing.size[0], agreeing.by_mask[:] = size, 0
    for item in range(agreeing.size[0]):
        agreeing.by_mask[masks[item]] += 1


@inner
def count_up_to(ascending: np.ndarray, last: int) -> int:
    """How many of ascending numbers are ``last`` or smaller."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] <= last:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def make_room(num_items: int, num_bits: int) -> Room:
    """Room for comparing a query with ``num_items``; nothing in it is set."""
    return Room(
        np.empty((STREAMS, TILE), np.uint16),
        np.empty((STREAMS, TILE), np.uint32),
        np.empty((STREAMS, num_bits + 2), np.uint32),
        np.empty((STREAMS, num_bits + 2), np.uint32),
        np.empty(STREAMS + 1, np.int64),
        np.empty(num_items, np.uint16),
        np.empty(num_items, np.uint64),
    )


@inner
def compare(codes: Codes, query: int, agreeing: Agreeing, room: Room) -> None:
    """Fill ``room`` for one query; ``agreeing`` is its."""
    num_items, size = codes.words.shape[1], agreeing.size[0]
    length = num_items // STREAMS
    room.counts[:], room.agreeing[:] = 0, 0
    positions, starts = agreeing.positions[:size], room.starts
    next_one = np.empty(STREAMS, np.int64)
    for stream in range(STREAMS):
        starts[stream] = next_one[stream] = count_up_to(positions, stream * length - 1)
    starts[STREAMS] = size
    ends = starts[1:]
    for tile in range(0, length, TILE):
        count = min(TILE, length - tile)
        for stream in range(STREAMS):
            _distances(codes, query, stream * length + tile, room.distance[stream, :count])
        _count(room.distance, room.counts, room.before, count)
        for stream in range(STREAMS):
            start = stream * length + tile
            taken = positions[next_one[stream] : ends[stream]]
            next_one[stream] += _pick(taken, start, count, stream, next_one[stream], room)
    rest = num_items - STREAMS * length
    if rest:
        start, last = STREAMS * length, STREAMS - 1
        _distances(codes, query, start, room.distance[last, :rest])
        for item in range(rest):
            bits = room.distance[last, item]
            room.before[last, item] = room.counts[last, bits]
            room.counts[last, bits] += np.uint32(1)
        _pick(positions[next_one[last] :], start, rest, last, next_one[last], room)


@inner
def _distances(codes: Codes, query: int, start: int, distance: np.ndarray) -> None:
    """Fill ``distance`` of the items from ``start`` on; the excluded item is beyond all others."""
    end = start + len(distance)
    _first_word(codes.queries[query, 0], codes.words[0, start:end], distance)
    for word in range(1, codes.words.shape[0]):
        _next_word(codes.queries[query, word], codes.words[word, start:end], distance)
    excluded = codes.excluded[query]
    if start <= excluded < end:
        distance[excluded - start] = codes.num_bits + 1


@inner
def _first_word(query: int, words: np.ndarray, distance: np.ndarray) -> None:
    for item in range(len(distance)):
        distance[item] = popcount(query ^ words[item])


@inner
def _next_word(query: int, words: np.ndarray, distance: np.ndarray) -> None:
    for item in range(len(distance)):
        distance[item] += popcount(query ^ words[item])


@inner
def _count(distance: np.ndarray, counts: np.ndarray, before: np.ndarray, num_items: int) -> None:
    """Count the items of all streams, noting the counts that each one found."""
    distance0, distance1, distance2, distance3 = distance[0], distance[1], distance[2], distance[3]
    counts0, counts1, counts2, counts3 = counts[0], counts[1], counts[2], counts[3]
    before0, before1, before2, before3 = before[0], before[1], before[2], before[3]
    one = np.uint32(1)
    for item in range(num_items):
        bits0, bits1, bits2, bits3 = (
            distance0[item],
            distance1[item],
            distance2[item],
            distance3[item],
        )
        found0, found1, found2, found3 = (
            counts0[bits0],
            counts1[bits1],
            counts2[bits2],
            counts3[bits3],
        )
        before0[item], before1[item], before2[item], before3[item] = found0, found1, found2, found3
        counts0[bits0], counts1[bits1] = found0 + one, found1 + one
        counts2[bits2], counts3[bits3] = found2 + one, found3 + one


@inner
def _pick(
    positions: np.ndarray, start: int, count: int, stream: int, first: int, room: Room
) -> int:
    """Note distance and order of the items of a tile that agree; how many there are.

    positions: those that agree from the tile on; ``first`` is the number of the first of them.
    """
    distance, before = room.distance[stream], room.before[stream]
    agreeing, picked = room.agreeing[stream], 0
    while picked < len(positions) and positions[picked] < start + count:
        item = np.uint64(positions[picked] - start)
        bits = distance[item]
        room.bits[first + picked] = bits
        room.order[first + picked] = np.uint64(agreeing[bits]) << np.uint64(32) | np.uint64(
            before[item]
        )
        agreeing[bits] += np.uint32(1)
        picked += 1
    return picked


@inner
def place(
    agreeing: Agreeing,
    room: Room,
    num_bits: int,
    last_rank: np.ndarray,
    next_slot: np.ndarray,
    ranks: np.ndarray,
    masks: np.ndarray,
) -> None:
    """Write the ranks, ascending, and the masks of what agrees.

    last_rank, next_slot: int64 (num_bits + 2,), of each distance the last rank given and the place
    in ``ranks`` of the next item that agrees; they go on with this database.
    """
    first = np.empty(num_bits + 2, np.uint64)
    for stream in range(STREAMS):
        for bits in range(num_bits + 2):
            slot, rank = np.uint64(next_slot[bits]), np.uint64(last_rank[bits] + 1)
            first[bits] = slot << np.uint64(32) | rank
            next_slot[bits] += room.agreeing[stream, bits]
            last_rank[bits] += room.counts[stream, bits]
        for item in range(room.starts[stream], room.starts[stream + 1]):
            bits = room.bits[item]
            if bits <= num_bits:  # beyond: the excluded one
                both = room.order[item] + first[bits]
                slot = both >> np.uint64(32)
                ranks[slot] = both & np.uint64(0xFFFFFFFF)
                masks[slot] = agreeing.masks[item]

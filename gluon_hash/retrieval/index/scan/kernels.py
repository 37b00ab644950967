"""The compiled scan: all codes of a database compared with a tile of queries, block by block.

Each kernel that Python calls is made by a function, so that ``sources`` is in its closure: see
compiled.kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import SOURCES, digest_of, inner, kept
from gluon_hash.retrieval.index.scan.blocks import (
    CHUNK,
    PART,
    Codes,
    Room,
    block_size,
    distances_of,
    least,
    make_room,
    next_near,
    places_of,
)

__all__ = ["count_within", "nearest", "place_within"]


class Found(NamedTuple):
    """Of each query of a tile, candidates for the k nearest, in the order of their positions.

    What is nearer than the limit is among them, and fewer than k are; of those at the limit as
    many as k asks for: those that come later cannot be among the k nearest.
    """

    distances: np.ndarray  # (T, room)
    positions: np.ndarray  # int64 (T, room)
    sizes: np.ndarray  # int64 (T,)
    limits: np.ndarray  # int64 (T,)
    nearer: np.ndarray  # int64 (T,) candidates nearer than the limit
    counts: np.ndarray  # int64 (T, num_bits + 1) candidates at each distance below the limit


@inner
def _compact(found: Found, query: int, k: int) -> None:
    """Drop the candidates that cannot be among the k nearest."""
    distances, positions = found.distances[query], found.positions[query]
    limit, at_limit, size = found.limits[query], k - found.nearer[query], 0
    for i in range(found.sizes[query]):
        if distances[i] < limit or (distances[i] == limit and at_limit > 0):
            at_limit -= distances[i] == limit
            distances[size], positions[size] = distances[i], positions[i]
            size += 1
    found.sizes[query] = size


@inner
def _offer(distances: np.ndarray, start: int, found: Found, query: int, k: int, room: Room) -> None:
    """Take what is nearer than the limit, and lower the limit where k are nearer."""
    for part in range(0, len(distances), PART):
        end = min(part + PART, len(distances))
        if end - part < len(distances) and least(distances, part, end) >= found.limits[query]:
            continue
        if found.sizes[query] + PART > found.distances.shape[1]:
            _compact(found, query, k)
        for first in range(part, end, CHUNK):
            last = min(first + CHUNK, end)
            if least(distances, first, last) < found.limits[query]:
                places = places_of(distances, first, last, found.limits[query], room)
                _take(distances, places, start, found, query, k)


@inner
def _take(
    distances: np.ndarray, places: np.ndarray, start: int, found: Found, query: int, k: int
) -> None:
    """As _offer, of the distances at some places."""
    size, limit, nearer = found.sizes[query], found.limits[query], found.nearer[query]
    for i in places:
        bits = distances[i]
        if bits < limit:
            found.distances[query, size], found.positions[query, size] = bits, start + i
            size += 1
            found.counts[query, bits] += 1
            nearer += 1
            while nearer >= k:
                limit -= 1
                nearer -= found.counts[query, limit]
    found.sizes[query], found.limits[query], found.nearer[query] = size, limit, nearer


@inner
def _sort(found: Found, query: int, k: int, distances: np.ndarray, positions: np.ndarray) -> None:
    """Write the k nearest, by distance, then by position; -1 behind them if there are fewer."""
    limit, counts = found.limits[query], found.counts[query]
    ends, total = np.empty(limit + 1, np.int64), 0
    for bits in range(limit):
        ends[bits] = total
        total += counts[bits]
    ends[limit] = total
    distances[:], positions[:] = -1, -1
    for i in range(found.sizes[query]):
        bits = found.distances[query, i]
        if bits <= limit and ends[bits] < k:
            distances[ends[bits]], positions[ends[bits]] = bits, found.positions[query, i]
            ends[bits] += 1


def _make_nearest(sources: int) -> Any:
    def nearest(
        codes: Codes,
        position: int,
        num_bits: int,
        nearest_distances: np.ndarray,
        nearest_positions: np.ndarray,
    ) -> None:
        """Fill int32 and int64 (T, k): the k nearest; the first code is at ``position``.

        Nearest first, then by position; -1 where there are fewer.
        """
        assert sources >= 0  # read, so that it is in the closure
        num_queries, k = nearest_distances.shape
        num_codes = len(codes.elements) // codes.per_code
        most = min(2 * k + 4 * PART, num_codes + PART)
        found = Found(
            np.empty((num_queries, most), codes.room.dtype),
            np.empty((num_queries, most), np.int64),
            np.zeros(num_queries, np.int64),
            np.full(num_queries, num_bits + 1, np.int64),
            np.zeros(num_queries, np.int64),
            np.zeros((num_queries, num_bits + 1), np.int64),
        )
        room, size = make_room(codes), block_size(codes)
        for block in range(0, num_codes, size):
            end = min(block + size, num_codes)
            for query in range(num_queries):
                start, stop = next_near(codes, query, block, end, found.limits[query])
                while start < end:
                    distances = distances_of(codes, query, start, stop, room)
                    _offer(distances, position + start, found, query, k, room)
                    start, stop = next_near(codes, query, stop, end, found.limits[query])
        for query in range(num_queries):
            _sort(found, query, k, nearest_distances[query], nearest_positions[query])

    return kept(nearest)


def _make_count_within(sources: int) -> Any:
    def count_within(codes: Codes, radii: np.ndarray, counts: np.ndarray) -> None:
        """Add to int64 (T, R) the codes at each distance up to radii[query], -1 for none."""
        assert sources >= 0
        num_codes = len(codes.elements) // codes.per_code
        room, size = make_room(codes), block_size(codes)
        for block in range(0, num_codes, size):
            end = min(block + size, num_codes)
            for query in range(len(radii)):
                limit = radii[query] + 1
                start, stop = next_near(codes, query, block, end, limit)
                while start < end:
                    distances = distances_of(codes, query, start, stop, room)
                    for first in range(0, stop - start, CHUNK):
                        last = min(first + CHUNK, stop - start)
                        if least(distances, first, last) < limit:
                            for i in places_of(distances, first, last, limit, room):
                                counts[query, distances[i]] += 1
                    start, stop = next_near(codes, query, stop, end, limit)

    return kept(count_within)


def _make_place_within(sources: int) -> Any:
    def place_within(
        codes: Codes,
        position: int,
        radii: np.ndarray,
        slots: np.ndarray,
        distances: np.ndarray,
        positions: np.ndarray,
    ) -> None:
        """Write each code within the radius to its query's next slot of its distance.

        The first code is at ``position``.

        slots: int64 (T, R), places in ``distances`` and ``positions``; they go on with each code.
        """
        assert sources >= 0
        num_codes = len(codes.elements) // codes.per_code
        room, size = make_room(codes), block_size(codes)
        for block in range(0, num_codes, size):
            end = min(block + size, num_codes)
            for query in range(len(radii)):
                limit = radii[query] + 1
                start, stop = next_near(codes, query, block, end, limit)
                while start < end:
                    found = distances_of(codes, query, start, stop, room)
                    for first in range(0, stop - start, CHUNK):
                        last = min(first + CHUNK, stop - start)
                        if least(found, first, last) < limit:
                            for i in places_of(found, first, last, limit, room):
                                slot = slots[query, found[i]]
                                distances[slot], positions[slot] = found[i], position + start + i
                                slots[query, found[i]] = slot + 1
                    start, stop = next_near(codes, query, stop, end, limit)

    return kept(place_within)


_OWN = digest_of(Path(__file__).parent) ^ SOURCES
nearest = _make_nearest(_OWN)
count_within = _make_count_within(_OWN)
place_within = _make_place_within(_OWN)

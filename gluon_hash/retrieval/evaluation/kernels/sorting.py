"""Items in the order of their Hamming distance to a query: a counting sort, stable by position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels.compiled import inner
from gluon_hash.retrieval.evaluation.kernels.popcount import popcount

__all__ = ["Codes", "Room", "agreements", "compare", "make_room", "sort"]


class Codes(NamedTuple):
    """Queries and a database."""

    queries: np.ndarray  # uint64 (Q, W)
    words: np.ndarray  # uint64 (N, W) of the database
    query_labels: np.ndarray  # int32 (Q, K)
    labels: np.ndarray  # int32 (K, N) of the database
    excluded: np.ndarray  # int64 (Q,) position that a query's ranking leaves out; -1: none
    num_bits: int


class Room(NamedTuple):
    """What a thread sorts in; the last of counts and ends are of the excluded item."""

    distance: np.ndarray  # uint16 (N,) by position
    unsorted: np.ndarray  # uint8 (N,) agreement by position
    counts: np.ndarray  # int64 (num_bits + 2,) items at each distance
    ends: np.ndarray  # int64 (num_bits + 2,) rank of the last item at each distance
    agreement: np.ndarray  # uint8 (N,) best first


@inner
def make_room(num_items: int, num_bits: int) -> Room:
    """Room for rankings of ``num_items``; nothing in it is set."""
    return Room(
        np.empty(num_items, np.uint16),
        np.empty(num_items, np.uint8),
        np.empty(num_bits + 2, np.int64),
        np.empty(num_bits + 2, np.int64),
        np.empty(num_items, np.uint8),
    )


@inner
def sort(codes: Codes, query: int, room: Room) -> None:
    """Fill ``room`` for one query."""
    compare(codes, query, room)
    _place(room.distance, room.unsorted, room.counts, room.ends, room.agreement)


@inner
def compare(codes: Codes, query: int, room: Room) -> None:
    """Fill the distances, their counts and the agreement by position, for one query."""
    _distances(
        codes.queries[query],
        codes.words,
        codes.excluded[query],
        codes.num_bits,
        room.distance,
        room.counts,
    )
    agreements(codes.query_labels[query], codes.labels, room.unsorted)


@inner
def _distances(
    query: np.ndarray,
    words: np.ndarray,
    excluded: int,
    num_bits: int,
    distance: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Fill ``distance`` and ``counts``; the excluded item is beyond all others."""
    counts[:] = 0
    num_words = words.shape[1]
    for item in range(words.shape[0]):
        bits = np.uint64(0)
        for word in range(num_words):
            bits += popcount(query[word] ^ words[item, word])
        distance[item] = bits
    if excluded >= 0:
        distance[excluded] = num_bits + 1
    for item in range(distance.shape[0]):
        counts[distance[item]] += 1


@inner
def agreements(query_labels: np.ndarray, labels: np.ndarray, unsorted: np.ndarray) -> None:
    """Fill ``unsorted``: bit k of an item says that it agrees with the query at level k."""
    unsorted[:] = 0
    for k in range(labels.shape[0]):
        bit = np.uint8(1 << k)
        for item in range(labels.shape[1]):
            unsorted[item] |= bit * np.uint8(labels[k, item] == query_labels[k])


@inner
def _place(
    distance: np.ndarray,
    unsorted: np.ndarray,
    counts: np.ndarray,
    ends: np.ndarray,
    agreement: np.ndarray,
) -> None:
    """Fill ``agreement`` with ``unsorted`` by distance, and ``ends``."""
    total = 0
    for bits in range(counts.shape[0]):
        ends[bits] = total
        total += counts[bits]
    for item in range(distance.shape[0]):
        agreement[ends[distance[item]]] = unsorted[item]
        ends[distance[item]] += 1

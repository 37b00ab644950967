"""HammingIndex: Hamming search on FAISS, with ids of the user's own."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import faiss
import numpy as np

from gluon_hash.retrieval.codes.packing import check_packed, num_bytes
from gluon_hash.retrieval.index import files as index_files
from gluon_hash.retrieval.index.kinds import Flat, Ivf, Kind, MultiHash

__all__ = ["HammingIndex", "Near"]

QUERIES_AT_A_TIME = 256


class Near(NamedTuple):
    """What lies within a radius of each of Q queries.

    ``distances`` (int32) and ``ids`` (int64) of query q are at [offsets[q]:offsets[q + 1]], nearest
    first.
    """

    offsets: np.ndarray
    distances: np.ndarray
    ids: np.ndarray


class HammingIndex:
    """Codes in a FAISS binary index.

    Parameters
    ----------
    num_bits : int
        Length of a code; padded to whole bytes, which changes no distance.
    kind : Flat, MultiHash, Hnsw or Ivf
        See gluon_hash.retrieval.index.kinds; default: Flat, which is exact.

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive or the kind's parameters do not fit it.

    Examples
    --------
    >>> index = HammingIndex(8)
    >>> index.add(np.array([[0b00000000], [0b00000111]], dtype=np.uint8), np.array([10, 20]))
    >>> distances, ids = index.search(np.array([[0b00000011]], dtype=np.uint8), k=2)
    >>> distances, ids
    (array([[1, 2]], dtype=int32), array([[20, 10]]))
    """

    def __init__(self, num_bits: int, kind: Kind | None = None) -> None:
        if num_bits < 1:
            raise ValueError(f"HammingIndex: num_bits must be >= 1, got {num_bits}")
        self.num_bits, self.kind = num_bits, kind or Flat()
        if (
            isinstance(self.kind, MultiHash)
            and self.kind.num_hashes * self.kind.bits_per_hash > num_bits
        ):
            raise ValueError(
                f"multihash: {self.kind.num_hashes} hashes of {self.kind.bits_per_hash} bits do "
                "not fit "
                f"into a code of {num_bits} bits"
            )
        self._index = self.kind.create(8 * num_bytes(num_bits))
        self._ids = np.empty(0, np.int64)  # by position in the FAISS index
        self._deleted = np.empty(0, bool)

    def __len__(self) -> int:
        return len(self._ids) - int(self._deleted.sum())

    @property
    def ids(self) -> np.ndarray:
        """The ids in the index, in the order of adding: int64 (len(self),)."""
        return self._ids[~self._deleted]

    def add(self, codes: np.ndarray, ids: np.ndarray) -> None:
        """Add packed codes, uint8 (N, ceil(num_bits / 8)), under ``ids``, int64 (N,).

        Raises
        ------
        ValueError
            If the codes do not fit, or an id stands twice or is in the index already.
        """
        codes, ids = check_packed(codes, self.num_bits), np.asarray(ids, dtype=np.int64)
        if ids.shape != (len(codes),):
            raise ValueError(f"add: expected {len(codes)} ids, got {ids.shape}")
        ascending = len(ids) < 2 or bool((np.diff(ids) > 0).all())
        follow = not len(self._ids) or not len(ids) or (ascending and ids[0] > self._ids.max())
        if not (ascending and follow) and (
            len(np.unique(ids)) < len(ids) or np.isin(ids, self.ids).any()
        ):
            raise ValueError("add: an id stands twice, or is in the index already")
        codes = np.ascontiguousarray(codes)
        if isinstance(self.kind, Ivf) and not self._index.is_trained:
            self.kind.learn(self._index, codes)
        self._index.add(codes)
        self._ids = np.concatenate([self._ids, ids])
        self._deleted = np.concatenate([self._deleted, np.zeros(len(ids), bool)])

    def delete(self, ids: np.ndarray) -> None:
        """Take ids out. A flat index shrinks; the others keep the codes, hidden, until they are
        built anew.

        Raises
        ------
        ValueError
            If an id is not in the index; nothing is deleted then.
        """
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        here = np.isin(self._ids, ids) & ~self._deleted
        if here.sum() != len(ids):
            missing = np.setdiff1d(ids, self._ids[here])
            raise ValueError(
                f"delete: {len(missing)} ids are not in the index, the first is {missing[0]}"
            )
        if isinstance(self.kind, Flat):
            self._index.remove_ids(np.flatnonzero(here))
            self._ids, self._deleted = self._ids[~here], self._deleted[~here]
        else:
            self._deleted = self._deleted | here

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query; of equally near ones, those that were added first.

        Exact for flat and multihash; approximate for hnsw and ivf, whose ties are any of the
        equally near.

        Parameters
        ----------
        queries : uint8, shape (Q, ceil(num_bits / 8))
        k : int
        scan : bool
            Multihash: compare every code where the k nearest lie beyond the radius that the tables
            pay for.

        Returns
        -------
        distances : int32, shape (Q, k), in bits, ascending
        ids : int64, shape (Q, k)
            -1, at distance -1, where an approximate index found fewer than k.

        Raises
        ------
        ValueError
            If the queries do not fit, ``k`` is not in [1, size of the index], or a multihash does
            not pay.
        """
        queries = np.ascontiguousarray(check_packed(queries, self.num_bits))
        if not 1 <= k <= len(self):
            raise ValueError(
                f"search: k must be from 1 to {len(self)}, the size of the index, got {k}"
            )
        if isinstance(self.kind, MultiHash):
            return self._grow(queries, k, scan)
        wanted = min(k + int(self._deleted.sum()), len(self._ids))
        blocks = [
            self._nearest(queries[start : start + QUERIES_AT_A_TIME], wanted)
            for start in range(0, len(queries), QUERIES_AT_A_TIME)
        ]
        if not blocks:
            return np.empty((0, k), np.int32), np.empty((0, k), np.int64)
        distances, positions = (np.concatenate(part) for part in zip(*blocks))
        if not isinstance(self.kind, Flat):
            distances, positions = self._without_deleted(distances, positions)
        distances, positions = distances[:, :k], positions[:, :k]
        return distances, np.where(positions < 0, -1, self._ids[positions])

    def search_radius(self, queries: np.ndarray, radius: int, *, scan: bool = False) -> Near:
        """All codes within ``radius`` bits of each query, nearest first, then in the order of
        adding.

        Exact for flat and multihash; ivf finds those in the lists that it looks into.

        Raises
        ------
        ValueError
            If the queries do not fit, the radius is not in [0, num_bits], the index is an hnsw, or
            a multihash does not pay at this radius and ``scan`` is not given.
        """
        queries = np.ascontiguousarray(check_packed(queries, self.num_bits))
        if not 0 <= radius <= self.num_bits:
            raise ValueError(
                f"search_radius: the radius must be from 0 to {self.num_bits} bits, got {radius}"
            )
        if self.kind.name == "hnsw":
            raise ValueError(
                "search_radius: an hnsw index has no radius search; build a flat or multihash index"
            )
        index = self._searched(radius, scan)
        offsets, distances, positions = index.range_search(
            queries, radius + 1
        )  # FAISS: nearer than
        kept = ~self._deleted[positions]
        row = np.repeat(np.arange(len(queries)), np.diff(offsets.astype(np.int64)))[kept]
        distances, positions = distances[kept].astype(np.int32), positions[kept]
        order = np.lexsort((positions, distances, row))
        counts = np.bincount(row, minlength=len(queries))
        return Near(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            distances[order],
            self._ids[positions[order]],
        )

    def codes(self) -> np.ndarray:
        """The packed codes in the index, in the order of adding: uint8 (len(self), ceil(num_bits /
        8))."""
        return self._flat_codes()[~self._deleted]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write an index folder, whole or not at all; ValueError if it exists."""
        index_files.write(folder, self._index, self._ids, self._deleted, self.kind, self.num_bits)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, memory_mapped: bool = False) -> HammingIndex:
        """Read an index folder.

        Parameters
        ----------
        folder : path-like
        memory_mapped : bool
            Leave the codes in the file and read what a search needs. FAISS can for ivf only.

        Raises
        ------
        DataError
            If it is none, of another version, or damaged.
        ValueError
            If memory_mapped is asked for a kind that cannot be.
        """
        faiss_index, ids, deleted, kind, num_bits = index_files.read(
            folder, memory_mapped=memory_mapped
        )
        index = cls.__new__(cls)
        index.num_bits, index.kind, index._index, index._ids, index._deleted = (
            num_bits,
            kind,
            faiss_index,
            ids,
            deleted,
        )
        return index

    def _nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        distances, positions = self._index.search(queries, k)
        if isinstance(self.kind, Flat):
            return distances, positions  # FAISS counts them in the order of adding
        far = np.where(positions < 0, np.iinfo(np.int32).max, distances)
        order = np.lexsort((positions, far), axis=1)
        found = np.take_along_axis(positions, order, axis=1)
        return np.where(found < 0, -1, np.take_along_axis(distances, order, axis=1)), found

    def _without_deleted(
        self, distances: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Move what is deleted or missing behind the rest, as -1."""
        gone = (positions < 0) | self._deleted[positions]
        order = np.argsort(gone, axis=1, kind="stable")
        hidden = np.take_along_axis(gone, order, axis=1)
        return tuple(
            np.where(hidden, -1, np.take_along_axis(values, order, axis=1))
            for values in (distances, positions)
        )  # type: ignore[return-value]

    def _grow(self, queries: np.ndarray, k: int, scan: bool) -> tuple[np.ndarray, np.ndarray]:
        """Exact k nearest by multihash: wider radii for the queries that have not found k yet."""
        assert isinstance(self.kind, MultiHash)
        distances, ids = (
            np.empty((len(queries), k), np.int32),
            np.empty((len(queries), k), np.int64),
        )
        waiting, radius = np.arange(len(queries)), self.kind.num_hashes - 1
        while len(waiting):
            near = self.search_radius(queries[waiting], min(radius, self.num_bits), scan=scan)
            counts = np.diff(near.offsets)
            enough = counts >= k
            take = near.offsets[:-1][enough][:, None] + np.arange(k)
            distances[waiting[enough]], ids[waiting[enough]] = near.distances[take], near.ids[take]
            waiting, radius = waiting[~enough], radius + self.kind.num_hashes
        return distances, ids

    def _searched(self, radius: int, scan: bool) -> Any:
        """The FAISS index that answers a radius search."""
        if not isinstance(self.kind, MultiHash):
            return self._index
        if self.kind.pays(radius, len(self._ids)):
            self._index.nflip = self.kind.flips(radius)
            return self._index
        if not scan:
            largest = self.kind.largest_radius(len(self._ids))
            raise ValueError(
                f"multihash: at radius {radius} a query would look into "
                f"{self.kind.num_buckets(radius)} buckets of "
                f"{len(self._ids)} codes, more work than comparing them all; "
                f"{f'the largest radius that pays here is {largest}' if largest >= 0 else 'no radius pays here'}; "
                "ask for a scan (scan=True, --scan) or use a flat index"
            )
        return self._index.storage

    def _flat_codes(self) -> np.ndarray:
        count, width = len(self._ids), num_bytes(self.num_bits)
        if isinstance(self.kind, Ivf):
            found, lists = np.empty((count, width), np.uint8), self._index.invlists
            for place in filter(lists.list_size, range(lists.nlist)):
                size = lists.list_size(place)
                positions = faiss.rev_swig_ptr(lists.get_ids(place), size)
                found[positions] = faiss.rev_swig_ptr(lists.get_codes(place), size * width).reshape(
                    size, width
                )
            return found
        flat = (
            self._index
            if isinstance(self.kind, Flat)
            else faiss.downcast_IndexBinary(self._index.storage)
        )
        return faiss.vector_to_array(flat.xb).reshape(count, width)

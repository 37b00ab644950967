"""HammingIndex: Hamming search on FAISS, with ids of the user's own."""

from __future__ import annotations

import os

import numpy as np

from gluon_hash.retrieval.codes.packing import check_packed
from gluon_hash.retrieval.index import files as index_files
from gluon_hash.retrieval.index.kinds import Flat, Kind
from gluon_hash.retrieval.index.searcher import Near

__all__ = ["HammingIndex"]


class HammingIndex:
    """Codes in a FAISS binary index.

    Parameters
    ----------
    num_bits : int
        Length of a code; padded to whole bytes, which changes no distance.
    kind : Kind
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
        self._structure = self.kind.create(num_bits)
        self._ids = np.empty(0, np.int64)  # by position in the structure
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
            If the codes do not fit, or an id appears twice or is in the index already.
        """
        codes, ids = check_packed(codes, self.num_bits), np.asarray(ids, dtype=np.int64)
        if ids.shape != (len(codes),):
            raise ValueError(f"add: expected {len(codes)} ids, got {ids.shape}")
        ascending = len(ids) < 2 or bool((np.diff(ids) > 0).all())
        follow = not len(self._ids) or not len(ids) or (ascending and ids[0] > self._ids.max())
        if not (ascending and follow) and (
            len(np.unique(ids)) < len(ids) or np.isin(ids, self.ids).any()
        ):
            raise ValueError("add: an id appears twice, or is in the index already")
        codes = np.ascontiguousarray(codes)
        self.kind.learn(self._structure, codes)
        self._structure.add(codes)
        self._ids = np.concatenate([self._ids, ids])
        self._deleted = np.concatenate([self._deleted, np.zeros(len(ids), bool)])

    def delete(self, ids: np.ndarray) -> None:
        """Take ids out. A flat index shrinks; the others hide the codes until they are built again.

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
        if self.kind.remove(self._structure, np.flatnonzero(here)):
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
        distances, positions = self.kind.search(
            self._structure, queries, k, self._deleted, scan=scan
        )
        return distances, np.where(positions < 0, -1, self._ids[positions])

    def search_radius(self, queries: np.ndarray, radius: int, *, scan: bool = False) -> Near:
        """All codes within ``radius`` bits of each query, nearest first, then as they were added.

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
        near = self.kind.within(self._structure, queries, radius, self._deleted, scan=scan)
        return Near(near.offsets, near.distances, self._ids[near.positions])

    def codes(self) -> np.ndarray:
        """The packed codes, in the order of adding: uint8 (len(self), ceil(num_bits / 8))."""
        return self.kind.codes(self._structure)[~self._deleted]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write an index folder, whole or not at all; ValueError if it exists."""
        index_files.write(
            folder, self._structure, self._ids, self._deleted, self.kind, self.num_bits
        )

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
            If it is not one, of another version, or damaged.
        ValueError
            If memory_mapped is asked for a kind that cannot be.
        """
        structure, ids, deleted, kind, num_bits = index_files.read(
            folder, memory_mapped=memory_mapped
        )
        index = cls.__new__(cls)
        index.num_bits, index.kind, index._structure = num_bits, kind, structure
        index._ids, index._deleted = ids, deleted
        return index

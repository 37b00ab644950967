"""HammingIndex: Hamming search on FAISS, with ids, names and labels of the user's own."""

from __future__ import annotations

import os

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.codes.packing import check_packed
from gluon_hash.retrieval.index import files as index_files
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.kinds import Flat, Kind
from gluon_hash.retrieval.index.kinds.exact import all_counts
from gluon_hash.retrieval.index.searcher import Near
from gluon_hash.retrieval.index.zoom import Branch, in_branch

__all__ = ["HammingIndex"]


class HammingIndex:
    """Codes in a FAISS binary index, and what is known of their images.

    Parameters
    ----------
    num_bits : int
        Length of a code; padded to whole bytes, which changes no distance.
    kind : Kind
        See gluon_hash.retrieval.index.kinds; default: Flat, which is exact.
    hierarchy : Hierarchy, optional
        Names of the classes that labels stand for.
    model : str, optional
        The fingerprint of the model that made the codes, as a CodeTable has it.

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

    def __init__(
        self,
        num_bits: int,
        kind: Kind | None = None,
        hierarchy: Hierarchy | None = None,
        model: str | None = None,
    ) -> None:
        if num_bits < 1:
            raise ValueError(f"HammingIndex: num_bits must be >= 1, got {num_bits}")
        self.num_bits, self.kind = num_bits, kind or Flat()
        self._structure = self.kind.create(num_bits)
        self._items = Items.none(hierarchy, model)  # by position in the structure
        self._deleted, self._num_deleted = np.empty(0, bool), 0
        self._mapped = False

    def __len__(self) -> int:
        return len(self._items) - self._num_deleted

    @property
    def ids(self) -> np.ndarray:
        """The ids in the index, in the order of adding: int64 (len(self),)."""
        return self._items.ids[~self._deleted]

    @property
    def items(self) -> Items:
        """Ids, names and labels of what is in the index, in the order of adding."""
        return self._items.take(~self._deleted)

    def add(
        self,
        codes: np.ndarray,
        ids: np.ndarray,
        names: np.ndarray | None = None,
        level_labels: np.ndarray | None = None,
    ) -> None:
        """Add packed codes.

        Parameters
        ----------
        codes : uint8, shape (N, ceil(num_bits / 8))
        ids : int64, shape (N,)
        names : str, shape (N,), optional
            Path or list name of each image.
        level_labels : int32, shape (N, K), optional
            Class per level, finest first; -1 where it is not known.

        Raises
        ------
        ValueError
            If the codes do not fit, an id appears twice or is in the index already, or labels have
            another number of levels or are not in the hierarchy; nothing is added then.
        """
        codes, ids = check_packed(codes, self.num_bits), np.asarray(ids, dtype=np.int64)
        if ids.shape != (len(codes),):
            raise ValueError(f"add: expected {len(codes)} ids, got {ids.shape}")
        self._check_new(ids)
        items = self._items.append(ids, names, level_labels)
        codes = np.ascontiguousarray(codes)
        self.kind.learn(self._structure, codes)
        self._structure.add(codes)
        self._items = items
        self._deleted = np.concatenate([self._deleted, np.zeros(len(ids), bool)])

    def delete(self, ids: np.ndarray) -> None:
        """Take ids out. A flat index shrinks; the others hide the codes until they are built again.

        Raises
        ------
        ValueError
            If an id is not in the index; nothing is deleted then.
        """
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        here = np.isin(self._items.ids, ids) & ~self._deleted
        if here.sum() != len(ids):
            missing = np.setdiff1d(ids, self._items.ids[here])
            raise ValueError(
                f"delete: {len(missing)} ids are not in the index, the first is {missing[0]}"
            )
        if self.kind.remove(self._structure, np.flatnonzero(here)):
            self._items, self._deleted = self._items.take(~here), self._deleted[~here]
        else:
            self._deleted = self._deleted | here
            self._num_deleted += len(ids)

    def count(self, within: Branch) -> int:
        """How many codes are in a branch; ValueError if the labels have no such level."""
        return len(self._items) - int(np.count_nonzero(self._hidden(within)))

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False, within: Branch | None = None
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
        within : Branch, optional
            Find codes of this branch alone: a filter, as exact as the search. hnsw and ivf look at
            more candidates until k of the branch are found, or they know no more.

        Returns
        -------
        distances : int32, shape (Q, k), in bits, ascending
        ids : int64, shape (Q, k)
            -1, at distance -1, where an approximate index found fewer than k.

        Raises
        ------
        ValueError
            If the queries do not fit, ``k`` is not in [1, size of the index or of the branch], or a
            multihash does not pay.
        """
        queries = np.ascontiguousarray(check_packed(queries, self.num_bits))
        hidden = self._hidden(within)
        size = len(self._items) - int(np.count_nonzero(hidden))
        if not 1 <= k <= size:
            what = "the size of the index" if within is None else "the codes in the branch"
            raise ValueError(f"search: k must be from 1 to {size}, {what}, got {k}")
        distances, positions = self.kind.search(self._structure, queries, k, hidden, scan=scan)
        return distances, np.where(positions < 0, -1, self._items.ids[positions])

    def search_radius(
        self, queries: np.ndarray, radius: int, *, scan: bool = False, within: Branch | None = None
    ) -> Near:
        """All codes within ``radius`` bits of each query, nearest first, then as they were added.

        Exact for flat and multihash; ivf finds those in the lists that it looks into. ``scan`` and
        ``within`` as in search.

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
        near = self.kind.within(self._structure, queries, radius, self._hidden(within), scan=scan)
        return Near(near.offsets, near.distances, self._items.ids[near.positions])

    def count_by_distance(
        self, queries: np.ndarray, radii: np.ndarray, *, within: Branch | None = None
    ) -> list[np.ndarray]:
        """How many codes lie at 0, 1, ..., ``radii[q]`` bits of query q, by a scan of all codes.

        Parameters
        ----------
        queries : uint8, shape (Q, ceil(num_bits / 8))
        radii : int, shape (Q,)
            -1: count nothing.
        within : Branch, optional
            Count codes of this branch alone.

        Returns
        -------
        list of Q int64 arrays, shape (radii[q] + 1,)
            Exact for every kind; -1 where the codes are memory-mapped, since a scan would read them
            all.
        """
        queries = np.ascontiguousarray(check_packed(queries, self.num_bits))
        if self._mapped:
            return [np.full(radius + 1, -1) for radius in radii]
        flat = self.kind.scanned(self._structure)
        return all_counts(flat, queries, radii, self._hidden(within))

    def look_up(self, ids: np.ndarray) -> Items:
        """Names and labels of ``ids``, in their order; ValueError if one is not in the index."""
        return self._items.take(self._items.positions(np.asarray(ids, np.int64), self._deleted))

    def look_up_codes(self, ids: np.ndarray) -> np.ndarray:
        """The packed codes of ``ids``; ValueError if one is not in the index."""
        positions = self._items.positions(np.asarray(ids, np.int64), self._deleted)
        return self.kind.codes(self._structure)[positions]

    def name_classes(self, hierarchy: Hierarchy) -> None:
        """Give the classes names; ValueError if the labels are of another hierarchy."""
        self._items = Items.none(hierarchy, self._items.model).append(
            self._items.ids, self._items.names, self._items.level_labels
        )

    def codes(self) -> np.ndarray:
        """The packed codes, in the order of adding: uint8 (len(self), ceil(num_bits / 8))."""
        return self.kind.codes(self._structure)[~self._deleted]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write an index folder, whole or not at all; ValueError if it exists."""
        stored = index_files.Stored(
            self._structure, self._items, self._deleted, self.kind, self.num_bits
        )
        index_files.write(folder, stored)

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
        stored = index_files.read(folder, memory_mapped=memory_mapped)
        index = cls.__new__(cls)
        index.num_bits, index.kind, index._mapped = stored.num_bits, stored.kind, memory_mapped
        index._structure, index._items = stored.structure, stored.items
        index._deleted = stored.deleted
        index._num_deleted = int(np.count_nonzero(stored.deleted))
        return index

    def _check_new(self, ids: np.ndarray) -> None:
        """ValueError if an id appears twice or is there already; ascending ids are quick."""
        known = self._items.ids
        ascending = len(ids) < 2 or bool((np.diff(ids) > 0).all())
        follow = not len(known) or not len(ids) or (ascending and ids[0] > known.max())
        if ascending and follow:
            return
        if len(np.unique(ids)) < len(ids) or np.isin(ids, self.ids).any():
            raise ValueError("add: an id appears twice, or is in the index already")

    def _hidden(self, within: Branch | None) -> np.ndarray:
        """Codes that must not be found, by position: bool; of length 0 where there are none."""
        if within is None:
            return self._deleted if self._num_deleted else np.empty(0, bool)
        return self._deleted | ~in_branch(self._items.level_labels, within)

"""Kind: what every kind of index does by itself, so that HammingIndex asks no kind for its name."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.layout import StructureFile

__all__ = ["Kind", "Within", "padded_bits"]

CODES_AT_A_TIME = 100_000
QUERIES_AT_A_TIME = 256
WIDER = 4  # times as many candidates for the queries whose candidates were hidden


class Within(NamedTuple):
    """Codes within a radius of each of Q queries.

    ``distances`` (int32) and ``positions`` (int64) of query q are at [offsets[q]:offsets[q + 1]],
    nearest first, then by position.
    """

    offsets: np.ndarray
    distances: np.ndarray
    positions: np.ndarray


class Kind(ABC):
    """The parameters of an index, and what it does with its FAISS structure.

    A kind is a frozen dataclass whose fields are its parameters, integers. It keeps no codes: the
    structure that ``create`` makes is handed to every other method. Codes are known by their
    position, the order in which they were added. A new kind is a file with a class that says what
    ``create``, ``scanned`` and, where the defaults here do not fit, the other methods do, and a
    line in gluon_hash.retrieval.index.kinds.table.
    """

    name: ClassVar[str]
    can_be_mapped: ClassVar[bool] = False  # FAISS can leave the codes in the file
    pays_from: ClassVar[int] = 0  # codes, about; of fewer a scan is as fast, and exact

    @classmethod
    def defaults(cls, num_bits: int, num_codes: int) -> dict[str, int]:
        """Parameters that fit ``num_codes`` codes of ``num_bits``, where the fields' own do not."""
        return {}

    @abstractmethod
    def create(self, num_bits: int) -> faiss.IndexBinary:
        """An empty structure for codes of ``num_bits``; ValueError if the parameters do not fit."""

    @abstractmethod
    def scanned(self, structure: faiss.IndexBinary) -> faiss.IndexBinaryFlat:
        """All codes of the structure, by position, in one that compares every code."""

    def check_file(self, file: StructureFile) -> None:
        """Walk over the file of a structure; LayoutError where FAISS would read astray.

        Here: codes and nothing else, as of an IndexBinaryFlat.
        """
        file.flat()

    def read(
        self, path: str | os.PathLike[str], num_bits: int, *, memory_mapped: bool
    ) -> faiss.IndexBinary:
        """The structure that FAISS wrote to a file, for codes of ``num_bits``.

        Raises
        ------
        LayoutError
            If the file is damaged, or of another kind or length of codes.
        """
        file = StructureFile(path, padded_bits(num_bits))
        self.check_file(file)
        file.end()
        flags = faiss.IO_FLAG_MMAP if memory_mapped else 0
        structure = faiss.read_index_binary(os.fspath(path), flags)
        self.restore(structure)
        return structure

    def may_refuse(self, *, by_radius: bool) -> bool:
        """Whether a search, by radius or for k, may be refused unless it is told to ``scan``."""
        return False

    def codes_at_once(self, num_codes: int) -> int:
        """Of ``num_codes`` codes to come, how many it wants in the first ``add``."""
        return min(num_codes, CODES_AT_A_TIME)

    def learn(self, structure: faiss.IndexBinary, codes: np.ndarray) -> None:  # noqa: B027
        """Learn what there is to learn from ``codes``, which are about to be added."""

    def restore(self, structure: faiss.IndexBinary) -> None:  # noqa: B027
        """Set again what FAISS does not keep in its file."""

    def remove(self, structure: faiss.IndexBinary, positions: np.ndarray) -> bool:
        """Take codes out, so that later ones move up; False where FAISS cannot: hide them."""
        return False

    def codes(self, structure: faiss.IndexBinary) -> np.ndarray:
        """The packed codes by position, uint8 (N, ceil(num_bits / 8))."""
        flat = self.scanned(structure)
        return faiss.vector_to_array(flat.xb).reshape(-1, flat.code_size)

    def search(
        self,
        structure: faiss.IndexBinary,
        queries: np.ndarray,
        k: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query, nearest first, then by position.

        Parameters
        ----------
        structure : faiss.IndexBinary
        queries : uint8, shape (Q, ceil(num_bits / 8))
        k : int
            At most the number of codes that are not hidden.
        hidden : bool, shape (N,), or (0,)
            Codes that must not be found; (0,): none.
        scan : bool
            Whether a kind may compare every code for what it would refuse.

        Returns
        -------
        distances : int32, shape (Q, k)
        positions : int64, shape (Q, k)
            -1, at distance -1, where fewer were found.
        """
        blocks = [
            self._search_block(structure, queries[start : start + QUERIES_AT_A_TIME], k, hidden)
            for start in range(0, len(queries), QUERIES_AT_A_TIME)
        ]
        if not blocks:
            return np.empty((0, k), np.int32), np.empty((0, k), np.int64)
        distances, positions = (np.concatenate(columns) for columns in zip(*blocks))
        return distances, positions

    def within(
        self,
        structure: faiss.IndexBinary,
        queries: np.ndarray,
        radius: int,
        hidden: np.ndarray,
        *,
        scan: bool,
    ) -> Within:
        """The codes within ``radius`` bits of each query; arguments as search.

        Raises
        ------
        ValueError
            If the kind has no radius search, or refuses this radius.
        """
        return range_search(structure, queries, radius, hidden)

    def _search_block(
        self, structure: faiss.IndexBinary, queries: np.ndarray, k: int, hidden: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search for more than ``k``, leave out the hidden; wider where fewer than k remain."""
        count, num_hidden = structure.ntotal, int(hidden.sum())
        most = min(k + num_hidden, count)  # so many hold k that are not hidden
        expected = WIDER * k * count // max(count - num_hidden, 1)
        wanted = min(most, expected)
        distances = np.empty((len(queries), k), np.int32)
        positions = np.empty((len(queries), k), np.int64)
        waiting = np.arange(len(queries))
        while len(waiting):
            candidates = structure.search(queries[waiting], wanted)
            distances[waiting], positions[waiting] = _visible(candidates, hidden, k)
            if wanted == most:
                break
            waiting = waiting[positions[waiting, -1] < 0]
            wanted = min(most, WIDER * wanted)
        return distances, positions


def padded_bits(num_bits: int) -> int:
    """The length that FAISS is told: whole bytes."""
    return -(-num_bits // 8) * 8


def range_search(
    structure: faiss.IndexBinary, queries: np.ndarray, radius: int, hidden: np.ndarray
) -> Within:
    """The structure's own radius search, ordered, without the hidden."""
    offsets, distances, positions = structure.range_search(queries, radius + 1)  # nearer than
    kept = ~hidden[positions] if len(hidden) else np.ones(len(positions), bool)
    row = np.repeat(np.arange(len(queries)), np.diff(offsets.astype(np.int64)))[kept]
    distances, positions = distances[kept].astype(np.int32), positions[kept]
    order = np.lexsort((positions, distances, row))
    counts = np.bincount(row, minlength=len(queries))
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Within(ends, distances[order], positions[order])


def _visible(
    candidates: tuple[np.ndarray, np.ndarray], hidden: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest first, then by position; what is hidden or missing behind the rest, as -1."""
    distances, positions = candidates
    gone = positions < 0
    if len(hidden):
        gone |= hidden[positions]
    far = np.where(gone, np.iinfo(np.int32).max, distances)
    order = np.lexsort((positions, far), axis=1)[:, :k]
    gone = np.take_along_axis(gone, order, axis=1)
    return (
        np.where(gone, -1, np.take_along_axis(distances, order, axis=1)),
        np.where(gone, -1, np.take_along_axis(positions, order, axis=1)),
    )

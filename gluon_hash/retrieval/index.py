"""HammingIndex: exact Hamming search on FAISS, with ids of the user's own."""
from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import faiss
import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.retrieval.codes import check_packed, num_bytes

__all__ = ["HammingIndex"]

VERSION = 1
INDEX, IDS, DESCRIPTION = "codes.faissbinary", "ids.npy", "index.json"


class HammingIndex:
    """Codes in a flat FAISS binary index.

    Parameters
    ----------
    num_bits : int
        Length of a code; padded to whole bytes, which changes no distance.

    Raises
    ------
    ValueError
        If ``num_bits`` is not positive.

    Examples
    --------
    >>> index = HammingIndex(8)
    >>> index.add(np.array([[0b00000000], [0b00000111]], dtype=np.uint8), np.array([10, 20]))
    >>> distances, ids = index.search(np.array([[0b00000011]], dtype=np.uint8), k=2)
    >>> distances, ids
    (array([[1, 2]], dtype=int32), array([[20, 10]]))
    """

    def __init__(self, num_bits: int) -> None:
        if num_bits < 1:
            raise ValueError(f"HammingIndex: num_bits must be >= 1, got {num_bits}")
        self.num_bits = num_bits
        self._index = faiss.IndexBinaryFlat(8 * num_bytes(num_bits))
        self._ids = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._ids)

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
        together = np.concatenate([self._ids, ids])
        if len(np.unique(together)) < len(together):
            raise ValueError("add: an id stands twice, or is in the index already")
        self._index.add(np.ascontiguousarray(codes))
        self._ids = together

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query; of equally near ones, those that were added first.

        Parameters
        ----------
        queries : uint8, shape (Q, ceil(num_bits / 8))
        k : int

        Returns
        -------
        distances : int32, shape (Q, k), in bits, ascending
        ids : int64, shape (Q, k)

        Raises
        ------
        ValueError
            If the queries do not fit or ``k`` is not in [1, size of the index].
        """
        queries = check_packed(queries, self.num_bits)
        if not 1 <= k <= len(self):
            raise ValueError(f"search: k must be from 1 to {len(self)}, the size of the index, got {k}")
        queries = np.ascontiguousarray(queries)
        farthest = self._index.search(queries, k)[0][:, -1] if len(queries) else np.empty(0, np.int32)
        # FAISS keeps any k of the ties at the last distance: take all within it, then the first k.
        distances, positions = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.int64)
        for row, (query, radius) in enumerate(zip(queries, farthest)):
            _, near, found = self._index.range_search(query[None], int(radius) + 1)
            best = np.lexsort((found, near))[:k]
            distances[row], positions[row] = near[best], found[best]
        return distances, self._ids[positions]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write an index folder, whole or not at all; ValueError if it exists."""
        folder = Path(folder)
        if folder.exists():
            raise ValueError(f"{folder} exists already; name another folder or remove it first")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            faiss.write_index_binary(self._index, str(temporary / INDEX))
            np.save(temporary / IDS, self._ids)
            hashes = {name: sha256(temporary / name) for name in (INDEX, IDS)}
            atomic_write_json(temporary / DESCRIPTION, {"version": VERSION, "kind": "flat", "num_bits": self.num_bits,
                                                        "count": len(self), "sha256": hashes})
            temporary.chmod(0o755)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> HammingIndex:
        """Read an index folder; DataError if it is none, of another version, or damaged."""
        folder = Path(folder)
        if not (folder / DESCRIPTION).exists():
            raise DataError(f"no index: it has no {DESCRIPTION}; `gluon-hash index build` makes one", path=folder)
        try:
            description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            version, num_bits, hashes = (description[key] for key in ("version", "num_bits", "sha256"))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"no description of an index: {error!r}", path=folder / DESCRIPTION) from error
        if version != VERSION:
            raise DataError(f"expected index version {VERSION}, got {version!r}; use the gluon_hash that wrote it",
                            path=folder / DESCRIPTION)
        for name in (INDEX, IDS):
            if not (folder / name).exists() or sha256(folder / name) != hashes.get(name):
                raise DataError("missing or damaged: its SHA-256 is not the one in index.json; build the index anew",
                                path=folder / name)
        index = cls(num_bits)
        index._index = faiss.read_index_binary(str(folder / INDEX))
        index._ids = np.load(folder / IDS, allow_pickle=False)
        return index

"""Index folders: the FAISS index, ids.npy and index.json, written whole, read with their
checksums."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_folder, atomic_write_json, sha256
from gluon_hash.retrieval.index import kinds as index_kinds

__all__ = ["read", "write"]

VERSION = 1
INDEX, IDS, DELETED, DESCRIPTION = "codes.faissbinary", "ids.npy", "deleted.npy", "index.json"


def write(
    folder: str | os.PathLike[str],
    index: faiss.IndexBinary,
    ids: np.ndarray,
    deleted: np.ndarray,
    kind: index_kinds.Kind,
    num_bits: int,
) -> None:
    """Write an index folder, whole or not at all; ValueError if it exists.

    deleted.npy (positions, int64) is there only if something is deleted.
    """
    with atomic_folder(folder) as temporary:
        faiss.write_index_binary(index, str(temporary / INDEX))
        np.save(temporary / IDS, ids)
        if deleted.any():
            np.save(temporary / DELETED, np.flatnonzero(deleted))
        hashes = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        atomic_write_json(
            temporary / DESCRIPTION,
            {
                "version": VERSION,
                **index_kinds.to_dict(kind),
                "num_bits": num_bits,
                "count": len(ids) - int(deleted.sum()),
                "sha256": hashes,
            },
        )


def read(
    folder: str | os.PathLike[str], *, memory_mapped: bool
) -> tuple[faiss.IndexBinary, np.ndarray, np.ndarray, index_kinds.Kind, int]:
    """FAISS index, ids, which are deleted, kind, num_bits; errors as HammingIndex.load."""
    folder = Path(folder)
    kind, num_bits, hashes = _description(folder)
    for name, expected in hashes.items():
        if not (folder / name).exists() or sha256(folder / name) != expected:
            raise DataError(
                "missing or damaged: its SHA-256 is not the one in index.json; build the index "
                "again",
                path=folder / name,
            )
    if memory_mapped and not kind.can_be_mapped:
        able = [name for name, other in index_kinds.KINDS.items() if other.can_be_mapped]
        raise ValueError(
            f"{folder}: only an {' or '.join(able)} index can be memory-mapped, this one is "
            f"{kind.name}"
        )
    index = faiss.read_index_binary(str(folder / INDEX), faiss.IO_FLAG_MMAP if memory_mapped else 0)
    kind.restore(index)
    ids = np.load(folder / IDS, mmap_mode="r" if memory_mapped else None, allow_pickle=False)
    deleted = np.zeros(len(ids), bool)
    if DELETED in hashes:
        deleted[np.load(folder / DELETED, allow_pickle=False)] = True
    return index, ids, deleted, kind, num_bits


def _description(folder: Path) -> tuple[index_kinds.Kind, int, dict[str, Any]]:
    path = folder / DESCRIPTION
    if not path.exists():
        raise DataError(
            f"no index: it has no {DESCRIPTION}; `gluon-hash index build` makes one", path=folder
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        version = description["version"]
        if version == VERSION:
            return (
                index_kinds.from_dict(description),
                description["num_bits"],
                dict(description["sha256"]),
            )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"no description of an index: {error!r}", path=path) from error
    raise DataError(
        f"expected index version {VERSION}, got {version!r}; use the gluon_hash that wrote it",
        path=path,
    )

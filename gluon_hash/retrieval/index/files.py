"""Index folders: written whole, read with their checksums.

codes.faissbinary and ids.npy; index.json with the kind and the SHA-256 of every file; where there
are any: deleted.npy (positions, int64), items.npz (names, level_labels), hierarchy.tsv.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_folder, atomic_write_json, sha256
from gluon_hash.guard import read_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.index import kinds as index_kinds
from gluon_hash.retrieval.index.items import Items

__all__ = ["Stored", "read", "write"]

VERSION = 1
INDEX, IDS, DELETED, DESCRIPTION = "codes.faissbinary", "ids.npy", "deleted.npy", "index.json"
ITEMS, HIERARCHY = "items.npz", "hierarchy.tsv"


class Stored(NamedTuple):
    """What an index folder holds: ``items`` and ``deleted`` (bool) by position."""

    structure: faiss.IndexBinary
    items: Items
    deleted: np.ndarray
    kind: index_kinds.Kind
    num_bits: int


def write(folder: str | os.PathLike[str], stored: Stored) -> None:
    """Write an index folder, whole or not at all; ValueError if it exists."""
    items = stored.items
    with atomic_folder(folder) as temporary:
        faiss.write_index_binary(stored.structure, str(temporary / INDEX))
        np.save(temporary / IDS, items.ids)
        if stored.deleted.any():
            np.save(temporary / DELETED, np.flatnonzero(stored.deleted))
        columns = {"names": items.names} if items.names is not None else {}
        if items.num_levels:
            columns["level_labels"] = items.level_labels
        if columns:
            save_arrays(temporary / ITEMS, **columns)
        if items.hierarchy is not None:
            items.hierarchy.save(temporary / HIERARCHY)
        hashes = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        atomic_write_json(
            temporary / DESCRIPTION,
            {
                "version": VERSION,
                **index_kinds.to_dict(stored.kind),
                "num_bits": stored.num_bits,
                "count": len(items) - int(stored.deleted.sum()),
                "sha256": hashes,
            },
        )


def read(folder: str | os.PathLike[str], *, memory_mapped: bool) -> Stored:
    """What a folder holds; errors as HammingIndex.load."""
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
    flags = faiss.IO_FLAG_MMAP if memory_mapped else 0
    structure = faiss.read_index_binary(str(folder / INDEX), flags)
    kind.restore(structure)
    ids = np.load(folder / IDS, mmap_mode="r" if memory_mapped else None, allow_pickle=False)
    deleted = np.zeros(len(ids), bool)
    if DELETED in hashes:
        deleted[np.load(folder / DELETED, allow_pickle=False)] = True
    columns = load_arrays(folder / ITEMS, (), ("names", "level_labels")) if ITEMS in hashes else {}
    labels = columns.get("level_labels", np.empty((len(ids), 0), np.int32))
    hierarchy = Hierarchy.load(folder / HIERARCHY) if HIERARCHY in hashes else None
    return Stored(
        structure, Items(ids, columns.get("names"), labels, hierarchy), deleted, kind, num_bits
    )


def _description(folder: Path) -> tuple[index_kinds.Kind, int, dict[str, Any]]:
    path = folder / DESCRIPTION
    if not path.exists():
        raise DataError(
            f"not an index: it has no {DESCRIPTION}; `gluon-hash index build` makes one",
            path=folder,
        )
    text = read_text(path)
    try:
        description = json.loads(text)
        version = description["version"]
        if version == VERSION:
            return (
                index_kinds.from_dict(description),
                description["num_bits"],
                dict(description["sha256"]),
            )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"not a description of an index: {error!r}", path=path) from error
    raise DataError(
        f"expected index version {VERSION}, got {version!r}; use the gluon_hash that wrote it",
        path=path,
    )

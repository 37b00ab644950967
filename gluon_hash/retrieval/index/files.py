"""Index folders: written whole, read with their checksums.

codes.faissbinary and ids.npy; index.json with the kind and the SHA-256 of every file; where there
are any: deleted.npy (positions, int64), items.npz (names, level_labels), hierarchy.tsv.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

from gluon_hash.arrays import load_arrays, save_arrays
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_folder, atomic_write_json, sha256
from gluon_hash.guard import as_schema, load_json, load_npy, reading
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.index import kinds as index_kinds
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.zoom import UNKNOWN

__all__ = ["Stored", "read", "write"]

VERSION = 1
INDEX, IDS, DELETED, DESCRIPTION = "codes.faissbinary", "ids.npy", "deleted.npy", "index.json"
ITEMS, HIERARCHY = "items.npz", "hierarchy.tsv"
FILES = (INDEX, IDS, DELETED, ITEMS, HIERARCHY)
LONGEST_DESCRIPTION = 1 << 20  # bytes
REMEDY = "build the index again"


class Stored(NamedTuple):
    """What an index folder holds: ``items`` and ``deleted`` (bool) by position."""

    structure: faiss.IndexBinary
    items: Items
    deleted: np.ndarray
    kind: index_kinds.Kind
    num_bits: int


@dataclass(frozen=True)
class Description:
    """The content of index.json of this version."""

    kind: str
    num_bits: int
    sha256: dict[str, str]  # of every file beside it
    parameters: dict[str, int] = field(default_factory=dict)
    model: str | None = None


def write(folder: str | os.PathLike[str], stored: Stored) -> None:
    """Write an index folder, whole or not at all; ValueError if it exists."""
    items = stored.items
    with atomic_folder(folder) as temporary:
        with open(temporary / INDEX, "wb") as stream:  # FAISS would not see that a disk is full
            faiss.write_index_binary(stored.structure, faiss.PyCallbackIOWriter(stream.write))
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
                **({} if items.model is None else {"model": items.model}),
                **index_kinds.to_dict(stored.kind),
                "num_bits": stored.num_bits,
                "count": len(items) - int(stored.deleted.sum()),
                "sha256": hashes,
            },
        )


def read(folder: str | os.PathLike[str], *, memory_mapped: bool) -> Stored:
    """What a folder holds; errors as HammingIndex.load."""
    folder = Path(folder)
    kind, num_bits, hashes, model = _description(folder)
    for name, expected in hashes.items():
        if not (folder / name).exists() or sha256(folder / name) != expected:
            raise DataError(
                f"missing or damaged: its SHA-256 is not the one in index.json; {REMEDY}",
                path=folder / name,
            )
    if memory_mapped and not kind.can_be_mapped:
        able = [name for name, other in index_kinds.KINDS.items() if other.can_be_mapped]
        raise ValueError(
            f"{folder}: only an {' or '.join(able)} index can be memory-mapped, this one is "
            f"{kind.name}"
        )
    with reading(folder / INDEX, "structure of FAISS", REMEDY):
        structure = kind.read(folder / INDEX, num_bits, memory_mapped=memory_mapped)
    ids = load_npy(folder / IDS, memory_mapped=memory_mapped)
    if ids.dtype != np.int64 or ids.shape != (structure.ntotal,):
        raise _misfit(folder / IDS, "an id for each code", np.int64, (structure.ntotal,), ids)
    deleted = np.zeros(len(ids), bool)
    if DELETED in hashes:
        rows = load_npy(folder / DELETED)
        if rows.dtype != np.int64 or rows.ndim != 1 or not ((rows >= 0) & (rows < len(ids))).all():
            raise _misfit(folder / DELETED, "positions of codes", np.int64, ("D",), rows)
        deleted[rows] = True
    names, labels, hierarchy = _columns(folder, hashes, len(ids))
    return Stored(structure, Items(ids, names, labels, hierarchy, model), deleted, kind, num_bits)


def _columns(
    folder: Path, hashes: dict[str, Any], count: int
) -> tuple[np.ndarray | None, np.ndarray, Hierarchy | None]:
    """Names, labels and classes of ``count`` codes; DataError if they are of others."""
    path = folder / ITEMS
    columns = load_arrays(path, (), ("names", "level_labels")) if ITEMS in hashes else {}
    hierarchy = Hierarchy.load(folder / HIERARCHY) if HIERARCHY in hashes else None
    names = columns.get("names")
    if names is not None and (names.shape != (count,) or names.dtype.kind != "U"):
        raise _misfit(path, "names", np.str_, (count,), names)
    labels = columns.get("level_labels", np.empty((count, 0), np.int32))
    if labels.dtype != np.int32 or labels.ndim != 2 or len(labels) != count:
        raise _misfit(path, "level_labels", np.int32, (count, "K"), labels)
    if hierarchy is not None and labels.size:
        ends = np.array(hierarchy.num_classes)
        if len(ends) != labels.shape[1] or (labels < UNKNOWN).any() or (labels >= ends).any():
            raise DataError(f"level_labels: not those of {HIERARCHY}; {REMEDY}", path=path)
    return names, labels, hierarchy


def _misfit(
    path: Path, what: str, dtype: type, shape: tuple[int | str, ...], array: np.ndarray
) -> DataError:
    sizes = ", ".join(map(str, shape))
    return DataError(
        f"{what}: expected {np.dtype(dtype).name} ({sizes}), got {array.dtype} {array.shape}; "
        f"{REMEDY}",
        path=path,
    )


def _description(folder: Path) -> tuple[index_kinds.Kind, int, dict[str, Any], str | None]:
    path = folder / DESCRIPTION
    if not folder.exists():
        raise DataError("no such folder; `gluon-hash index build` makes an index", path=folder)
    if not path.exists():
        raise DataError(
            f"not an index: it has no {DESCRIPTION}; `gluon-hash index build` makes one",
            path=folder,
        )
    values = as_schema(load_json(path, limit=LONGEST_DESCRIPTION), dict[str, Any], path)
    if values.get("version") != VERSION:
        raise DataError(
            f"expected index version {VERSION}, got {values.get('version')!r:.50}; use the "
            "gluon_hash that wrote it",
            path=path,
        )
    described = as_schema(values, Description, path)
    unknown = set(described.sha256) - set(FILES)
    if unknown or not {INDEX, IDS} <= set(described.sha256):
        raise DataError(
            f"sha256: expected those of {INDEX}, {IDS} and some of {', '.join(FILES[2:])}, got "
            f"{', '.join(sorted(described.sha256))}",
            path=path,
        )
    try:
        kind = index_kinds.from_dict({"kind": described.kind, "parameters": described.parameters})
    except (KeyError, TypeError) as error:
        raise DataError(f"not a description of an index: {error!r}; {REMEDY}", path=path) from error
    return kind, described.num_bits, described.sha256, described.model

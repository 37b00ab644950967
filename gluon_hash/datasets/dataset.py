"""A data set before it is written: images by split, and the one function that turns it into a
prepared folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import __version__
from gluon_hash.datasets.duplicates import find_duplicates
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_folder, atomic_write_json, sha256
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.progress import log
from gluon_hash.records.lists import ImageList, held_out_positions, write_list
from gluon_hash.records.pack import record_image, write_records

__all__ = ["Split", "Dataset", "regroup", "write_dataset"]

FORMAT_VERSION = 1
VALIDATION_FRACTION = 0.05


@dataclass(frozen=True)
class Split:
    """Images of one split.

    Parameters
    ----------
    fine_labels : int64, shape (N,)
    names : list of N str
        What the .lst file calls each image.
    encoded : callable
        Position -> encoded image (JPEG, PNG); DataError if it is unreadable.
    digest : callable
        Position -> hash of the image's content, equal for equal images.
    """

    fine_labels: np.ndarray
    names: list[str]
    encoded: Callable[[int], bytes]
    digest: Callable[[int], bytes]

    def __len__(self) -> int:
        return len(self.fine_labels)


@dataclass(frozen=True)
class Dataset:
    """A data set: its hierarchy, its splits, where it came from. The database is the training
    set."""

    recipe: str
    hierarchy: Hierarchy
    train: Split
    query: Split
    source: dict[str, Any] = field(default_factory=dict)


def regroup(
    dataset: Dataset,
    *,
    tree: str | os.PathLike[str] | None = None,
    names: str | os.PathLike[str] | None = None,
    levels: Sequence[int] | None = None,
) -> Dataset:
    """The same images and finest classes under a tree of one's own, or with fewer levels.

    Parameters
    ----------
    dataset : Dataset
    tree, names : path-like, optional
        As gluon_hash.hierarchy.readers.for_classes; by default the data set's own tree.
    levels : sequence of int, optional
        As Hierarchy.take_levels; by default all.

    Raises
    ------
    DataError, ValueError
        As those two, or if ``names`` come without a ``tree``.
    """
    if names is not None and tree is None:
        raise ValueError("names of nodes belong to a tree: give --tree too")
    hierarchy, source = dataset.hierarchy, dataset.source
    if tree is not None:
        hierarchy = readers.for_classes(tree, hierarchy.class_names[0], names)
        source = {**source, "tree": Path(tree).name, "tree_sha256": sha256(tree)}
    if levels is not None:
        hierarchy = hierarchy.take_levels(levels)
    return replace(dataset, hierarchy=hierarchy, source=source)


def write_dataset(
    dataset: Dataset,
    out: str | os.PathLike[str],
    *,
    seed: int,
    limit: int | None = None,
    validation_per_class: int | None = None,
    allow_duplicates: bool = False,
    short_side: int | None = None,
) -> dict[str, Any]:
    """Write lists, records, hierarchy and split manifest: all of them, or nothing.

    Parameters
    ----------
    dataset : Dataset
    out : path-like
        A folder that does not exist yet.
    seed : int
        Draws the subset and the validation images.
    limit : int, optional
        At most so many images of each finest class, in each split.
    validation_per_class : int, optional
        Training images of each class that validation.lst lists. Default: 5 %, at least 2.
    allow_duplicates : bool
        List images that are both in query and database in the manifest, in place of an error.
    short_side : int, optional
        As gluon_hash.records.pack.record_image.

    Returns
    -------
    dict
        The split manifest, as split.json has it.

    Raises
    ------
    ValueError
        If ``out`` exists.
    DataError
        If an image is unreadable, a class has no training image, or query and database share
        images.
    """
    out = Path(out)
    if out.exists():
        raise ValueError(
            f"{out} exists already; name another folder with --out, or remove it first"
        )
    chosen = {
        name: _choose(split, limit, seed)
        for name, split in (("train", dataset.train), ("query", dataset.query))
    }
    _check_classes(dataset, chosen["train"])
    duplicates = find_duplicates(
        dataset.train,
        chosen["train"],
        dataset.query,
        chosen["query"],
        allow_duplicates=allow_duplicates,
    )
    with atomic_folder(out) as temporary:
        splits = {
            name: _write_split(
                temporary,
                name,
                getattr(dataset, name),
                positions,
                dataset.hierarchy,
                first_id=0 if name == "train" else len(chosen["train"]),
                short_side=short_side,
            )
            for name, positions in chosen.items()
        }
        splits["validation"] = _write_validation(
            temporary, dataset, chosen["train"], validation_per_class, seed
        )
        splits["database"] = {
            "file": "train.rec",
            "images": splits["train"]["images"],
            "is_train": True,
        }
        dataset.hierarchy.save(temporary / "hierarchy.tsv")
        manifest = {
            "version": FORMAT_VERSION,
            "gluon_hash": __version__,
            "recipe": dataset.recipe,
            "source": dataset.source,
            "seed": seed,
            "limit": limit,
            "short_side": short_side,
            "levels": dict(zip(dataset.hierarchy.level_names, dataset.hierarchy.num_classes)),
            "splits": splits,
            "duplicates": duplicates,
        }
        atomic_write_json(temporary / "split.json", manifest)
    log(
        "the database is the training set (train.rec): a query finds images that the network was "
        "trained on"
    )
    return manifest


def _choose(split: Split, limit: int | None, seed: int) -> np.ndarray:
    """Positions of at most ``limit`` images of each class, drawn by seed, in their order."""
    if limit is None:
        return np.arange(len(split))
    order = np.random.RandomState(seed).permutation(len(split))
    labels = split.fine_labels[order]
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(split)) - np.repeat(starts, counts)
    return np.sort(order[by_class[rank < limit]])


def _check_classes(dataset: Dataset, positions: np.ndarray) -> None:
    present = np.bincount(
        dataset.train.fine_labels[positions], minlength=dataset.hierarchy.num_classes[0]
    )
    missing = np.flatnonzero(present == 0)
    if len(missing):
        names = ", ".join(dataset.hierarchy.class_names[0][c] for c in missing[:5])
        more = ", ..." if len(missing) > 5 else ""
        raise DataError(
            f"{len(missing)} classes have no training image ({names}{more}); "
            "add images or take the classes out"
        )


def _write_split(
    folder: Path,
    name: str,
    split: Split,
    positions: np.ndarray,
    hierarchy: Hierarchy,
    *,
    first_id: int,
    short_side: int | None,
) -> dict[str, Any]:
    labels = hierarchy.level_labels(split.fine_labels[positions])
    ids = first_id + np.arange(len(positions))
    write_list(folder / f"{name}.lst", ImageList(ids, labels, [split.names[p] for p in positions]))

    def entries() -> Iterator[tuple[int, np.ndarray, bytes]]:
        for record_id, label, position in zip(ids.tolist(), labels, positions.tolist()):
            image = split.encoded(position)
            if short_side is not None:
                image = record_image(image, short_side=short_side)
            yield record_id, label, image

    write_records(folder / f"{name}.rec", entries(), len(positions))
    return {
        "file": f"{name}.rec",
        "images": len(positions),
        "first_id": first_id,
        "sha256": sha256(folder / f"{name}.rec"),
    }


def _write_validation(
    folder: Path, dataset: Dataset, train: np.ndarray, per_class: int | None, seed: int
) -> dict[str, Any]:
    """validation.lst: ids within train.rec that a training run may hold out."""
    fine = dataset.train.fine_labels[train]
    if per_class is None:
        per_class = max(
            2, round(VALIDATION_FRACTION * len(fine) / dataset.hierarchy.num_classes[0])
        )
    held_out = held_out_positions(fine, per_class, seed)
    names = [dataset.train.names[p] for p in train[held_out]]
    labels = dataset.hierarchy.level_labels(fine[held_out])
    write_list(folder / "validation.lst", ImageList(held_out, labels, names))
    return {"file": "validation.lst", "images": len(held_out), "inside": "train.rec"}

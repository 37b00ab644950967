"""A prepared folder: lists, what the lists name, the hierarchy and split.json, all or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

from gluon_hash import __version__
from gluon_hash.datasets.arranging import Arrangement, Items, SplitData, arrange
from gluon_hash.datasets.duplicates import Mode
from gluon_hash.datasets.splits import draw_validation
from gluon_hash.files import atomic_folder, atomic_write_json, claimed, sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import (
    PAPER,
    UNSEEN,
    UNSEEN_CLASSES,
    UNSEEN_IMAGES,
    check_protocols,
    draw_unseen,
    write_unseen,
)
from gluon_hash.progress import log
from gluon_hash.records.lists import ImageList, write_list

__all__ = ["Held", "hold_back", "write_folder"]

S = TypeVar("S", bound=Items)
WriteSplit: TypeAlias = Callable[[S, Path, str, ImageList], Path]
FORMAT_VERSION = 1
ALL_CLASSES = "hierarchy_all.tsv"  # of trained and untrained classes, where queries are of others


@dataclass(frozen=True)
class Held:
    """A protocol of data, and the classes that it keeps out of training.

    Parameters
    ----------
    protocol : str
        One of gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA.
    unseen : int64, shape (U,)
        Finest classes.
    """

    protocol: str
    unseen: np.ndarray


def hold_back(data: SplitData[Any], protocol: str, seed: int) -> Held:
    """What a protocol keeps out of training; ValueError if the data set cannot serve it."""
    check_protocols([protocol])
    if protocol == PAPER:
        return Held(protocol, np.empty(0, np.int64))
    if data.query_hierarchy is not None:
        raise ValueError(
            f"protocol: the queries of {data.recipe} are of classes that are not trained as it is; "
            f"leave {protocol} out"
        )
    if protocol == UNSEEN_IMAGES:
        return Held(protocol, np.empty(0, np.int64))
    return Held(protocol, draw_unseen(data.hierarchy, seed))


def write_folder(
    data: SplitData[S],
    out: str | os.PathLike[str],
    write_split: WriteSplit[S],
    *,
    seed: int,
    limit: int | None,
    validation_per_class: int | None,
    duplicates: Mode | None,
    skip_unreadable: bool,
    shuffle: bool | None,
    protocol: str,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Arrange the splits of a data set and write a prepared folder, whole or not at all.

    The records are those of every protocol: what differs are the lists.

    Parameters
    ----------
    data : Dataset or FeatureDataset
    out : path-like
        A folder that does not exist yet.
    write_split : callable
        (split, folder, "train" or "query", its list) -> the file that was written for the list.
    seed, limit, validation_per_class, duplicates, skip_unreadable, shuffle, protocol
        As Dataset.write, and so are the errors.
    settings : dict
        What split.json says beside, as JSON values.

    Returns
    -------
    dict
        The split manifest, as split.json has it.
    """
    held = hold_back(data, protocol, seed)
    with claimed(out, doing="prepare"):
        arrangement = arrange(
            data,
            seed=seed,
            limit=limit,
            duplicates=duplicates or ("one-side" if data.drawn else "error"),
            skip_unreadable=skip_unreadable,
            shuffle=not data.in_order if shuffle is None else shuffle,
        )
        lists = _lists(data, arrangement)
        with atomic_folder(out) as folder:
            splits = _write_splits(folder, arrangement, lists, write_split)
            splits["validation"] = {
                **_write_validation(
                    folder, lists["train"], data.hierarchy, validation_per_class, seed
                ),
                "inside": splits["train"]["file"],
            }
            splits["database"] = _database(data, splits, held)
            _write_trees(folder, data, held)
            _write_duplicates(folder, arrangement.duplicates)
            manifest = {
                "version": FORMAT_VERSION,
                "gluon_hash": __version__,
                "recipe": data.recipe,
                "source": data.source,
                "seed": seed,
                "limit": limit,
                **settings,
                "protocol": held.protocol,
                "levels": dict(zip(data.hierarchy.level_names, data.hierarchy.num_classes)),
                "splits": splits,
                **arrangement.report,
            }
            atomic_write_json(folder / "split.json", manifest)
    _say_database(splits["database"], held, os.fspath(out))
    return manifest


def _write_splits(
    folder: Path,
    arrangement: Arrangement[S],
    lists: dict[str, ImageList],
    write_split: WriteSplit[S],
) -> dict[str, Any]:
    """The lists and what they list; what split.json says of them."""
    splits: dict[str, Any] = {}
    for name, split in (("train", arrangement.train), ("query", arrangement.query)):
        write_list(folder / f"{name}.lst", lists[name])
        path = write_split(split, folder, name, lists[name])
        splits[name] = {
            "file": path.name,
            "images": len(split),
            "first_id": int(lists[name].ids[0]),
            "sha256": sha256(path),
        }
    return splits


def _write_trees(folder: Path, data: SplitData[Any], held: Held) -> None:
    """hierarchy.tsv, and what tells the classes apart that are not trained."""
    data.hierarchy.save(folder / "hierarchy.tsv")
    if data.query_hierarchy is not None:
        data.query_hierarchy.save(folder / ALL_CLASSES)
    if held.protocol == UNSEEN:
        write_unseen(folder / UNSEEN_CLASSES, data.hierarchy, held.unseen)


def _write_duplicates(folder: Path, duplicates: list[list[tuple[str, str, str]]]) -> None:
    if duplicates:
        groups = [[list(copy) for copy in group] for group in duplicates]
        atomic_write_json(folder / "duplicates.json", {"version": FORMAT_VERSION, "groups": groups})


def _lists(data: SplitData[S], arrangement: Arrangement[S]) -> dict[str, ImageList]:
    """What train.lst and query.lst hold; ids are those of the split, or count through both."""
    lists: dict[str, ImageList] = {}
    start = 0
    for name, split, hierarchy in (
        ("train", arrangement.train, data.hierarchy),
        ("query", arrangement.query, data.query_hierarchy or data.hierarchy),
    ):
        own_ids: np.ndarray | None = getattr(split, "ids", None)
        ids = start + np.arange(len(split)) if own_ids is None else own_ids
        lists[name] = ImageList(ids, hierarchy.level_labels(split.fine_labels), split.names)
        start += len(split)
    return lists


def _write_validation(
    folder: Path, train: ImageList, hierarchy: Hierarchy, per_class: int | None, seed: int
) -> dict[str, Any]:
    """validation.lst: ids of the training set that a training run may hold out."""
    held_out = draw_validation(train.level_labels[:, 0], hierarchy.num_classes[0], per_class, seed)
    write_list(folder / "validation.lst", train.take(held_out))
    return {"file": "validation.lst", "images": len(held_out)}


def _database(data: SplitData[Any], splits: dict[str, Any], held: Held) -> dict[str, Any]:
    is_train = data.query_hierarchy is None and held.protocol != UNSEEN_IMAGES
    split = splits["train" if is_train else "query"]
    return {"file": split["file"], "images": split["images"], "is_train": is_train}


def _say_database(database: dict[str, Any], held: Held, out: str) -> None:
    if held.protocol == UNSEEN:
        log(
            f"{len(held.unseen)} finest classes are in {UNSEEN_CLASSES}: set data.unseen_classes "
            f"to {os.path.join(out, UNSEEN_CLASSES)} and they are not trained on; `evaluate "
            f"--protocol {UNSEEN}` and `compare --protocols {UNSEEN}` search them"
        )
    elif held.protocol == UNSEEN_IMAGES:
        log(
            f"the queries are searched among each other ({database['file']} is their database): no "
            f"network is trained on them; `evaluate --protocol {UNSEEN_IMAGES}` leaves each out of "
            "its own ranking"
        )
    elif database["is_train"]:
        log(
            f"the database is the training set ({database['file']}): a query finds images that the "
            "network was trained on"
        )
    else:
        log(
            "the queries are of classes that are not trained; their database is "
            f"{database['file']} itself: give it as both and evaluate with {ALL_CLASSES} and a "
            "rules that leave the query out"
        )

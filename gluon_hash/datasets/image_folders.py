"""Folders of images: any nested tree is a hierarchy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.image_files import ImageFiles, find_images, image_split
from gluon_hash.datasets.splits import QUERY_SHARE, draw_queries, in_words, say_split
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.hierarchy.folders import OTHER
from gluon_hash.progress import log
from gluon_hash.records.images import WHITE, Color

__all__ = ["Mixed", "folder", "labels_by_folder"]

QUERY_FOLDERS = ("query", "test", "val")
Mixed = Literal["own-class", "skip", "error"]
MIXED = ("own-class", "skip", "error")


def folder(
    source: str | os.PathLike[str],
    *,
    query_share: float = QUERY_SHARE,
    query_per_class: int | None = None,
    mixed: Mixed = "own-class",
    background: Color = WHITE,
    seed: int = 24,
) -> Dataset:
    """A nested folder tree of images: the folders are the classes, those with images the finest.

    Branches may be of different depths: a class is completed by repeating it at the levels that it
    lacks. Folders of one name in different places are called by their paths.

    Parameters
    ----------
    source : path-like
        With ``train`` and one of ``query``, ``test``, ``val`` inside, these are the splits; else
        queries are drawn.
    query_share, query_per_class, seed
        As gluon_hash.datasets.splits.draw_queries.
    mixed : "own-class", "skip" or "error"
        Images that lie beside folders of images: they are a class of their own, called "animals
        (other)" for those in ``animals``; or left out; or refused.
    background : (red, green, blue), 0-255
        What transparent pixels show.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If there are no images or no classes, or classes of the splits differ.
    ValueError
        If an option does not fit.
    """
    if mixed not in MIXED:
        raise ValueError(f"mixed: expected one of {', '.join(MIXED)}, got {mixed!r}")
    root = Path(source)
    query_root = next((root / name for name in QUERY_FOLDERS if (root / name).is_dir()), None)
    described: dict[str, Any] = {"name": root.name, "background": list(background)}
    if (root / "train").is_dir() and query_root is not None:
        files = _unmixed(root / "train", find_images(root / "train"), mixed)
        classes = files.classes()
        train, query = (
            _split(folder, listed, classes, background)
            for folder, listed in ((root / "train", files), (query_root, find_images(query_root)))
        )
        return Dataset("folder", _hierarchy(root, classes), train, query, source=described)
    files = _unmixed(root, find_images(root), mixed)
    classes = files.classes()
    hierarchy = _hierarchy(root, classes)
    images = _split(root, files, classes, background)
    drawn = draw_queries(
        images.fine_labels, share=query_share, per_class=query_per_class, seed=seed
    )
    train = images.take(np.setdiff1d(np.arange(len(images)), drawn))
    query = images.take(drawn)
    say_split(hierarchy, train.fine_labels, query.fine_labels)
    described["left_out"] = files.left_out
    if query_per_class is None:
        described["query_share"] = query_share
    else:
        described["query_per_class"] = query_per_class
    return Dataset("folder", hierarchy, train, query, source=described, drawn=True)


def labels_by_folder(root: Path, files: ImageFiles, classes: list[str]) -> np.ndarray:
    """The position in ``classes`` of the folder of each file; DataError if it is not there."""
    index = {name: c for c, name in enumerate(classes)}
    for path, name in zip(files.paths, files.folders()):
        if name not in index:
            raise DataError(f"class {name!r} has no training image", path=root / path)
    return np.array([index[name] for name in files.folders()])


def _unmixed(root: Path, files: ImageFiles, mixed: Mixed) -> ImageFiles:
    """The files, with what is said of those that lie beside folders of images done to them."""
    folders = readers.mixed_folders(files.classes())
    if not folders:
        return files
    said = f"{root.name}: {len(folders)} folders hold images and folders of images"
    names = in_words(folders)
    if mixed == "error":
        raise DataError(
            f"{said} ({names}); a class is either: move the images, or let them be a class of "
            "their own or be skipped (mixed)",
            path=root,
        )
    inside = set(folders)
    kept = [path for path, name in zip(files.paths, files.folders()) if name not in inside]
    count = len(files.paths) - len(kept)
    if mixed == "skip":
        log(f"{said}; the {count} images beside folders are left out: {names}")
        return ImageFiles(kept, {**files.left_out, "beside folders": count})
    example = OTHER.format(folders[-1].rpartition("/")[2]).strip()
    log(f"{said}; the {count} images beside folders are classes such as {example!r}: {names}")
    return files


def _hierarchy(root: Path, classes: list[str]) -> Hierarchy:
    try:
        return readers.from_folders(classes, other=OTHER)
    except ValueError as error:
        raise DataError(str(error), path=root) from error


def _split(root: Path, files: ImageFiles, classes: list[str], background: Color) -> Split:
    return image_split(root, files.paths, labels_by_folder(root, files, classes), background)

"""ImageNet: folders called by WordNet ids, under the WordNet tree above them.

Source: Russakovsky et al. 2015, https://image-net.org. The tree is ``wordnet.is_a.txt`` ("parent
child" lines); names are ``words.txt`` or ``LOC_synset_mapping.txt`` ("id name" lines).
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from gluon_hash.datasets.dataset import Dataset
from gluon_hash.datasets.image_files import ImageFiles, find_images, image_split
from gluon_hash.datasets.image_folders import labels_by_folder
from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines, reading
from gluon_hash.hierarchy import readers
from gluon_hash.progress import log
from gluon_hash.records.images import WHITE, Color

__all__ = ["imagenet"]


def imagenet(
    source: str | os.PathLike[str],
    tree: str | os.PathLike[str],
    names: str | os.PathLike[str] | None = None,
    *,
    val_labels: str | os.PathLike[str] | None = None,
    background: Color = WHITE,
) -> Dataset:
    """ImageNet-style folders: training images = database, validation images = queries.

    Parameters
    ----------
    source : path-like
        With train/ and val/ inside, a folder for each WordNet id (n01440764, ...) in each; val/ may
        hold its images side by side if ``val_labels`` are given.
    tree : path-like
        ``parent child`` lines over WordNet ids. What is not above a class is left out. WordNet has
        nodes with several parents: of those the first in the file counts.
    names : path-like, optional
        ``id name`` lines; by default the ids are the names.
    val_labels : path-like, optional
        Of images that lie side by side: LOC_val_solution.csv, or lines of a file name and a WordNet
        id, or of an id alone in the order of the file names.
    background : (red, green, blue), 0-255
        What transparent pixels show.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a folder's id is not in the tree, the lines are not a tree, or labels are missing.
    """
    root = Path(source)
    files = find_images(root / "train")
    classes = files.classes()
    parents, several = readers.first_parents(tree, classes)
    if several:
        log(
            f"{several} nodes above the classes have several parents; the first one in "
            f"{Path(tree).name} counts"
        )
    hierarchy = readers.from_parents(
        parents, classes, tree, None if names is None else readers.read_pairs(names)
    )
    queries = find_images(root / "val")
    if val_labels is None:
        query_labels = labels_by_folder(root / "val", queries, classes)
    else:
        index = {name: c for c, name in enumerate(classes)}
        ids = _read_val_labels(val_labels, queries, classes)
        query_labels = np.array([index[name] for name in ids])
    return Dataset(
        "imagenet",
        hierarchy,
        image_split(
            root / "train",
            files.paths,
            labels_by_folder(root / "train", files, classes),
            background,
        ),
        image_split(root / "val", queries.paths, query_labels, background),
        source={"name": root.name, "background": list(background)},
    )


def _read_val_labels(
    path: str | os.PathLike[str], queries: ImageFiles, classes: list[str]
) -> list[str]:
    """The WordNet id of every query image."""
    with reading(path, "list of labels"):
        rows = [row for row in csv.reader(read_lines(path)) if row and row[0].strip()]
    if rows and rows[0] == ["ImageId", "PredictionString"]:  # then "id x y x y id x y ..."
        by_name = {row[0]: row[1].split()[0] for row in rows[1:] if row[1:] and row[1].strip()}
    else:
        words = [row[0].split() for row in rows]
        if all(len(line) == 1 for line in words) and len(words) == len(queries.paths):
            by_name = {name: line[0] for name, line in zip(_stems(queries), words)}
        else:
            by_name = {Path(line[0]).stem: line[-1] for line in words}
    known = set(classes)
    missing = [name for name in _stems(queries) if by_name.get(name) not in known]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(queries.paths)} images of val have no label of a trained "
            f"class ({in_words(missing)})",
            path=path,
        )
    return [by_name[name] for name in _stems(queries)]


def _stems(files: ImageFiles) -> list[str]:
    return [Path(path).stem for path in files.paths]

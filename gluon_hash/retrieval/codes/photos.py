"""A folder of images as a CodeTable: paths for names, labels from the tree or a table, or none."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gluon_hash.datasets.image_files import HIDDEN, SUFFIXES, ImageFiles, find_images
from gluon_hash.datasets.image_tables import PATHS, SPLIT
from gluon_hash.datasets.label_tables import Table, classes_of, hierarchy_of, read_table
from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.hierarchy.folders import OTHER
from gluon_hash.progress import log, track
from gluon_hash.retrieval.codes.packing import num_bytes
from gluon_hash.retrieval.codes.tables import CodeTable

__all__ = ["FOLDERS", "Photos", "encode_photos", "find_photos"]

FOLDERS = "folders"
UNKNOWN = -1
NOT_TEXT = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff]")  # control characters, stray bytes


@dataclass(frozen=True)
class Photos:
    """Image files below a folder.

    Parameters
    ----------
    root : Path
    paths : list of N str
        Relative to ``root``, "/" between names.
    level_labels : int32, shape (N, K)
        Finest first; -1 where no class is known; K = 0 without labels.
    hierarchy : Hierarchy or None
        Of the labels.
    """

    root: Path
    paths: list[str]
    level_labels: np.ndarray
    hierarchy: Hierarchy | None

    def __len__(self) -> int:
        return len(self.paths)


def find_photos(
    root: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    hierarchy: Hierarchy | None = None,
) -> Photos:
    """The images of a folder, at any depth; what is left out is counted and said.

    Parameters
    ----------
    root : path-like
    labels : "folders" or path-like, optional
        Where classes come from: the folders that hold the images; or a table (CSV or TSV) with a
        header, the path of an image and its class at each level, finest first. Paths start at
        ``root``, at the table's folder or here; an image that is not in the table, or whose classes
        are empty there, has none.
    hierarchy : Hierarchy, optional
        The classes that there may be, and their order; default: those that are found.

    Returns
    -------
    Photos

    Raises
    ------
    DataError
        If there is no image, the table is damaged, or a class is not in ``hierarchy``.
    """
    root = Path(root)
    files = _with_text_names(root, find_images(root))
    if set(files.left_out) - {HIDDEN}:
        others = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        log(f"{root}: left out are {in_words(sorted(map(str, filter(_is_other, others))))}")
    if labels is None:
        return Photos(root, files.paths, np.empty((len(files.paths), 0), np.int32), None)
    find = _classes_by_folder if str(labels) == FOLDERS else partial(_classes_by_table, labels)
    fine_labels, tree = find(root, files, hierarchy)
    level_labels = np.full((len(fine_labels), tree.num_levels), UNKNOWN, np.int32)
    known = fine_labels != UNKNOWN
    level_labels[known] = tree.level_labels(fine_labels[known])
    return Photos(root, files.paths, level_labels, tree)


def _is_other(path: Path) -> bool:
    """Whether a file, hidden ones aside, is not called as images are."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() not in SUFFIXES


def _with_text_names(root: Path, files: ImageFiles) -> ImageFiles:
    """Those whose names are one line of text, which an index can keep and a page can show."""
    text = [path for path in files.paths if not NOT_TEXT.search(path)]
    if len(text) < len(files.paths):
        count = len(files.paths) - len(text)
        said = f"{count} images are left out: their names are not a line of UTF-8 text"
        if not text:
            raise DataError(f"{said}; none is left", path=root)
        log(f"{root}: {said}")
    return ImageFiles(text, files.left_out)


def encode_photos(
    photos: Photos,
    encode: Callable[[Sequence[Path]], np.ndarray],
    num_bits: int,
    *,
    batch_size: int = 32,
    first_id: int = 0,
    seed: int = 24,
) -> CodeTable:
    """Codes of the images that can be read; the others are counted and named.

    Parameters
    ----------
    photos : Photos
    encode : callable
        Paths -> packed codes, uint8 (N, ceil(num_bits / 8)); a DataError with the path of the image
        that it cannot read.
    num_bits : int
    batch_size : int
        Images at a time.
    first_id : int
        Ids count from here, in the order of ``photos``.
    seed : int
        Draws the order of the rows: searches settle ties by it, and the order of ``photos`` would
        favour the classes that come first in the alphabet.

    Returns
    -------
    CodeTable
        With the path of each image for its name, from where ``photos.root`` starts.

    Raises
    ------
    DataError
        If no image can be read.
    """
    count, unreadable = len(photos), dict[str, str]()
    codes, kept = [np.empty((0, num_bytes(num_bits)), np.uint8)], [np.empty(0, np.int64)]
    starts = range(0, count, batch_size)
    log(f"{photos.root}: {count} images to encode, {batch_size} at a time")
    started = time.monotonic()
    batches = [np.arange(start, min(start + batch_size, count)) for start in starts]
    for number, places in enumerate(track(batches, "encode", count, size=len)):
        packed, readable = _encode_readable(photos, places, encode, unreadable)
        if packed is not None:
            codes.append(packed)
            kept.append(readable)
        if number == 0 and len(starts) > 1:
            left = (time.monotonic() - started) * (len(starts) - 1)
            log(f"{photos.root}: about {left:.0f} s to go")
    chosen = np.concatenate(kept)
    _say_unreadable(photos, unreadable, len(chosen))
    order = np.random.RandomState(seed).permutation(len(chosen))
    names = [(photos.root / photos.paths[place]).as_posix() for place in chosen[order]]
    return CodeTable(
        order.astype(np.int64) + first_id,
        np.concatenate(codes)[order],
        photos.level_labels[chosen[order]],
        num_bits,
        np.array(names, str),
    )


def _encode_readable(
    photos: Photos,
    places: np.ndarray,
    encode: Callable[[Sequence[Path]], np.ndarray],
    unreadable: dict[str, str],
) -> tuple[np.ndarray | None, np.ndarray]:
    """Codes of the images at ``places``, and the places of those that have one; None of none."""
    while len(places):
        files = [photos.root / photos.paths[place] for place in places]
        try:
            return encode(files), places
        except DataError as error:
            bad = [file for file in files if error.path is not None and Path(error.path) == file]
            if not bad:
                raise
            at = files.index(bad[0])
            unreadable[photos.paths[places[at]]] = error.message
            places = np.delete(places, at)
    return None, places


def _say_unreadable(photos: Photos, unreadable: dict[str, str], count: int) -> None:
    if not unreadable:
        return
    name, message = next(iter(unreadable.items()))
    said = f"{len(unreadable)} of {len(photos)} images ({in_words(list(unreadable))})"
    if not count:
        raise DataError(f"cannot encode {said}. The first: {message}", path=photos.root)
    log(f"{photos.root}: left out, since they cannot be encoded: {said}. {name}: {message}")


def _classes_by_folder(
    root: Path, files: ImageFiles, hierarchy: Hierarchy | None
) -> tuple[np.ndarray, Hierarchy]:
    """The finest class of each image by its folder, int64 (N,), and the tree."""
    classes = files.classes()
    try:
        tree = readers.from_folders(classes, other=OTHER)
    except ValueError as error:
        raise DataError(f"{error}; or leave out the labels", path=root) from error
    rows = tree.to_table()
    if hierarchy is not None:
        known = {row: label for label, row in enumerate(hierarchy.to_table())}
        missing = [" of ".join(row) for row in rows if row not in known]
        if missing:
            raise DataError(
                f"{len(missing)} classes are not in the hierarchy: {in_words(missing)}; build the "
                "index again from all images",
                path=root,
            )
        fine_label = {name: known[row] for name, row in zip(classes, rows)}
    else:
        fine_label = {name: label for label, name in enumerate(classes)}
    fine_labels = np.array([fine_label[folder] for folder in files.folders()], np.int64)
    return fine_labels, tree if hierarchy is None else hierarchy


def _classes_by_table(
    path: str | os.PathLike[str], root: Path, files: ImageFiles, hierarchy: Hierarchy | None
) -> tuple[np.ndarray, Hierarchy]:
    """The finest class of each image by a table, -1 where it has none, and the tree."""
    table = read_table(path)
    path_column = next((name for name in table.columns if name.lower() in PATHS), None)
    if path_column is None:
        raise table.error(f"expected a column called {', '.join(PATHS)}, with the images' paths")
    levels = [name for name in table.columns if name not in (path_column, SPLIT)]
    if not levels:
        raise table.error("expected a column for each level, finest first")
    row_of = _rows_of_files(table.column(path_column), root, Path(path).parent)
    labelled = [row for row in range(len(table)) if any(table.columns[n][row] for n in levels)]
    chosen = Table(
        {name: [table.columns[name][row] for row in labelled] for name in levels},
        table.path,
        [table.lines[row] for row in labelled],
    )
    tree = hierarchy_of(chosen) if hierarchy is None else hierarchy
    of_row = dict(zip(labelled, classes_of(chosen, tree).tolist()))
    rows = [row_of.get(os.path.abspath(root / name), -1) for name in files.paths]
    fine_labels = np.array([of_row.get(row, UNKNOWN) for row in rows], np.int64)
    without = [name for name, label in zip(files.paths, fine_labels) if label == UNKNOWN]
    if len(without) == len(rows):
        raise table.error(
            f"none of the {len(rows)} images in {root} has a class here, {files.paths[0]!r} to "
            "begin with; paths start at that folder, at the table's, or here"
        )
    if without:
        log(f"{path}: {len(without)} of {len(rows)} images have no class: {in_words(without)}")
    return fine_labels, tree


def _rows_of_files(names: Sequence[str], *starts: Path) -> dict[str, int]:
    """Absolute path -> row, wherever the names start: the first place that fits."""
    rows: dict[str, int] = {}
    for start in (*starts, Path()):
        for row, name in enumerate(names):
            rows.setdefault(os.path.abspath(start / name), row)
    return rows

"""A table of images: a path and a column for each level in every row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.datasets.dataset import Dataset
from gluon_hash.datasets.image_files import check_existing, image_split
from gluon_hash.datasets.label_tables import Table, classes_of, hierarchy_of, read_table
from gluon_hash.datasets.splits import QUERY_SHARE, draw_queries, say_split
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records.images import WHITE, Color

__all__ = ["csv"]

PATHS = ("path", "file", "filename", "file_name", "image", "image_path")
SPLIT = "split"
TRAIN = ("train", "training", "database")
QUERY = ("query", "test", "val", "valid", "validation")


def csv(
    source: str | os.PathLike[str],
    *,
    levels: Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    path_column: str | None = None,
    split_column: str | None = None,
    hierarchy: Hierarchy | None = None,
    query_share: float = QUERY_SHARE,
    query_per_class: int | None = None,
    background: Color = WHITE,
    seed: int = 24,
) -> Dataset:
    """A CSV or TSV table with a header: a path and the class at every level of each image.

    Parameters
    ----------
    source : path-like
        The table.
    levels : sequence of str, optional
        The columns that are levels, finest first; by default all but path and split, as they come.
    root : path-like, optional
        What paths are relative to; by default the folder of the table.
    path_column : str, optional
        By default the one called path, file, filename, file_name, image or image_path.
    split_column : str, optional
        Of train (or database) and query (or test, val); by default the one called split, if there
        is one. Without, queries are drawn.
    hierarchy : Hierarchy, optional
        The classes that the labels name; by default the tree that the columns make.
    query_share, query_per_class, seed
        As gluon_hash.datasets.splits.draw_queries.
    background : (red, green, blue), 0-255
        What transparent pixels show.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a column or files are missing. With the line: labels that are not a tree, a path twice, a
        split of another name.
    """
    table = read_table(source)
    path_name = path_column or _path_column(table)
    split_name = split_column or (SPLIT if SPLIT in table.columns else None)
    others = [name for name in table.columns if name not in (path_name, split_name)]
    labels = table.select(others if levels is None else list(levels))
    if not labels.columns:
        raise table.error("no column is left that could be a level")
    paths = list(table.column(path_name))
    _check_paths(table, paths)
    folder = Path(source).parent if root is None else Path(root)
    check_existing(folder, paths, "paths are relative to the table, or to root")
    tree = hierarchy_of(labels) if hierarchy is None else hierarchy
    fine_labels = classes_of(labels, tree)
    images = image_split(folder, paths, fine_labels, background)
    described: dict[str, Any] = {"name": Path(source).name, "background": list(background)}
    if split_name is not None:
        is_query = _is_query(table, split_name)
        train, query = images.take(np.flatnonzero(~is_query)), images.take(np.flatnonzero(is_query))
        return Dataset("csv", tree, train, query, source=described)
    drawn = draw_queries(fine_labels, share=query_share, per_class=query_per_class, seed=seed)
    train = images.take(np.setdiff1d(np.arange(len(images)), drawn))
    query = images.take(drawn)
    say_split(tree, train.fine_labels, query.fine_labels)
    return Dataset("csv", tree, train, query, source=described, drawn=True)


def _path_column(table: Table) -> str:
    for name in table.columns:
        if name.lower() in PATHS:
            return name
    raise table.error(
        f"no column is called {', '.join(PATHS)}; the columns are {', '.join(table.columns)}: "
        "name the one with the paths (path_column)"
    )


def _check_paths(table: Table, paths: list[str]) -> None:
    row_of: dict[str, int] = {}
    for position, path in enumerate(paths):
        if not path:
            raise table.error("the path is empty", position)
        if row_of.setdefault(path, position) != position:
            raise table.error(
                f"{path!r} is on line {table.lines[row_of[path]]} too; an image has one row",
                position,
            )


def _is_query(table: Table, column: str) -> np.ndarray:
    """Whether each row is a query; DataError, with the line, for another word."""
    words = [word.lower() for word in table.column(column)]
    for position, word in enumerate(words):
        if word not in TRAIN + QUERY:
            raise table.error(
                f"{column}: expected one of {', '.join(TRAIN + QUERY)}, got {word!r}", position
            )
    is_query = np.array([word in QUERY for word in words])
    if is_query.all() or not is_query.any():
        raise table.error(f"{column}: expected training images and queries, got one of the two")
    return is_query

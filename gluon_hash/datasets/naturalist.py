"""iNaturalist, competitions of 2018 and later: species of plants, animals and fungi, seven levels.

Source: Van Horn et al. 2018, https://github.com/visipedia/inat_comp. train.json and val.json are in
the style of COCO: ``images`` (id, file_name), ``annotations`` (image_id, category_id) and
``categories`` (id, name, kingdom ... genus). The names of 2018 and 2019 came hidden behind numbers,
and later as a file of their own, categories.json, which takes the place of the list.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.image_files import check_existing, check_inside, image_split
from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.guard import load_json
from gluon_hash.hierarchy import Hierarchy, readers

__all__ = ["inaturalist"]

RANKS = ("genus", "family", "order", "class", "phylum", "kingdom")
WITHOUT_RANKS = ("supercategory",)  # all that 2017 has above the name


def inaturalist(
    source: str | os.PathLike[str],
    *,
    train: str | os.PathLike[str] | None = None,
    query: str | os.PathLike[str] | None = None,
    categories: str | os.PathLike[str] | None = None,
) -> Dataset:
    """The official split of iNaturalist: training images = database, validation images = queries.

    Levels are species, genus, family, order, class, phylum and kingdom. A name that several
    branches have (a genus of plants and of birds) gets its parent's behind it.

    Parameters
    ----------
    source : path-like
        Folder that the ``file_name`` of an image starts from.
    train, query : path-like, optional
        The lists; by default the one file called ``train*.json`` and ``val*.json`` in ``source``.
    categories : path-like, optional
        The list of categories that takes the place of the one inside; by default categories.json in
        ``source`` if it is there.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file or images are missing, or a list is not as it should be.
    """
    root = Path(source)
    lists = {
        name: _read_list(_only(root, pattern) if path is None else Path(path))
        for name, pattern, path in (
            ("train", "train*.json", train),
            ("query", "val*.json", query),
        )
    }
    own = root / "categories.json" if categories is None else Path(categories)
    named = load_json(own) if categories is not None or own.exists() else None
    listed = lists["train"].categories if named is None else named
    trained = {label for _, label in lists["train"].images}
    used = [
        category
        for category in _checked(listed, lists["train"].path if named is None else own)
        if category["id"] in trained
    ]
    index = {category["id"]: c for c, category in enumerate(used)}
    for images in lists.values():
        unknown = {label for _, label in images.images} - index.keys()
        if unknown:
            raise DataError(
                f"category {min(unknown)} has no name or no training image", path=images.path
            )
        names = [name for name, _ in images.images]
        check_inside(root, names, images.path)
        check_existing(root, names, "unpack the official archive with its images")
    return Dataset(
        "inaturalist",
        _hierarchy(used, lists["train"].path if named is None else own),
        _split(root, lists["train"], index),
        _split(root, lists["query"], index),
        source={"name": root.name},
    )


class _List(NamedTuple):
    path: Path
    images: list[tuple[str, int]]  # file name, category
    categories: Any


def _only(root: Path, pattern: str) -> Path:
    files = sorted(root.glob(pattern))
    if len(files) != 1:
        raise DataError(
            f"expected one {pattern} here, got {len(files)} ({in_words([f.name for f in files])}); "
            "name the one to read",
            path=root,
        )
    return files[0]


def _read_list(path: Path) -> _List:
    content = load_json(path)
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        images = [
            (str(names[item["image_id"]]), int(item["category_id"]))
            for item in content["annotations"]
        ]
        categories = content["categories"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"expected images, annotations and categories in the style of COCO: {error!r}",
            path=path,
        ) from error
    if not images:
        raise DataError("the list is empty", path=path)
    return _List(path, sorted(images), categories)


def _checked(categories: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(categories, list) or not all(map(_is_category, categories)):
        raise DataError(
            "expected a list of categories with id (a whole number) and name (a text)", path=path
        )
    ids = Counter(category["id"] for category in categories)
    twice = [number for number, count in ids.items() if count > 1]
    if twice:
        raise DataError(f"category {twice[0]} is listed twice", path=path)
    return sorted(categories, key=lambda category: category["id"])


def _is_category(category: Any) -> bool:
    return (
        isinstance(category, dict)
        and type(category.get("id")) is int
        and isinstance(category.get("name"), (str, int))
        and all(isinstance(category.get(rank, ""), str) for rank in (*RANKS, *WITHOUT_RANKS))
    )


def _hierarchy(categories: list[dict[str, Any]], path: Path) -> Hierarchy:
    """Species (or whatever has a category) and the ranks above it that every category has."""
    ranks = [rank for rank in RANKS if all(category.get(rank) for category in categories)]
    ranks = ranks or [rank for rank in WITHOUT_RANKS if all(c.get(rank) for c in categories)]
    rows = [
        [str(category["name"]), *(str(category[rank]) for rank in ranks)] for category in categories
    ]
    rows = readers.unique_names(rows)
    holders = Counter(row[0] for row in rows)
    finest = [
        row[0] if holders[row[0]] == 1 else f"{row[0]} ({category['id']})"
        for row, category in zip(rows, categories)
    ]
    try:
        return Hierarchy.from_table(
            [[name, *row[1:]] for name, row in zip(finest, rows)], ["species", *ranks]
        )
    except ValueError as error:
        raise DataError(str(error), path=path) from error


def _split(root: Path, images: _List, index: dict[int, int]) -> Split:
    return image_split(
        root, [name for name, _ in images.images], [index[label] for _, label in images.images]
    )

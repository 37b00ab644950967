"""Stanford Online Products: product photos of 22,634 items in 12 kinds; no test item is trained.

Source: Song et al. 2016, https://cvgl.stanford.edu/projects/lifted_struct. A line of Ebay_train.txt
and Ebay_test.txt, below a header, is: image id, class id, super-class id, path.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.image_files import check_existing, check_inside, image_split
from gluon_hash.errors import DataError
from gluon_hash.guard import read_lines
from gluon_hash.hierarchy import Hierarchy

__all__ = ["sop"]

HEADER = "image_id class_id super_class_id path"
LEVELS = ("item", "kind")
FOLDER_SUFFIX = "_final"  # "bicycle_final/111085122871_0.JPG" is of kind "bicycle"


class _Row(NamedTuple):
    item: str  # "bicycle 17"
    kind: str
    path: str


def sop(source: str | os.PathLike[str]) -> Dataset:
    """Stanford Online Products in its official split: the items of the test set are not trained.

    Training set = Ebay_train.txt (59,551 images of 11,318 items); the images of Ebay_test.txt
    (60,502 of 11,316 other items) are queries that are searched among each other. Two levels: item
    and kind (bicycle, cabinet, ...), which both parts share.

    Parameters
    ----------
    source : path-like
        Folder with Ebay_train.txt, Ebay_test.txt and the folders of images.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file or images are missing, or a line is not as it should be; names the line.
    """
    root = Path(source)
    if not (root / "Ebay_train.txt").exists() and (root / "Stanford_Online_Products").is_dir():
        root = root / "Stanford_Online_Products"
    train, query = (_read_rows(root / f"Ebay_{name}.txt") for name in ("train", "test"))
    both = {row.item for row in train} & {row.item for row in query}
    if both:
        raise DataError(f"item {min(both)!r} is in training and test set", path=root)
    for name, rows in (("train", train), ("test", query)):
        check_inside(root, [row.path for row in rows], root / f"Ebay_{name}.txt")
    check_existing(
        root, [row.path for row in train + query], "unpack the official archive with its images"
    )
    every = _hierarchy(train + query, root)
    return Dataset(
        "sop",
        _hierarchy(train, root),
        _split(root, train, every),
        _split(root, query, every),
        source={"name": root.name},
        query_hierarchy=every,
    )


def _read_rows(path: Path) -> list[_Row]:
    rows: list[_Row] = []
    lines = read_lines(path)
    if not lines or lines[0].split() != HEADER.split():
        raise DataError(f"expected the header {HEADER!r}", path=path, line=1)
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split(None, 3)
        if not fields:
            continue
        if len(fields) != 4 or not all(field.isdigit() for field in fields[:3]):
            raise DataError(f"expected {HEADER!r}, got {line[:80]!r}", path=path, line=number)
        kind = fields[3].partition("/")[0].removesuffix(FOLDER_SUFFIX).replace("_", " ")
        rows.append(_Row(f"{kind} {fields[1]}", kind, fields[3]))
    if not rows:
        raise DataError("the list is empty", path=path)
    return rows


def _hierarchy(rows: list[_Row], root: Path) -> Hierarchy:
    items = list(dict.fromkeys((row.item, row.kind) for row in rows))
    try:
        return Hierarchy.from_table(items, LEVELS)
    except ValueError as error:
        raise DataError(str(error), path=root) from error


def _split(root: Path, rows: list[_Row], hierarchy: Hierarchy) -> Split:
    index = {name: c for c, name in enumerate(hierarchy.class_names[0])}
    return image_split(root, [row.path for row in rows], [index[row.item] for row in rows])

"""Birds in the layout of the Caltech lists: NABirds (a tree of its own) and CUB-200-2011.

Both have ``images.txt`` (id, path), ``image_class_labels.txt`` (id, class),
``train_test_split.txt`` (id, 1 for training) and ``classes.txt`` (class, name) beside ``images/``.

Sources: Van Horn et al. 2015, https://dl.allaboutbirds.org/nabirds; Wah et al. 2011,
https://data.caltech.edu/records/65de6.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.image_files import check_existing, check_inside, image_split
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers

__all__ = ["CubSplit", "cub", "nabirds", "nabirds_hierarchy"]

CubSplit = Literal["unseen", "official"]
CUB_SPLITS = ("unseen", "official")
CUB_LEVELS = ("species", "group")
CLASS_NUMBER = re.compile("[0-9]{1,9}")
CUB_TRAINED = 100  # of the 200 classes, where the others are unseen


def nabirds(source: str | os.PathLike[str]) -> Dataset:
    """NABirds: 555 leaf classes in a tree of three and four levels, its official split and order.

    Training set = database, test set = queries.

    Parameters
    ----------
    source : path-like
        Folder with hierarchy.txt, the lists and images/.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file or images are missing, or the files do not fit together.
    """
    root = _folder_of(Path(source), "hierarchy.txt")
    lists = _Lists(root)
    leaves = sorted(set(lists.labels.values()), key=int)
    hierarchy = nabirds_hierarchy(root, leaves)
    lists.check_images()
    return Dataset(
        "nabirds",
        hierarchy,
        *lists.official_splits(leaves),
        source={"name": root.name},
        in_order=True,
    )


def nabirds_hierarchy(source: str | os.PathLike[str], leaves: list[str] | None = None) -> Hierarchy:
    """The tree of hierarchy.txt with the names of classes.txt, completed to even depth."""
    root = _folder_of(Path(source), "hierarchy.txt")
    names = _table(root / "classes.txt")
    return readers.from_parent_lines(root / "hierarchy.txt", names, leaves=leaves)


def cub(source: str | os.PathLike[str], *, split: CubSplit = "unseen") -> Dataset:
    """CUB-200-2011: 200 species in two levels; the upper one, ours, is the last word of the name.

    Parameters
    ----------
    source : path-like
        Folder with the lists and images/ (CUB_200_2011).
    split : "unseen" or "official"
        As retrieval papers have it: species 1 to 100 are trained, and the images of the others are
        queries that are searched among each other. Or train_test_split.txt: all species are
        trained, the training images are the database and the test images the queries.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file or images are missing, or the files do not fit together.
    ValueError
        If there is no such split.
    """
    if split not in CUB_SPLITS:
        raise ValueError(f"split: expected one of {', '.join(CUB_SPLITS)}, got {split!r}")
    root = _folder_of(Path(source), "train_test_split.txt")
    lists = _Lists(root)
    names = _table(root / "classes.txt")
    labels = sorted(set(lists.labels.values()), key=int)
    unknown = [label for label in labels if not names.get(label, "").partition(".")[2].strip("_ ")]
    if unknown:
        raise DataError(
            f"class {unknown[0]} has no name such as 002.Laysan_Albatross",
            path=root / "classes.txt",
        )
    lists.check_images()
    described = {"name": root.name, "split": split}
    if split == "official":
        return Dataset(
            "cub",
            _cub_hierarchy(labels, names, root),
            *lists.official_splits(labels),
            source=described,
        )
    trained = [label for label in labels if int(label) <= CUB_TRAINED]
    if not 0 < len(trained) < len(labels):
        raise DataError(
            f"expected classes up to {CUB_TRAINED} to train and others to search", path=root
        )
    return Dataset(
        "cub",
        _cub_hierarchy(trained, names, root),
        lists.split([key for key in lists.paths if lists.labels[key] in trained], labels),
        lists.split([key for key in lists.paths if lists.labels[key] not in trained], labels),
        source=described,
        query_hierarchy=_cub_hierarchy(labels, names, root),
    )


def _cub_hierarchy(labels: list[str], names: dict[str, str], root: Path) -> Hierarchy:
    """Two levels: "002.Laysan_Albatross" is species "Laysan Albatross" of group "Albatross"."""
    species = [names[label].partition(".")[2].replace("_", " ").strip() for label in labels]
    try:
        return Hierarchy.from_table([(name, name.split()[-1]) for name in species], CUB_LEVELS)
    except ValueError as error:
        raise DataError(str(error), path=root / "classes.txt") from error


class _Lists:
    """The lists that say of every image where it is, what it is and what it is for."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "images"
        self.paths = _table(root / "images.txt")
        self.labels = _table(root / "image_class_labels.txt")
        self.is_train = _table(root / "train_test_split.txt")
        if not self.paths.keys() == self.labels.keys() == self.is_train.keys():
            raise DataError(
                "images.txt, image_class_labels.txt and train_test_split.txt do not list the same "
                "images",
                path=root,
            )
        for name, values, allowed in (
            ("image_class_labels.txt", self.labels, CLASS_NUMBER),
            ("train_test_split.txt", self.is_train, re.compile("[01]")),
        ):
            for key, value in values.items():
                if not allowed.fullmatch(value):
                    raise DataError(
                        f"image {key}: expected {allowed.pattern}, got {value[:50]!r}",
                        path=root / name,
                    )

    def check_images(self) -> None:
        names = list(self.paths.values())
        check_inside(self._folder, names, self._folder.parent / "images.txt")
        check_existing(self._folder, names, "unpack the official archive with its images")

    def split(self, keys: list[str], classes: list[str]) -> Split:
        index = {name: c for c, name in enumerate(classes)}
        return image_split(
            self._folder,
            [self.paths[key] for key in keys],
            [index[self.labels[key]] for key in keys],
        )

    def official_splits(self, classes: list[str]) -> tuple[Split, Split]:
        """Training and test images of train_test_split.txt."""
        train, test = (
            self.split([key for key in self.paths if self.is_train[key] == flag], classes)
            for flag in ("1", "0")
        )
        return train, test


def _folder_of(root: Path, name: str) -> Path:
    """The folder below ``root`` that holds the file ``name``."""
    files = sorted(root.rglob(name))
    if len(files) != 1:
        raise DataError(f"expected one {name} inside, got {len(files)}", path=root)
    return files[0].parent


def _table(path: Path) -> dict[str, str]:
    if not path.exists():
        raise DataError("missing from the data set", path=path)
    return readers.read_pairs(path)

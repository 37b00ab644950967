"""A data set before it is written: images by split, under a hierarchy of their classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gluon_hash.datasets.arranging import SplitData
from gluon_hash.datasets.duplicates import Mode
from gluon_hash.datasets.prepared import write_folder
from gluon_hash.datasets.shrinking import Shrunk
from gluon_hash.files import sha256
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.hierarchy.unseen import PAPER
from gluon_hash.records.lists import ImageList
from gluon_hash.records.pack import write_records
from gluon_hash.records.prefetch import mapped

__all__ = ["Dataset", "Split", "regroup"]

Read = TypeVar("Read")
ENOUGH = 2  # times the short side: of what is decoded to be shrunk to it
HEADER_BYTES = 48  # of a record: RecordIO, IRHeader, some labels, padding


@dataclass(frozen=True)
class Split:
    """Images of one split.

    Parameters
    ----------
    fine_labels : int64, shape (N,)
    names : list of N str
        What the .lst file calls each image.
    encoded : callable
        Position -> encoded image (JPEG, PNG) as a record keeps it; DataError if it is unreadable.
    digest : callable
        Position -> hash of the image's content, equal for equal images; DataError likewise.
    pixels : callable, optional
        Position -> the image, uint8 RGB, of which ``digest`` is digest_of: one that is shrunk is
        then decoded once for both.
    """

    fine_labels: np.ndarray
    names: list[str]
    encoded: Callable[[int], bytes]
    digest: Callable[[int], bytes]
    pixels: Callable[[int], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.fine_labels)

    def num_bytes(self, position: int) -> int:
        """What the image takes in a record file."""
        return len(self.encoded(position)) + HEADER_BYTES

    def take(self, positions: np.ndarray) -> Split:
        """The images at ``positions``, in that order."""
        kept = np.asarray(positions, np.int64).tolist()

        def taken(read: Callable[[int], Read]) -> Callable[[int], Read]:
            return lambda position: read(kept[position])

        return Split(
            self.fine_labels[kept],
            [self.names[position] for position in kept],
            taken(self.encoded),
            taken(self.digest),
            None if self.pixels is None else taken(self.pixels),
        )

    def join(self, other: Split) -> Split:
        """These images, then those of ``other``."""
        count = len(self)

        def joined(
            first: Callable[[int], Read], second: Callable[[int], Read]
        ) -> Callable[[int], Read]:
            return lambda position: (
                first(position) if position < count else second(position - count)
            )

        return Split(
            np.concatenate([self.fine_labels, other.fine_labels]),
            self.names + other.names,
            joined(self.encoded, other.encoded),
            joined(self.digest, other.digest),
            joined(self.pixels, other.pixels) if self.pixels and other.pixels else None,
        )

    def shrunk(self, short_side: int, at_least: int | None = None) -> Split:
        """The same images, those that are larger shrunk; their hashes are what they were.

        With ``at_least``, hashes are those of what was decoded: see Shrunk.
        """
        shrunk = Shrunk(self.encoded, self.digest, self.pixels, short_side, at_least)
        return Split(self.fine_labels, self.names, shrunk.encoded, shrunk.digest)

    def write(self, folder: Path, name: str, images: ImageList) -> Path:
        """Write NAME.rec and NAME.idx, with the ids and labels of a list of these images."""

        def entry(position: int) -> tuple[int, np.ndarray, bytes]:
            image = self.encoded(position)
            return int(images.ids[position]), images.level_labels[position], image

        path = folder / f"{name}.rec"
        write_records(path, mapped(entry, len(self)), len(self))
        return path


class Dataset(SplitData[Split]):
    """A data set of images; the recipes of gluon_hash.datasets return one.

    Parameters
    ----------
    As gluon_hash.datasets.arranging.SplitData; ``train`` and ``query`` are Splits.
    """

    def write(
        self,
        out: str | os.PathLike[str],
        *,
        seed: int = 24,
        limit: int | None = None,
        validation_per_class: int | None = None,
        duplicates: Mode | None = None,
        short_side: int | None = None,
        reduced: bool = False,
        skip_unreadable: bool = False,
        shuffle: bool | None = None,
        protocol: str = PAPER,
    ) -> dict[str, Any]:
        """Write lists, records, hierarchy and split manifest: all of them, or nothing.

        Parameters
        ----------
        out : path-like
            A folder that does not exist yet.
        seed : int
            Draws the subset, the order of the database and the validation images.
        limit : int, optional
            At most this many images of each finest class, in each split.
        validation_per_class : int, optional
            Training images of each class that validation.lst lists. Default: 5 %, at least 2.
        duplicates : "error", "one-side" or "keep", optional
            What is done with queries that are in the database: refused, moved there, or left in
            both and listed. Default: one-side if the queries were drawn here, else error. All
            copies are listed in duplicates.json.
        short_side : int, optional
            As gluon_hash.records.pack.record_image.
        reduced : bool
            Decode JPEG files at an eighth, a quarter or half of their size, where that is at least
            twice the short side: photos of a camera are read several times as fast, and their
            pixels differ by two levels on average. What is equal then is taken for a copy.
        skip_unreadable : bool
            Leave images out that cannot be read, in place of an error.
        shuffle : bool, optional
            Shuffle the database, so that equal distances favour no class. Default: unless the order
            is official.
        protocol : str
            What is trained on, and what is searched in what (gluon_hash.hierarchy.unseen): paper:
            the training set is the database; unseen-images: the queries are searched among each
            other; unseen-classes: a fifth of the finest classes, spread over their superclasses, is
            listed in unseen_classes.txt and not to be trained on. The records are the same.

        Returns
        -------
        dict
            The split manifest, as split.json has it.

        Raises
        ------
        ValueError
            If ``out`` exists, the data set cannot serve the protocol, or images are to be reduced
            without a short side.
        DataError
            If an image is unreadable, a class has no training image, or query and database share
            images.
        """
        data = self
        if short_side is not None:
            at_least = ENOUGH * short_side if reduced else None
            both = {"train": self.train, "query": self.query}
            splits: Any = {name: split.shrunk(short_side, at_least) for name, split in both.items()}
            data = replace(self, **splits)
        elif reduced:
            raise ValueError("reduced: it belongs to a short side; give that too")
        return write_folder(
            data,
            out,
            Split.write,
            seed=seed,
            limit=limit,
            validation_per_class=validation_per_class,
            duplicates=duplicates,
            skip_unreadable=skip_unreadable,
            shuffle=shuffle,
            protocol=protocol,
            settings={"short_side": short_side, "reduced": reduced},
        )


def regroup(
    dataset: Dataset,
    *,
    tree: str | os.PathLike[str] | None = None,
    names: str | os.PathLike[str] | None = None,
    levels: Sequence[int | str] | None = None,
) -> Dataset:
    """The same images and finest classes under a tree of one's own, or with fewer levels.

    Parameters
    ----------
    dataset : Dataset
    tree, names : path-like, optional
        As gluon_hash.hierarchy.readers.for_classes; by default the data set's own tree.
    levels : sequence of int or str, optional
        Levels to keep, finest first, by number (0: the finest) or name; by default all.

    Raises
    ------
    DataError, ValueError
        As for_classes and Hierarchy.take_levels, or if ``names`` come without a ``tree``.
    """
    if names is not None and tree is None:
        raise ValueError("names of nodes belong to a tree: give the tree too")
    hierarchy, query_hierarchy = dataset.hierarchy, dataset.query_hierarchy
    source = dataset.source
    if tree is not None:
        every = readers.for_classes(tree, (query_hierarchy or hierarchy).class_names[0], names)
        trained = every.to_table()[: hierarchy.num_classes[0]]  # they come first
        query_hierarchy = query_hierarchy and every
        hierarchy = Hierarchy.from_table(trained, every.level_names) if query_hierarchy else every
        source = {**source, "tree": Path(tree).name, "tree_sha256": sha256(tree)}
    if levels is not None:
        kept = [_level_number(hierarchy, level) for level in levels]
        hierarchy = hierarchy.take_levels(kept)
        query_hierarchy = query_hierarchy.take_levels(kept) if query_hierarchy else None
    return replace(dataset, hierarchy=hierarchy, source=source, query_hierarchy=query_hierarchy)


def _level_number(hierarchy: Hierarchy, level: int | str) -> int:
    text = str(level)
    if text in hierarchy.level_names:
        return hierarchy.level_names.index(text)
    if text.isdigit():
        return int(text)
    raise ValueError(
        f"levels: expected numbers or some of {', '.join(hierarchy.level_names)}, got {text!r}"
    )

"""What `prepare --dry-run` says: what would be read and written, how long it takes. Nothing is."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.datasets.arranging import Items, SplitData, check_classes
from gluon_hash.datasets.dataset import ENOUGH
from gluon_hash.datasets.prepared import hold_back
from gluon_hash.datasets.splits import draw_validation, subset
from gluon_hash.errors import DataError
from gluon_hash.hierarchy.unseen import PAPER
from gluon_hash.progress import duration
from gluon_hash.records.prefetch import mapped
from gluon_hash.resources import free_disk, in_bytes, peak_memory

__all__ = ["PrepareEstimate", "dry_run", "estimate"]

TRIED = 64  # images of each split
LIST_BYTES = 60  # of an image in a list and an index


@dataclass(frozen=True)
class PrepareEstimate:
    """What preparing a data set takes.

    Parameters
    ----------
    source : str
        What is read.
    counts : dict
        Split -> images of each finest class: int64 (number of classes,).
    num_validation : int
        Training images that validation.lst would list.
    levels : dict
        Level -> number of classes.
    held_out : int
        Finest classes that would not be trained on.
    seconds : float
    disk, memory : int
        Bytes: of the folder, and the most that this process has had.
    num_tried, num_unreadable : int
        Images that were read for this, and those of them that could not be.
    """

    source: str
    counts: dict[str, np.ndarray]
    num_validation: int
    levels: dict[str, int]
    held_out: int
    seconds: float
    disk: int
    memory: int
    num_tried: int
    num_unreadable: int

    @property
    def num_images(self) -> int:
        """Of all splits."""
        return int(sum(count.sum() for count in self.counts.values()))

    def lines(self, out: str | os.PathLike[str]) -> list[str]:
        """As a person reads it.

        Parameters
        ----------
        out : path-like
            Where the folder would be.
        """
        rate = self.num_images / max(self.seconds, 1e-9)
        free = free_disk(out)
        short = "" if self.disk <= free else ": too little"
        levels = ", ".join(f"{name} {count}" for name, count in self.levels.items())
        held = f"; {self.held_out} finest ones are not to be trained on" if self.held_out else ""
        unreadable = f", {self.num_unreadable} of these cannot be read" * bool(self.num_unreadable)
        return [
            f"read: {self.num_images:,} images of {self.source}",
            *(f"{name}: {_each(count)}" for name, count in self.counts.items()),
            f"validation: {self.num_validation:,} images of train",
            f"levels: {levels}{held}",
            f"time: about {duration(self.seconds)} ({rate:,.0f} images/s, as {self.num_tried} were "
            f"read here{unreadable})",
            f"memory: {in_bytes(self.memory)}, as seen here",
            f"disk: about {in_bytes(self.disk)}; {in_bytes(free)} are free there{short}",
            "copies, and all that cannot be read, are found when every image is read",
        ]


def dry_run(data: SplitData[Any], out: str | os.PathLike[str], **settings: Any) -> list[str]:
    """What ``data.write(out, **settings)`` would take, in lines for a person.

    Raises
    ------
    DataError, ValueError
        As estimate.
    """
    return estimate(data, **settings).lines(out)


def estimate(
    data: SplitData[Any],
    *,
    seed: int = 24,
    limit: int | None = None,
    validation_per_class: int | None = None,
    short_side: int | None = None,
    reduced: bool = False,
    skip_unreadable: bool = False,
    protocol: str = PAPER,
) -> PrepareEstimate:
    """Count a data set, read some of its images, and reckon the rest; arguments as Dataset.write.

    Raises
    ------
    DataError, ValueError
        If one of the images is unreadable and none may be left out, a class has no training image,
        or the data set cannot serve the protocol.
    """
    held = hold_back(data, protocol, seed)
    counts, problems = {}, []
    seconds, disk, num_tried = 0.0, 0.0, 0
    for name, hierarchy in (
        ("train", data.hierarchy),
        ("query", data.query_hierarchy or data.hierarchy),
    ):
        split = getattr(data, name)
        split = split.take(subset(split.fine_labels, limit, seed))
        counts[name] = np.bincount(split.fine_labels, minlength=hierarchy.num_classes[0])
        tried = split.take(evenly(len(split), TRIED))
        if short_side is not None:
            tried = tried.shrunk(short_side, ENOUGH * short_side if reduced else None)
        own_seconds, own_bytes, own_problems = _try(tried)
        seconds += own_seconds * len(split)
        disk += (own_bytes + LIST_BYTES) * len(split)
        num_tried += len(tried)
        problems += own_problems
        if name == "train":
            check_classes(hierarchy, split.fine_labels)
            num_classes = hierarchy.num_classes[0]
            validation = draw_validation(split.fine_labels, num_classes, validation_per_class, seed)
    if problems and not skip_unreadable:
        raise DataError(f"{problems[0]}; repair it or take it out, or set skip_unreadable")
    return PrepareEstimate(
        str(data.source.get("name", data.recipe)),
        counts,
        len(validation),
        dict(zip(data.hierarchy.level_names, data.hierarchy.num_classes)),
        len(held.unseen),
        seconds,
        round(disk),
        peak_memory(),
        num_tried,
        len(problems),
    )


def _try(split: Items) -> tuple[float, float, list[str]]:
    """Seconds and bytes of an image that is read and written; what cannot be read, in words."""
    problems: dict[int, str] = {}

    def attempt(position: int) -> int:
        try:
            split.digest(position)
            return split.num_bytes(position)
        except DataError as error:
            problems[position] = str(error)
            return 0

    if len(split):
        attempt(0)  # pays for what is loaded once
        problems.clear()
    started = time.perf_counter()
    sizes = list(mapped(attempt, len(split)))
    elapsed = time.perf_counter() - started
    mean_bytes = sum(sizes) / max(len(split) - len(problems), 1)
    said = [problems[position] for position in sorted(problems)]
    return elapsed / max(len(split), 1), mean_bytes, said


def _each(counts: Sequence[int] | np.ndarray) -> str:
    """How many images, of how many classes, and how many of each."""
    present = np.asarray(counts)[np.asarray(counts) > 0]
    least, most = (int(present.min()), int(present.max())) if len(present) else (0, 0)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{int(present.sum()):,} images of {len(present):,} classes, {each} of each"

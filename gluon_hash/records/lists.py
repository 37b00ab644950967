""".lst files: one image a line, with its index, its label at every level, and its path."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_text
from gluon_hash.guard import read_lines

__all__ = ["ImageList", "flaw_of_path", "held_out_positions", "read_list", "write_list"]


@dataclass(frozen=True)
class ImageList:
    """What a .lst file holds.

    Parameters
    ----------
    ids : int64, shape (N,)
        Index of each image; unique.
    level_labels : int32, shape (N, K)
        Class per level, finest first.
    paths : list of N str
        Relative to an image folder, "/" between folders.
    """

    ids: np.ndarray
    level_labels: np.ndarray
    paths: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: np.ndarray) -> ImageList:
        """The images at ``positions``, in that order."""
        return ImageList(
            self.ids[positions], self.level_labels[positions], [self.paths[p] for p in positions]
        )


def read_list(path: str | os.PathLike[str], num_levels: int | None = None) -> ImageList:
    """Read a .lst file.

    Parameters
    ----------
    path : path-like
    num_levels : int, optional
        Labels that every line must have; by default as many as the first line has.

    Raises
    ------
    DataError
        If there is no such file. With the line: too few or too many labels, a label that is not an
        integer >= 0 (or -1: not known), an index twice.
    """
    ids: list[int] = []
    labels: list[list[int]] = []
    paths: list[str] = []
    lines_of: dict[int, int] = {}
    for number, line in enumerate(read_lines(path, made_by="gluon-hash prepare"), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        num_levels = max(len(fields) - 2, 1) if num_levels is None else num_levels
        if len(fields) != num_levels + 2:
            raise DataError(
                f"expected index, {num_levels} labels (levels 0-{num_levels - 1}) and path, "
                f"tab-separated, got {len(fields) - 2} labels; write the list again with `prepare`",
                path=path,
                line=number,
            )
        index = _integer(fields[0], path, number, 0, np.int64)
        row = [_integer(field, path, number, -1, np.int32) for field in fields[1:-1]]
        if index in lines_of:
            raise DataError(
                f"index {index} is on line {lines_of[index]} too; every image needs its own",
                path=path,
                line=number,
            )
        lines_of[index] = number
        ids.append(index)
        labels.append(row)
        paths.append(fields[-1])
    if not ids:
        raise DataError("expected at least one image, the list is empty", path=path)
    return ImageList(np.array(ids, dtype=np.int64), np.array(labels, dtype=np.int32), paths)


def write_list(path: str | os.PathLike[str], images: ImageList) -> None:
    """Write a .lst file, whole or not at all.

    Raises
    ------
    ValueError
        If a path does not survive being written: gluon_hash.records.lists.flaw_of_path.
    """
    for name in images.paths:
        flaw = flaw_of_path(name)
        if flaw:
            raise ValueError(f"{os.fspath(path)}: {name!r} cannot be a name in a list: it {flaw}")
    rows = zip(images.ids.tolist(), images.level_labels.tolist(), images.paths)
    atomic_write_text(
        path,
        "".join("\t".join(map(str, (index, *labels, name))) + "\n" for index, labels, name in rows),
    )


def flaw_of_path(name: str) -> str | None:
    r"""What keeps the name of an image from being the same when it was written and read.

    Examples
    --------
    >>> flaw_of_path("dog/ my dog.jpg")
    >>> flaw_of_path("dog/my\tdog.jpg")
    'holds a tab or a line break'
    """
    if not name.strip():
        return "is empty"
    if any(char in name for char in "\t\n\r"):
        return "holds a tab or a line break"
    if any("\ud800" <= char <= "\udfff" for char in name):
        return "is not UTF-8"
    return None


def held_out_positions(fine_labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Positions of ``per_class`` images of every class, drawn by ``seed``: a validation split.

    Parameters
    ----------
    fine_labels : ndarray of int, shape (N,)
    per_class : int
        At most all but one of the images of a class are taken.
    seed : int

    Returns
    -------
    ndarray of int64, ascending
    """
    rng = np.random.RandomState(seed)
    chosen = []
    for label in np.unique(fine_labels):
        positions = rng.permutation(np.flatnonzero(fine_labels == label))
        chosen.append(positions[: min(per_class, len(positions) - 1)])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _integer(
    field: str, path: str | os.PathLike[str], line: int, least: int, dtype: type[np.signedinteger]
) -> int:
    most, wanted = np.iinfo(dtype).max, f"an integer >= {least}"
    try:
        try:
            value: float = int(field)
        except ValueError:
            value = float(field)  # MXNet's im2rec writes labels as 3.000000
        if least <= value <= most and value == int(value):
            return int(value)
        wanted += f" and <= {most}" if value > most else ""
    except (ValueError, OverflowError):
        pass
    raise DataError(f"expected {wanted}, got {field[:50]!r}", path=path, line=line)

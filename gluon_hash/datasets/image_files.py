"""Image files below a folder: which there are, which are left out, and how a split reads them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from gluon_hash.datasets.dataset import Split
from gluon_hash.datasets.shrinking import digest_of
from gluon_hash.datasets.splits import in_words
from gluon_hash.errors import DataError
from gluon_hash.progress import log
from gluon_hash.records.images import (
    WHITE,
    Color,
    decode_image,
    has_transparency,
    read_image,
)
from gluon_hash.records.lists import flaw_of_path
from gluon_hash.records.ordinary import expect_many
from gluon_hash.records.pack import encode_png

__all__ = [
    "SUFFIXES",
    "ImageFiles",
    "check_existing",
    "check_inside",
    "find_images",
    "image_split",
]

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp"),
    *(".ppm", ".pgm", ".pnm", ".tif", ".tiff"),
)
HIDDEN = "hidden"
MANY = 2_000  # images for which it is worth importing what decodes them sooner


@dataclass(frozen=True)
class ImageFiles:
    """What is below a folder.

    Parameters
    ----------
    paths : list of str
        Image files relative to the folder, "/" between names, in the order of their folders' names.
    left_out : dict
        Suffix, or "hidden", -> number of other files.
    """

    paths: list[str]
    left_out: dict[str, int]

    def folders(self) -> list[str]:
        """The folder of each image; "." for the one that was searched."""
        return [path.rpartition("/")[0] or "." for path in self.paths]

    def classes(self) -> list[str]:
        """The folders that hold images, sorted."""
        return sorted(set(self.folders()))


def find_images(root: str | os.PathLike[str]) -> ImageFiles:
    """Every image below ``root``, at any depth; what is left out is counted and said.

    Left out are files that are not images by their suffix, and hidden ones: a dot leads their name
    or that of a folder above them.

    Raises
    ------
    DataError
        If there is no such folder, or no image in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError("not a folder" if root.exists() else "no such folder", path=root)
    paths: list[Path] = []
    left_out: Counter[str] = Counter()
    for file in root.rglob("*"):
        if not file.is_file():
            continue
        relative = file.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            left_out[HIDDEN] += 1
        elif file.suffix.lower() in SUFFIXES:
            paths.append(relative)
        else:
            left_out[file.suffix.lower() or "without a suffix"] += 1
    counts = dict(sorted(left_out.items(), key=lambda item: (-item[1], item[0])))
    _say_left_out(root, counts)
    if not paths:
        raise DataError(f"no images ({', '.join(SUFFIXES)}) here", path=root)
    return ImageFiles([path.as_posix() for path in sorted(paths)], counts)


def image_split(
    root: Path, names: list[str], fine_labels: np.ndarray | Sequence[int], background: Color = WHITE
) -> Split:
    """A split of image files below ``root``.

    A record keeps a file's own bytes, or, where they depend on the background, a PNG over it; equal
    images are those of equal pixels.

    Raises
    ------
    DataError
        If a name does not survive being written into a list.
    """
    for name in names:
        flaw = flaw_of_path(name)
        if flaw:
            raise DataError(
                f"{name!r} cannot be written into a list: it {flaw}; rename it", path=root
            )

    def encoded(position: int) -> bytes:
        path = root / names[position]
        data = path.read_bytes()
        try:
            return encode_png(decode_image(data, background)) if has_transparency(data) else data
        except ValueError as error:
            raise DataError(str(error), path=path) from error

    if len(names) >= MANY:
        expect_many()

    def pixels(position: int) -> np.ndarray:
        return read_image(root / names[position], background)

    def digest(position: int) -> bytes:
        return digest_of(pixels(position))

    return Split(np.asarray(fine_labels, np.int64), names, encoded, digest, pixels)


def check_inside(root: Path, names: Sequence[str], listed: Path) -> None:
    """Raise DataError if a name in a data set's own list, which comes from elsewhere, leaves root.

    Parameters
    ----------
    root : Path
        The folder of the images.
    names : sequence of str
        Relative to it.
    listed : Path
        The list, for the message.
    """
    for name in names:
        path = PurePath(name)
        if path.is_absolute() or ".." in path.parts:
            raise DataError(
                f"{name!r} is outside of {root}, the folder of the images; refused", path=listed
            )


def check_existing(root: Path, names: Sequence[str], advice: str) -> None:
    """Raise DataError, naming the first few and the advice, unless all files are there."""
    missing = [name for name in names if not os.path.isfile(root / name)]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} images are missing ({in_words(missing)}); {advice}",
            path=root,
        )


def _say_left_out(root: Path, left_out: dict[str, int]) -> None:
    if left_out:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in left_out.items())
        log(f"{root.name}: {sum(left_out.values())} files are not images that are read: {counts}")

"""The images of the collection, as thumbnails: from files at the index's paths, or from records."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from gluon_hash.records import RecordFile, decode_image
from gluon_hash.records.images import FORMATS
from gluon_hash.retrieval.index import HammingIndex, Searcher

__all__ = [
    "FilePictures",
    "NoPicture",
    "Picture",
    "Pictures",
    "RecordPictures",
    "Thumbnails",
    "check_pixels",
    "missing_files",
]

EXACT = 128  # pixels of a side up to which an image is sent as it is (PNG); larger ones are JPEG
QUALITY = 85
LOOKED_FOR = 1000
CACHED = 64 << 20  # bytes of thumbnails that are kept


class NoPicture(LookupError):
    """An item of the collection whose image is not at hand; says why."""


class Picture(NamedTuple):
    """An encoded image and its media type."""

    data: bytes
    media_type: str


class Pictures(Protocol):
    """Where the images of the collection are."""

    def read(self, item: int, name: str) -> np.ndarray:
        """The image of an item, uint8 RGB (height, width, 3); NoPicture if there is none."""


class FilePictures:
    """Images in files, at the paths that the index knows.

    Parameters
    ----------
    root : path-like
        Where relative paths start.
    inside : bool
        Read nothing outside of ``root``, whatever the index says.
    max_pixels : int
    """

    def __init__(
        self, root: str | os.PathLike[str] = ".", *, inside: bool = False, max_pixels: int
    ) -> None:
        self._root, self._inside, self._max_pixels = Path(root), inside, max_pixels

    def find(self, name: str) -> Path:
        """The file of an image; NoPicture if there is none, or it lies outside."""
        if not name:
            raise NoPicture("the index has no path for this image")
        file = self._root / name
        if self._inside and self._root.resolve() not in file.resolve().parents:
            raise NoPicture("its path leaves the folder of the images")
        if not file.is_file():
            raise NoPicture("it is not where the index says; serve with the folder of the images")
        return file

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            return bool(self.find(name))
        except NoPicture:
            return False

    def read(self, item: int, name: str) -> np.ndarray:
        """As Pictures.read."""
        file = self.find(name)
        try:
            data = file.read_bytes()
            check_pixels(data, self._max_pixels)
            return decode_image(data)
        except (OSError, ValueError) as error:
            raise NoPicture(f"it cannot be read: {error}") from error


class RecordPictures:
    """Images in a .rec file, by their ids."""

    def __init__(self, path: str | os.PathLike[str], *, max_pixels: int) -> None:
        self._records, self._max_pixels = RecordFile(path), max_pixels
        self._position = {item: row for row, item in enumerate(self._records.ids.tolist())}

    def __contains__(self, item: int) -> bool:
        return item in self._position

    def read(self, item: int, name: str) -> np.ndarray:
        """As Pictures.read."""
        if item not in self._position:
            raise NoPicture("its id is not in the records; serve those that were indexed")
        try:
            data = self._records.image_bytes(self._position[item])
            check_pixels(data, self._max_pixels)
            return decode_image(data)
        except ValueError as error:
            raise NoPicture(f"it cannot be read: {error}") from error


class Thumbnails:
    """Pictures, made small and kept; any thread may ask.

    Parameters
    ----------
    pictures : Pictures
    capacity : int
        Bytes that are kept.
    """

    def __init__(self, pictures: Pictures, capacity: int = CACHED) -> None:
        self._pictures, self._capacity, self._held = pictures, capacity, 0
        self._kept: OrderedDict[tuple[int, int], Picture] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, item: int, name: str, size: int) -> Picture:
        """The image of an item, at most ``size`` pixels wide and high; NoPicture if none."""
        key = (item, size)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = _encoded(self._pictures.read(item, name), size)
        with self._lock:
            if key not in self._kept and len(picture.data) <= self._capacity:
                self._kept[key] = picture
                self._held += len(picture.data)
            while self._held > self._capacity:
                self._held -= len(self._kept.popitem(last=False)[1].data)
        return picture


def check_pixels(data: bytes, most: int) -> None:
    """ValueError if the head of an encoded image says that it has more than ``most`` pixels.

    What cannot be read is left to the decoder, which says why.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except Exception:  # whatever Pillow raises for the head of a damaged file
        return
    if width * height > most:
        raise ValueError(
            f"the image has {width} x {height} pixels; at most {most:,} are read, so shrink it"
        )


def missing_files(index: Searcher, files: FilePictures) -> tuple[int, list[str]]:
    """How many of the index's paths were looked for, 1,000 at most, and those without a file."""
    items = index.items if isinstance(index, HammingIndex) else None
    if items is None or items.names is None:
        return 0, []
    names = [name for name in items.names[:LOOKED_FOR].tolist() if name]
    return len(names), [name for name in names if not files.has(name)]


def _encoded(pixels: np.ndarray, size: int) -> Picture:
    image, stream = Image.fromarray(pixels), io.BytesIO()
    if max(image.size) > size:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
    if max(image.size) <= EXACT and image.size == pixels.shape[1::-1]:
        image.save(stream, format="PNG")
        return Picture(stream.getvalue(), "image/png")
    image.save(stream, format="JPEG", quality=QUALITY)
    return Picture(stream.getvalue(), "image/jpeg")

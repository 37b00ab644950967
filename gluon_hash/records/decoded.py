"""The store of decoded images that all loaders of one record file share, as large as it may be."""

from __future__ import annotations

import re
import threading

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.transforms import ImageTransform

__all__ = ["DEFAULT_BYTES", "DecodedImages", "parse_bytes"]

DEFAULT_BYTES = 2 * 10**9
BLOCK_BYTES = 1 << 26  # images lie in blocks: one allocation for each would scatter them
SAMPLE = 32  # images that tell how large all are
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(KB|MB|GB)")


class DecodedImages:
    """Images of one record file, kept in memory once they were decoded, up to a bound.

    Those that do not fit are decoded whenever they are asked for: their pixels are the same.

    Parameters
    ----------
    transform : ImageTransform
        An image that its resizing makes smaller is kept resized.
    max_bytes : int, optional
        0 keeps nothing.

    Examples
    --------
    >>> DecodedImages(ImageTransform(32, 32), 0).max_bytes
    0
    """

    def __init__(self, transform: ImageTransform, max_bytes: int = DEFAULT_BYTES) -> None:
        self.transform, self.max_bytes = transform, max_bytes
        self._free = max_bytes
        self._kept: dict[int, np.ndarray] = {}
        self._block = np.empty(0, np.uint8)
        self._lock = threading.Lock()

    def image(self, records: RecordFile, position: int) -> np.ndarray:
        """The image at ``position``, resized: uint8 RGB, shape (height, width, 3), to be read only.

        Parameters
        ----------
        records : RecordFile
            The file, or any view of it.
        position : int
        """
        key = int(records.offsets[position])
        kept = self._kept.get(key)
        if kept is not None:
            return _read_only(self.transform.resized(kept))
        image = records.image(position)
        resized = self.transform.resized(image)
        self._keep(key, resized if resized.nbytes < image.nbytes else image)
        return _read_only(resized)

    def in_words(self, records: RecordFile) -> str:
        """How many bytes the images take, judged by some of them, and how many of these are kept.

        Raises
        ------
        DataError
            If one of them is unreadable.
        """
        positions = evenly(len(records), SAMPLE)
        for position in positions.tolist():
            self.image(records, position)
        sizes = [self._size(records, position) for position in positions.tolist()]
        total = round(len(records) * sum(sizes) / len(sizes))
        about = "" if len(set(sizes)) == 1 else "about "
        if total <= self.max_bytes:
            return f"decoded images: {about}{_in_words(total)}, kept in memory"
        kept = f"{_in_words(self.max_bytes)} of them" if self.max_bytes else "none of them"
        return (
            f"decoded images: {about}{_in_words(total)}, {kept} kept in memory (data.cache); the "
            "others are decoded again in every epoch"
        )

    def _size(self, records: RecordFile, position: int) -> int:
        """Bytes of the image at ``position`` if it was kept."""
        kept = self._kept.get(int(records.offsets[position]))
        if kept is not None:
            return kept.nbytes
        image = records.image(position)
        return min(image.nbytes, self.transform.resized(image).nbytes)

    def _keep(self, key: int, image: np.ndarray) -> None:
        with self._lock:
            if key in self._kept or image.nbytes > self._free:
                return
            if image.nbytes > len(self._block):
                self._block = np.empty(max(BLOCK_BYTES, image.nbytes), np.uint8)
            place, self._block = self._block[: image.nbytes], self._block[image.nbytes :]
            self._free -= image.nbytes
            copy = place.reshape(image.shape)
            copy[...] = image
            self._kept[key] = copy


def parse_bytes(text: str) -> int:
    """A size such as 2GB or 500MB (decimal), or 0, in bytes.

    Raises
    ------
    ValueError
        If it is not one.

    Examples
    --------
    >>> parse_bytes("2GB"), parse_bytes("1.5 MB"), parse_bytes("0")
    (2000000000, 1500000, 0)
    """
    found = SIZE.fullmatch(text.strip())
    if found is None and text.strip() != "0":
        raise ValueError(f"expected a size such as 2GB or 500MB, or 0 for none, got {text!r}")
    return 0 if found is None else round(float(found[1]) * UNITS[found[2]])


def _read_only(image: np.ndarray) -> np.ndarray:
    image.setflags(write=False)
    return image


def _in_words(num_bytes: int) -> str:
    unit = "GB" if num_bytes >= UNITS["GB"] else "MB"
    return f"{num_bytes / UNITS[unit]:.1f} {unit}"

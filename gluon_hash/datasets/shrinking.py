"""Images that are too large, shrunk on their way into records, and decoded once for that."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import numpy as np

from gluon_hash.records.images import decode_image
from gluon_hash.records.pack import record_image, shrink

__all__ = ["Shrunk", "digest_of"]

KEPT_BYTES = 1 << 29  # of images between their hashing and their writing: 25,000 of 256 px


def digest_of(pixels: np.ndarray) -> bytes:
    """The hash of an image's shape and pixels: uint8 (height, width, 3)."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


class Shrunk:
    """What reads the images of a split, shrunk where they are larger than ``short_side``.

    Parameters
    ----------
    encoded, digest, pixels : callable
        As of gluon_hash.datasets.dataset.Split.
    short_side : int
        As of gluon_hash.records.pack.record_image.
    at_least : int, optional
        As of gluon_hash.records.decode_image; copies are then found among what is decoded.
    """

    def __init__(
        self,
        encoded: Callable[[int], bytes],
        digest: Callable[[int], bytes],
        pixels: Callable[[int], np.ndarray] | None,
        short_side: int,
        at_least: int | None = None,
    ) -> None:
        self._encoded, self._digest, self._pixels = encoded, digest, pixels
        self._short_side, self._at_least = short_side, at_least
        self._kept: dict[int, bytes] = {}
        self._free = KEPT_BYTES
        self._lock = threading.Lock()

    def encoded(self, position: int) -> bytes:
        """The image as a record keeps it; what digest has made of it is used, and forgotten."""
        with self._lock:
            kept = self._kept.pop(position, None)
            self._free += len(kept or b"")
        if kept is not None:
            return kept
        data = self._encoded(position)
        if self._at_least is None:
            return record_image(data, short_side=self._short_side)
        return shrink(decode_image(data, at_least=self._at_least), self._short_side) or data

    def digest(self, position: int) -> bytes:
        """The hash of the image before it is shrunk; shrinks it too, if it has to be decoded."""
        if self._pixels is None:
            return self._digest(position)
        if self._at_least is None:
            pixels = self._pixels(position)
        else:
            pixels = decode_image(self._encoded(position), at_least=self._at_least)
        smaller = shrink(pixels, self._short_side) if self._free > 0 else None
        if smaller is not None:
            with self._lock:
                if len(smaller) <= self._free:
                    self._free -= len(smaller)
                    self._kept[position] = smaller
        return digest_of(pixels)

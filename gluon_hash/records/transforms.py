"""From a decoded image to the network's input: resize, crop, flip, mean and standard deviation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

__all__ = ["ImageTransform", "IMAGENET_MEAN", "IMAGENET_STD", "Window"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Window(NamedTuple):
    """Where a square begins in an image, in pixels; with padding, it may begin outside."""

    top: int
    left: int
    mirrored: bool


@dataclass(frozen=True)
class ImageTransform:
    """Resize the short side, crop a square, scale to mean 0 and standard deviation 1.

    Training: resize, pad with zeros, crop at random, mirror half of the images. Evaluation: resize,
    crop the center (at ``floor((side - crop) / 2)``). Resizing is Pillow's bilinear filter,
    antialiased when it shrinks. The recipes: 32 px ``(32, 32, pad=4, flip=True)``; from 32 to 64 px
    ``(64, 64, pad=8, flip=True)``; the released one ``(240, 224)``, without flip.

    Parameters
    ----------
    resize : int
        Short side in pixels; 0 leaves the image as it is.
    crop : int
        Side of the square, in pixels.
    pad : int
        Zero pixels on each side before the random crop (training).
    flip : bool
        Mirror with probability 1/2 (training).
    mean, std : tuple of 3 float
        Of red, green and blue, for pixels in [0, 1].

    Raises
    ------
    ValueError
        If ``crop`` is larger than ``resize``, or ``std`` is not positive.
    """

    resize: int
    crop: int
    pad: int = 0
    flip: bool = False
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if self.resize and self.crop > self.resize:
            raise ValueError(
                f"ImageTransform: crop {self.crop} does not fit into short side {self.resize}; "
                "make resize at least crop"
            )
        if min(self.std) <= 0 or self.crop < 1 or self.pad < 0 or self.resize < 0:
            raise ValueError(
                f"ImageTransform: expected sizes >= 0, crop >= 1 and std > 0, got {self}"
            )

    def resized(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (height, width, 3) with the short side ``resize``.

        Raises
        ------
        ValueError
            If the image is smaller than the crop.
        """
        height, width = image.shape[:2]
        if self.resize and min(height, width) != self.resize:
            scale = self.resize / min(height, width)
            size = (max(round(width * scale), self.resize), max(round(height * scale), self.resize))
            image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        if min(image.shape[:2]) < self.crop:
            raise ValueError(
                f"an image of {height} x {width} pixels is smaller than the crop of {self.crop}; "
                "set transform.resize"
            )
        return image

    def evaluate(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (height, width, 3) -> uint8 (crop, crop, 3), the centre of the resized image.

        Raises
        ------
        ValueError
            If the image is smaller than the crop.
        """
        image = self.resized(image)
        window = self.center(image.shape[0], image.shape[1])
        return image[window.top : window.top + self.crop, window.left : window.left + self.crop]

    def train(self, image: np.ndarray, draw: Sequence[float]) -> np.ndarray:
        """As evaluate, with padding, a random crop and a random mirror.

        ``draw`` is 3 uniform numbers in [0, 1): row, column and mirror.
        """
        image = self.resized(image)
        height, width = image.shape[:2]
        window = self.random(height, width, draw)
        if self.pad:
            padded = np.zeros((height + 2 * self.pad, width + 2 * self.pad, 3), np.uint8)
            padded[self.pad : -self.pad, self.pad : -self.pad] = image
            image = padded
        top, left = window.top + self.pad, window.left + self.pad
        image = image[top : top + self.crop, left : left + self.crop]
        return image[:, ::-1] if window.mirrored else image

    def center(self, height: int, width: int) -> Window:
        """What evaluation takes of a resized image of this size."""
        return Window((height - self.crop) // 2, (width - self.crop) // 2, False)

    def random(self, height: int, width: int, draw: Sequence[float]) -> Window:
        """What training takes of a resized image of this size; ``draw`` as of train."""
        rest = 2 * self.pad - self.crop + 1
        top, left = int(draw[0] * (height + rest)), int(draw[1] * (width + rest))
        return Window(top - self.pad, left - self.pad, self.flip and draw[2] < 0.5)

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """uint8 (B, crop, crop, 3) -> float32 (B, 3, crop, crop), ``(x / 255 - mean) / std``."""
        num_images, height, width, _ = images.shape
        batch, write = np.empty((num_images, 3, height, width), np.float32), self.writer()
        for image, planes in zip(images, batch):
            write(image, planes)
        return batch

    def writer(self) -> Callable[[np.ndarray, np.ndarray], None]:
        """A function of an image and of its place in a batch of normalize, which it fills."""
        scale, offset = self.scale_and_offset()

        def write(image: np.ndarray, planes: np.ndarray) -> None:
            planes[...] = image.transpose(2, 0, 1)
            planes *= scale
            planes += offset

        return write

    def scale_and_offset(self) -> tuple[np.ndarray, np.ndarray]:
        """What makes planes of pixels, ``x * scale + offset``: float32 (3, 1, 1) each."""
        std = np.array(self.std)
        factors = 1.0 / (255.0 * std), -np.array(self.mean) / std
        scale, offset = (factor.astype(np.float32).reshape(3, 1, 1) for factor in factors)
        return scale, offset

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ImageTransform:
        """The inverse of to_dict."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})

    def digest(self) -> str:
        """SHA-256 of what evaluation uses (resize, crop, mean, std), and features depend on."""
        used = {name: getattr(self, name) for name in ("resize", "crop", "mean", "std")}
        return hashlib.sha256(json.dumps(used).encode()).hexdigest()

"""The built-in data set: drawn figures in a three-level taxonomy, made from a seed.

Three families of outline (round, polygon, star), each in three forms, each with one of three inner
marks: 27 finest classes, 9 forms, 3 families. Position, size, rotation, colours, background, light
and noise vary and say nothing of the class, so that pixels alone retrieve little and a small
network a lot.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records.images import Color
from gluon_hash.records.pack import encode_png

__all__ = ["draw", "synthetic"]

FORMS = {
    "round": ("disc", "ellipse", "crescent"),
    "polygon": ("triangle", "square", "hexagon"),
    "star": ("star4", "star5", "star8"),
}
MARKS = ("dot", "bar", "ring")
MOST_IMAGES, LARGEST_SIDE = 1_000_000, 1024
OVERSAMPLING = 4
NOISE_STD = 12.0  # of 255
POINTS = 48  # on a curve


def synthetic(
    *, train_per_class: int = 200, query_per_class: int = 20, side: int = 32, seed: int = 24
) -> Dataset:
    """The drawn data set: 27 classes in 9 forms in 3 families.

    Parameters
    ----------
    train_per_class, query_per_class : int
        Images of each of the 27 finest classes.
    side : int
        Of the images, in pixels; at least 16.
    seed : int
        The same seed gives the same bytes.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If a number is not positive or ``side`` is below 16.

    Examples
    --------
    >>> data = synthetic(train_per_class=2, query_per_class=1, seed=1)
    >>> len(data.train), len(data.query), data.hierarchy.level_names
    (54, 27, ('figure', 'form', 'family'))
    >>> data.hierarchy.to_table()[0]
    ('disc with dot', 'disc', 'round')
    """
    counts = (train_per_class, query_per_class)
    if not (1 <= min(counts) <= max(counts) <= MOST_IMAGES and 16 <= side <= LARGEST_SIDE):
        raise ValueError(
            f"synthetic: expected 1 to {MOST_IMAGES} images per class and a side of 16 to "
            f"{LARGEST_SIDE} pixels, got {train_per_class}, {query_per_class} and {side}"
        )
    rows = [
        (f"{form} with {mark}", form, family)
        for family, forms in FORMS.items()
        for form in forms
        for mark in MARKS
    ]
    hierarchy = Hierarchy.from_table(rows, ("figure", "form", "family"))
    return Dataset(
        "synthetic",
        hierarchy,
        _split("train", train_per_class, len(rows), side, (seed, 0)),
        _split("query", query_per_class, len(rows), side, (seed, 1)),
        source={"side": side},
        in_order=True,
    )


def draw(fine: int, side: int, rng: np.random.RandomState) -> np.ndarray:
    """One image of finest class ``fine``: uint8 RGB, shape (side, side, 3)."""
    form = [name for forms in FORMS.values() for name in forms][fine // len(MARKS)]
    size = side * OVERSAMPLING
    image = _background(size, rng)
    pen = ImageDraw.Draw(image)
    figure, mark = _two_colours(rng)
    radius = size * rng.uniform(0.27, 0.4)
    center = size / 2 + rng.uniform(-0.1, 0.1, 2) * size
    angle = rng.uniform(0, 2 * math.pi)
    to_pixels = _Placement(center, radius, angle)
    pen.polygon(to_pixels(_outline(form)), fill=figure)
    for polygon, colour in _mark(MARKS[fine % len(MARKS)], figure, mark):
        pen.polygon(to_pixels(polygon), fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.4) * OVERSAMPLING))
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BOX), dtype=np.float64)
    light = (
        rng.uniform(0.7, 1.15) + rng.uniform(-0.2, 0.2) * np.linspace(-1, 1, side)[:, None, None]
    )
    return np.clip(pixels * light + rng.normal(0, NOISE_STD, pixels.shape), 0, 255).astype(np.uint8)


class _Placement:
    """Points of the unit circle's plane -> pixels."""

    def __init__(self, center: np.ndarray, radius: float, angle: float) -> None:
        self._center = center
        cos, sin = math.cos(angle), math.sin(angle)
        self._matrix = radius * np.array([[cos, -sin], [sin, cos]])

    def __call__(self, points: np.ndarray) -> list[tuple[float, float]]:
        placed = (points @ self._matrix.T + self._center).tolist()
        return [(x, y) for x, y in placed]


def _outline(form: str) -> np.ndarray:
    """Corners, (n, 2), of a form of radius 1."""
    if form == "disc":
        return _circle(1.0)
    if form == "ellipse":
        return _circle(1.0) * (1.0, 0.55)
    if form == "crescent":
        arc = np.linspace(0.75, 2 * math.pi - 0.75, POINTS)
        outer = np.stack([np.cos(arc), np.sin(arc)], axis=1)
        return np.concatenate([outer, outer[::-1] * (0.45, 0.75) + (0.4, 0.0)])
    if form.startswith("star"):
        points = int(form[len("star") :])
        radii = np.tile([1.0, 0.45 if points < 8 else 0.65], points)
        return _at_angles(2 * points) * radii[:, None]
    return _at_angles({"triangle": 3, "square": 4, "hexagon": 6}[form])


def _mark(mark: str, figure: Color, colour: Color) -> list[tuple[np.ndarray, Color]]:
    """Polygons of an inner mark, each with its colour; the last is on top."""
    shift = np.array([-0.15, 0.0])
    if mark == "bar":
        return [
            (np.array([[-0.42, -0.11], [0.42, -0.11], [0.42, 0.11], [-0.42, 0.11]]) + shift, colour)
        ]
    if mark == "ring":
        return [(_circle(0.42) + shift, colour), (_circle(0.22) + shift, figure)]
    return [(_circle(0.2) + shift, colour)]


def _circle(radius: float) -> np.ndarray:
    return radius * _at_angles(POINTS)


def _at_angles(count: int) -> np.ndarray:
    angles = 2 * math.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _two_colours(rng: np.random.RandomState) -> tuple[Color, Color]:
    """Two colours that can be told apart: of a figure and of its mark."""
    while True:
        figure, mark = rng.randint(40, 256, 3), rng.randint(0, 256, 3)
        if abs(figure.mean() - mark.mean()) > 60:
            return tuple(figure.tolist()), tuple(mark.tolist())


def _background(size: int, rng: np.random.RandomState) -> Image.Image:
    """Coarse coloured noise, darker than most figures."""
    cells = rng.randint(2, 6)
    base = rng.randint(0, 110, 3)
    noise = np.clip(base + rng.randint(-45, 46, (cells, cells, 3)), 0, 255).astype(np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def _split(name: str, per_class: int, num_classes: int, side: int, seed: tuple[int, int]) -> Split:
    labels = np.tile(np.arange(num_classes), per_class)
    images = [
        draw(int(label), side, np.random.RandomState((*seed, position)))
        for position, label in enumerate(labels)
    ]
    return Split(
        labels,
        [f"{name}/{position:05d}.png" for position in range(len(labels))],
        lambda position: encode_png(images[position]),
        lambda position: hashlib.sha256(images[position].tobytes()).digest(),
    )

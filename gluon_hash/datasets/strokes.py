"""How drawn figures are drawn: outlines, marks, background, light and noise."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from gluon_hash.records.images import Color

__all__ = [
    "OVERSAMPLING",
    "Color",
    "Placement",
    "background",
    "bar",
    "circle",
    "finished",
    "inner_mark",
    "outline",
    "two_colours",
]

OVERSAMPLING = 4
NOISE_STD = 12.0  # of 255
POINTS = 48  # on a curve


class Placement:
    """Points of the unit circle's plane -> pixels."""

    def __init__(self, center: np.ndarray, radius: float, angle: float) -> None:
        self._center = center
        cos, sin = math.cos(angle), math.sin(angle)
        self._matrix = radius * np.array([[cos, -sin], [sin, cos]])

    def __call__(self, points: np.ndarray) -> list[tuple[float, float]]:
        """Points (n, 2), as Pillow takes them."""
        placed = (points @ self._matrix.T + self._center).tolist()
        return [(x, y) for x, y in placed]


def outline(form: str) -> np.ndarray:
    """Corners, (n, 2), of a form of radius 1."""
    if form == "disc":
        return circle(1.0)
    if form == "ellipse":
        return circle(1.0) * (1.0, 0.55)
    if form == "crescent":
        arc = np.linspace(0.75, 2 * math.pi - 0.75, POINTS)
        outer = np.stack([np.cos(arc), np.sin(arc)], axis=1)
        return np.concatenate([outer, outer[::-1] * (0.45, 0.75) + (0.4, 0.0)])
    if form.startswith("star"):
        points = int(form[len("star") :])
        radii = np.tile([1.0, 0.45 if points < 8 else 0.65], points)
        return _at_angles(2 * points) * radii[:, None]
    return _at_angles({"triangle": 3, "square": 4, "hexagon": 6}[form])


def inner_mark(mark: str, figure: Color, colour: Color) -> list[tuple[np.ndarray, Color]]:
    """Polygons of an inner mark, each with its colour; the last is on top."""
    shift = np.array([-0.15, 0.0])
    if mark == "bar":
        return [(bar(0.42, 0.11) + shift, colour)]
    if mark == "ring":
        return [(circle(0.42) + shift, colour), (circle(0.22) + shift, figure)]
    return [(circle(0.2) + shift, colour)]


def bar(half_length: float, half_width: float) -> np.ndarray:
    """Corners of a bar about the origin, (4, 2)."""
    x, y = half_length, half_width
    return np.array([[-x, -y], [x, -y], [x, y], [-x, y]])


def circle(radius: float) -> np.ndarray:
    """Corners of a circle about the origin, (n, 2)."""
    return radius * _at_angles(POINTS)


def _at_angles(count: int) -> np.ndarray:
    angles = 2 * math.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def two_colours(rng: np.random.RandomState) -> tuple[Color, Color]:
    """Two colours that can be told apart: of a figure and of its mark."""
    while True:
        figure, mark = rng.randint(40, 256, 3), rng.randint(0, 256, 3)
        if abs(figure.mean() - mark.mean()) > 60:
            return tuple(figure.tolist()), tuple(mark.tolist())


def background(size: int, rng: np.random.RandomState) -> Image.Image:
    """Coarse coloured noise, darker than most figures."""
    cells = rng.randint(2, 6)
    base = rng.randint(0, 110, 3)
    noise = np.clip(base + rng.randint(-45, 46, (cells, cells, 3)), 0, 255).astype(np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def finished(image: Image.Image, side: int, rng: np.random.RandomState) -> np.ndarray:
    """A drawing as a photo of it: blurred, at its size, lit from a side, with noise."""
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.4) * OVERSAMPLING))
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BOX), dtype=np.float64)
    light = (
        rng.uniform(0.7, 1.15) + rng.uniform(-0.2, 0.2) * np.linspace(-1, 1, side)[:, None, None]
    )
    return np.clip(pixels * light + rng.normal(0, NOISE_STD, pixels.shape), 0, 255).astype(np.uint8)

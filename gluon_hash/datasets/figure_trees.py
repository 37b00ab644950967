"""Figures of a tree of any size: each level of it adds a trait to the drawing.

From the coarsest level on: outline, mark inside, satellites around, stripes across, whiskers. Two
classes look alike as far as they are related.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from gluon_hash.datasets.strokes import (
    OVERSAMPLING,
    Color,
    Placement,
    background,
    bar,
    circle,
    finished,
    inner_mark,
    outline,
    two_colours,
)
from gluon_hash.hierarchy import Hierarchy

__all__ = ["FigureTree"]

OUTLINES = (
    *("disc", "triangle", "star5", "ellipse", "square"),
    *("star8", "crescent", "hexagon", "star4"),
)
INSIDE = ("plain", "dot", "bar", "ring", "cross", "corner")
COUNTED = ("satellites", "stripes", "whiskers")
LEVELS = ("outline", "mark", *COUNTED)
MOST = (len(OUTLINES), len(INSIDE), 6, 6, 6)  # children of a class


@dataclass(frozen=True)
class FigureTree:
    """Classes in a tree that branches alike everywhere, and how each is drawn.

    Parameters
    ----------
    branching : tuple of int
        Children of a class, from the root down: as many levels as numbers; their product is the
        number of finest classes.

    Raises
    ------
    ValueError
        If there are no levels or more than 5, or more children than there are traits.

    Examples
    --------
    >>> tree = FigureTree((2, 3)).hierarchy()
    >>> tree.num_classes, tree.to_table()[1]
    ((6, 2), ('disc, dot', 'disc'))
    """

    branching: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = self.branching
        wrong = [n for n, most in zip(numbers, MOST) if not 1 <= n <= most]
        if not 1 <= len(numbers) <= len(LEVELS) or wrong or math.prod(numbers) < 2:
            raise ValueError(
                f"branching: expected 1 to {len(LEVELS)} numbers of children, coarsest level "
                f"first, at most {', '.join(map(str, MOST))}, and two classes; got "
                f"{','.join(map(str, numbers))}"
            )

    @property
    def num_classes(self) -> int:
        """Finest classes."""
        return math.prod(self.branching)

    def traits(self, fine: int) -> tuple[int, ...]:
        """Which child a finest class comes down by, at each level from the coarsest."""
        return tuple(int(n) for n in np.unravel_index(fine, self.branching))

    def hierarchy(self) -> Hierarchy:
        """The tree; a class is called by its traits."""
        rows = []
        for fine in range(self.num_classes):
            words = [_word(level, trait) for level, trait in enumerate(self.traits(fine))]
            rows.append(list(reversed([", ".join(p) for p in itertools.accumulate(_each(words))])))
        names = list(reversed(LEVELS[: len(self.branching)]))
        return Hierarchy.from_table(rows, names)

    def draw(self, fine: int, side: int, rng: np.random.RandomState) -> np.ndarray:
        """One image of finest class ``fine``: uint8 RGB, shape (side, side, 3)."""
        traits = (*self.traits(fine), 0, 0, 0, 0)
        form, mark, satellites, stripes, whiskers = traits[: len(LEVELS)]
        size = side * OVERSAMPLING
        image = background(size, rng)
        figure, colour = two_colours(rng)
        radius = size * rng.uniform(0.22, 0.28)
        center = size / 2 + rng.uniform(-0.06, 0.06, 2) * size
        to_pixels = Placement(center, radius, rng.uniform(0, 2 * math.pi))
        pen = ImageDraw.Draw(image)
        for number in range(whiskers):
            pen.polygon(to_pixels(_around(bar(0.5, 0.07), 1.25, number, whiskers)), fill=colour)
        edge = to_pixels(outline(OUTLINES[form]))
        pen.polygon(edge, fill=figure)
        _paint_inside(image, edge, [to_pixels(each) for each in _stripes(stripes)], colour)
        for polygon, paint in _inside(mark, figure, colour):
            pen.polygon(to_pixels(polygon), fill=paint)
        for number in range(satellites):
            place = _around(circle(0.17), 1.45, number + 0.5, max(satellites, 1))
            pen.polygon(to_pixels(place), fill=figure)
        return finished(image, side, rng)


def _each(words: Sequence[str]) -> list[list[str]]:
    return [[word] for word in words]


def _word(level: int, trait: int) -> str:
    if level == 0:
        return OUTLINES[trait]
    if level == 1:
        return INSIDE[trait]
    return f"{trait} {LEVELS[level]}"


def _around(polygon: np.ndarray, distance: float, number: float, count: int) -> np.ndarray:
    """A polygon moved out to a place on a circle about the figure."""
    angle = 2 * math.pi * number / count
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (polygon + (distance, 0.0)) @ turn


def _stripes(count: int) -> list[np.ndarray]:
    """Bars across the whole figure, evenly."""
    places = (np.arange(count) + 0.5) / max(count, 1) * 1.6 - 0.8
    return [bar(1.1, 0.06) + (0.0, place) for place in places]


def _inside(mark: int, figure: Color, colour: Color) -> list[tuple[np.ndarray, Color]]:
    name = INSIDE[mark]
    if name == "plain":
        return []
    if name == "cross":
        return [(bar(0.42, 0.11), colour), (bar(0.42, 0.11)[:, ::-1], colour)]
    if name == "corner":
        return [(np.array([[-0.4, -0.4], [0.4, -0.4], [-0.4, 0.4]]), colour)]
    return inner_mark(name, figure, colour)


def _paint_inside(
    image: Image.Image,
    edge: list[tuple[float, float]],
    polygons: list[list[tuple[float, float]]],
    colour: Color,
) -> None:
    """Draw polygons where they are inside an edge."""
    if not polygons:
        return
    mask, own = Image.new("1", image.size), Image.new("1", image.size)
    ImageDraw.Draw(mask).polygon(edge, fill=1)
    pen = ImageDraw.Draw(own)
    for polygon in polygons:
        pen.polygon(polygon, fill=1)
    both = Image.fromarray(np.asarray(mask) & np.asarray(own))
    image.paste(colour, mask=both)

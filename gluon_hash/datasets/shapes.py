"""The built-in data set: drawn figures in a three-level taxonomy, made from a seed.

Three families of outline (round, polygon, star), each in three forms, each with one of three inner
marks: 27 finest classes, 9 forms, 3 families. Position, size, rotation, colours, background, light
and noise vary and say nothing of the class, so that pixels alone retrieve little and a small
network a lot. A tree of any size, a long tail and wrong labels can be asked for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import ImageDraw

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.figure_trees import FigureTree
from gluon_hash.datasets.strokes import (
    OVERSAMPLING,
    Placement,
    background,
    finished,
    inner_mark,
    outline,
    two_colours,
)
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import track
from gluon_hash.records.pack import encode_png

__all__ = ["draw", "synthetic"]

FORMS = {
    "round": ("disc", "ellipse", "crescent"),
    "polygon": ("triangle", "square", "hexagon"),
    "star": ("star4", "star5", "star8"),
}
MARKS = ("dot", "bar", "ring")
MOST_IMAGES, LARGEST_SIDE = 1_000_000, 1024
TAIL, NOISE = 2, 3  # keep the numbers of these draws apart from those of the images


def synthetic(
    *,
    train_per_class: int = 200,
    query_per_class: int = 20,
    side: int = 32,
    branching: Sequence[int] | None = None,
    rarest: int | None = None,
    wrong_labels: float = 0.0,
    seed: int = 24,
) -> Dataset:
    """The drawn data set: 27 classes in 9 forms in 3 families, or a tree of any size.

    Parameters
    ----------
    train_per_class, query_per_class : int
        Images of each of the finest classes.
    side : int
        Of the images, in pixels; at least 16.
    branching : sequence of int, optional
        Children of a class, from the root down, such as (2, 2, 5, 5, 5): 500 classes in 5 levels
        (gluon_hash.datasets.figure_trees). Default: the 27 classes.
    rarest : int, optional
        Training images of the rarest class: their numbers fall exponentially from
        ``train_per_class`` to it, in an order drawn by seed. Default: all classes are alike.
    wrong_labels : float
        This share of the training images has the label of a sibling, a class of the same parent:
        what the finest level says is wrong, the coarser ones are right. The last right image of a
        class keeps its label. The queries are right.
    seed : int
        The same seed gives the same bytes.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If a number is not positive, ``side`` is below 16, or the tree cannot be drawn.

    Examples
    --------
    >>> data = synthetic(train_per_class=2, query_per_class=1, seed=1)
    >>> len(data.train), len(data.query), data.hierarchy.level_names
    (54, 27, ('figure', 'form', 'family'))
    >>> data.hierarchy.to_table()[0]
    ('disc with dot', 'disc', 'round')
    """
    _check_numbers(train_per_class, query_per_class, side, rarest, wrong_labels)
    tree = None if branching is None else FigureTree(tuple(branching))
    hierarchy, one = (_hierarchy(), draw) if tree is None else (tree.hierarchy(), tree.draw)
    num_classes = hierarchy.num_classes[0]
    shown = np.tile(np.arange(num_classes), train_per_class)
    if rarest is not None:
        shown = _long_tailed(num_classes, train_per_class, rarest, seed)
    said = _with_wrong_labels(shown, hierarchy, wrong_labels, seed)
    source: dict[str, object] = {"side": side}
    if branching is not None:
        source["branching"] = list(branching)
    if rarest is not None:
        source["rarest"] = rarest
    if wrong_labels:
        source["wrong_labels"] = int((said != shown).sum())
    asked = np.tile(np.arange(num_classes), query_per_class)
    return Dataset(
        "synthetic",
        hierarchy,
        _split("train", shown, said, one, side, (seed, 0)),
        _split("query", asked, asked, one, side, (seed, 1)),
        source=source,
        in_order=True,
    )


def _check_numbers(
    train_per_class: int, query_per_class: int, side: int, rarest: int | None, wrong_labels: float
) -> None:
    counts = (train_per_class, query_per_class)
    if not (1 <= min(counts) <= max(counts) <= MOST_IMAGES and 16 <= side <= LARGEST_SIDE):
        raise ValueError(
            f"synthetic: expected 1 to {MOST_IMAGES} images per class and a side of 16 to "
            f"{LARGEST_SIDE} pixels, got {train_per_class}, {query_per_class} and {side}"
        )
    if rarest is not None and not 1 <= rarest <= train_per_class:
        raise ValueError(f"rarest: expected 1 to {train_per_class} (train_per_class), got {rarest}")
    if not 0 <= wrong_labels < 1:
        raise ValueError(f"wrong_labels: expected a share from 0 to below 1, got {wrong_labels}")


def _hierarchy() -> Hierarchy:
    rows = [
        (f"{form} with {mark}", form, family)
        for family, forms in FORMS.items()
        for form in forms
        for mark in MARKS
    ]
    return Hierarchy.from_table(rows, ("figure", "form", "family"))


def _long_tailed(num_classes: int, most: int, rarest: int, seed: int) -> np.ndarray:
    """The class of each image; which class has how many is drawn, and so is their order."""
    rng = np.random.RandomState((seed, TAIL))
    steps = np.arange(num_classes) / max(num_classes - 1, 1)
    counts = np.round(most * (rarest / most) ** steps).astype(np.int64)
    return rng.permutation(np.repeat(rng.permutation(num_classes), counts))


def _with_wrong_labels(
    labels: np.ndarray, hierarchy: Hierarchy, share: float, seed: int
) -> np.ndarray:
    """The same labels, but for a share of them, which are a sibling's."""
    if not share or hierarchy.num_levels < 2:
        return labels
    rng = np.random.RandomState((seed, NOISE))
    parents = hierarchy.parents[0]
    siblings = [np.flatnonzero(parents == parent) for parent in parents]
    kept = np.unique(labels, return_index=True)[1]  # an image of each class
    able = np.setdiff1d(np.flatnonzero([len(siblings[c]) > 1 for c in labels]), kept)
    changed = rng.permutation(able)[: round(share * len(labels))]
    said = labels.copy()
    for position in np.sort(changed):
        others = siblings[labels[position]]
        said[position] = rng.choice(others[others != labels[position]])
    return said


def draw(fine: int, side: int, rng: np.random.RandomState) -> np.ndarray:
    """One image of finest class ``fine``: uint8 RGB, shape (side, side, 3)."""
    form = [name for forms in FORMS.values() for name in forms][fine // len(MARKS)]
    size = side * OVERSAMPLING
    image = background(size, rng)
    pen = ImageDraw.Draw(image)
    figure, mark = two_colours(rng)
    radius = size * rng.uniform(0.27, 0.4)
    center = size / 2 + rng.uniform(-0.1, 0.1, 2) * size
    angle = rng.uniform(0, 2 * math.pi)
    to_pixels = Placement(center, radius, angle)
    pen.polygon(to_pixels(outline(form)), fill=figure)
    for polygon, colour in inner_mark(MARKS[fine % len(MARKS)], figure, mark):
        pen.polygon(to_pixels(polygon), fill=colour)
    return finished(image, side, rng)


def _split(
    name: str,
    shown: np.ndarray,
    said: np.ndarray,
    one: Callable[[int, int, np.random.RandomState], np.ndarray],
    side: int,
    seed: tuple[int, int],
) -> Split:
    """Images of the classes that are shown, with the labels that are said."""
    images = [
        one(fine, side, np.random.RandomState((*seed, position)))
        for position, fine in enumerate(track(shown.tolist(), f"draw {name} images", len(shown)))
    ]
    return Split(
        said,
        [f"{name}/{position:05d}.png" for position in range(len(said))],
        lambda position: encode_png(images[position]),
        lambda position: hashlib.sha256(images[position].tobytes()).digest(),
    )

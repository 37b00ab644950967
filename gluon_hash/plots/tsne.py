"""Codes in two dimensions, by a level of the hierarchy; equal codes are one point with a number."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gluon_hash.plots.embedding import Embedding, embed
from gluon_hash.plots.palette import class_colours
from gluon_hash.plots.style import INK, PAPER, styled

__all__ = ["point_radius", "tsne"]

WIDTH, ASPECT = 7.0, 0.78  # inches; height over width
LARGEST_LEGEND = 10  # classes; of more, the names are at the centers of their clusters
MOST_LABELS, FEW_LABELS = 120, 40  # of a figure over the page, and in a column
CHARACTERS = 16  # of a line of a label
STEPS = 200  # in which labels move apart


@styled
def tsne(
    codes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    seed: int,
    *,
    title: str = "t-SNE of codes",
    groups: np.ndarray | None = None,
    group_names: Sequence[str] | None = None,
    embedding: Embedding | None = None,
    width: float | None = None,
) -> Figure:
    """Codes in two dimensions, a colour for each class: its superclass's hue, a shade of its own.

    Equal codes are one point, whose area grows with their number, which it shows; its colour is
    that of most of them.

    Parameters
    ----------
    codes : int8 in {-1, +1}, or relaxed codes, shape (N, num_bits)
        On {-1, +1} the Euclidean order that t-SNE uses is the Hamming order.
    labels : int, shape (N,)
        Class of each code, at the level to colour by.
    class_names : sequence of C str
        In a legend; beyond 10 classes at the centers of the clusters.
    seed : int
    title : str
    groups : int, shape (C,), optional
        The superclass of each class; default: each is its own.
    group_names : sequence of str, optional
        Of the superclasses, whose names are shown where the classes are too many: more than 120,
        in a narrow figure more than 40.
    embedding : Embedding, optional
        Default: that of gluon_hash.plots.embed.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        With fewer than 5 different codes.
    """
    embedding = embed(codes, seed) if embedding is None else embedding
    own = np.arange(len(class_names))
    groups = own if groups is None else np.asarray(groups)
    present = np.unique(labels)
    colours = np.array([""] * len(class_names), dtype=object)
    colours[present] = class_colours(groups[present])
    wide = WIDTH if width is None else width
    figure = Figure(figsize=(wide, ASPECT * wide + 0.1), layout="constrained")
    axes = figure.subplots()
    scale = min(1.0, max(0.5, wide / WIDTH))
    _draw_points(axes, embedding, colours[embedding.majority(labels)], scale)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title)
    axes.spines[:].set_visible(False)
    if len(present) <= LARGEST_LEGEND:
        _add_legend(axes, [(class_names[c], colours[c]) for c in present])
    elif group_names is None or len(present) <= (MOST_LABELS if wide > 5 else FEW_LABELS):
        _add_labels(axes, embedding, labels, class_names)
    else:
        _add_labels(axes, embedding, groups[labels], group_names)
    return figure


def point_radius(counts: np.ndarray) -> np.ndarray:
    """The radius of a point that so many codes share, in points: float (M,).

    Examples
    --------
    >>> point_radius(np.array([1, 4, 100])).tolist()
    [1.9, 4.4, 10.0]
    """
    return np.where(counts == 1, 1.9, np.minimum(3.0 + 0.7 * np.sqrt(counts), 14.0))


def _draw_points(axes: Axes, embedding: Embedding, colours: np.ndarray, scale: float) -> None:
    """Large points first, so that small ones lie on them; numbers on top."""
    radius = point_radius(embedding.counts) * scale
    order = np.argsort(-radius, kind="stable")
    axes.scatter(
        embedding.points[order, 0],
        embedding.points[order, 1],
        s=(2 * radius[order]) ** 2,
        c=list(colours[order]),
        linewidths=0.4,
        edgecolors=PAPER,
    )
    for point in np.flatnonzero(embedding.counts > 1):
        x, y = embedding.points[point]
        number = str(embedding.counts[point])
        size = scale * min(7.0, 1.9 * radius[point] / scale / len(number) ** 0.6)
        axes.text(
            x,
            y,
            number,
            ha="center",
            va="center_baseline",
            fontsize=size,
            color=PAPER,
            clip_on=True,
        )


def _add_legend(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    points = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name.replace("$", r"\$"))
        for name, colour in entries
    ]
    figure = axes.figure
    assert isinstance(figure, Figure)
    longest = max(len(name) for name, _ in entries) * 0.075 + 0.35
    columns = max(1, min(len(entries), int(figure.get_size_inches()[0] / longest)))
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide, high + 0.17 * -(-len(entries) // columns) + 0.1)
    figure.legend(handles=points, loc="outside lower center", ncols=columns, frameon=False)


def _add_labels(
    axes: Axes, embedding: Embedding, labels: np.ndarray, class_names: Sequence[str]
) -> None:
    """Each name at the median of its codes, moved until names no longer lie on each other."""
    present = np.unique(labels)
    names = {c: _wrapped(str(class_names[c])) for c in present}
    figure = axes.figure
    assert isinstance(figure, Figure)
    narrow = figure.get_size_inches()[0] < 5
    size = 5.2 if narrow else 6.8 if len(present) <= 40 else 5.8
    centers = np.array(
        [np.median(embedding.points[embedding.point_of[labels == c]], axis=0) for c in present]
    )
    span = np.ptp(embedding.points, axis=0)
    inches = figure.get_size_inches() * np.array([0.94, 0.88])
    letters = np.array([max(map(len, names[c].split("\n"))) for c in present])
    lines = np.array([names[c].count("\n") + 1 for c in present])
    half = np.stack([0.32 * size * letters, 0.62 * size * lines], axis=1) / 72
    places = _apart(centers / span * inches, half) / inches * span
    for c, (x, y) in zip(present, places):
        text = axes.text(
            x, y, names[c], ha="center", va="center", fontsize=size, color=INK, linespacing=0.95
        )
        text.set_path_effects([effects.withStroke(linewidth=1.4, foreground=PAPER)])


def _wrapped(name: str) -> str:
    """A name in lines, cut after "_" or a space."""
    words = textwrap.wrap(name.replace("_", "_ "), CHARACTERS) or [name]
    return "\n".join(word.replace("_ ", "_") for word in words).replace("$", r"\$")


def _apart(places: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Centers of rectangles, moved by half of each overlap where it is least, again and again.

    Parameters
    ----------
    places, half : float, shape (N, 2)
        Centers, and half of widths and heights.
    """
    places = places.astype(np.float64).copy()
    for _ in range(STEPS):
        difference = places[:, None] - places[None]
        overlap = half[:, None] + half[None] - np.abs(difference)  # (N, N, 2)
        meets = (overlap > 0).all(axis=2)
        np.fill_diagonal(meets, False)
        if not meets.any():
            break
        across = overlap.argmin(axis=2)  # the axis along which they are soonest apart
        first = np.where(np.triu(np.ones_like(meets), 1), 1.0, -1.0)
        for axis in (0, 1):
            sign = np.where(difference[..., axis] == 0, first, np.sign(difference[..., axis]))
            moved = np.where(meets & (across == axis), overlap[..., axis], 0.0) * sign
            places[:, axis] += 0.25 * moved.sum(axis=1)
    return places

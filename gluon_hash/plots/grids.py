"""Query images and what a Hamming search found for them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from gluon_hash.plots.names import count_bits
from gluon_hash.plots.palette import level_colours
from gluon_hash.plots.style import styled

__all__ = ["frame_styles", "level_meanings", "retrieval_grid"]

SOLID, DASHED = "-", (0, (2.5, 1.2))
CELL = 1.15  # inches of an image where the width is not given
CHARACTER = 0.62  # width of a letter over the size of the type


def frame_styles(num_levels: int) -> list[dict[str, Any]]:
    """The frame of a result by the finest level that it shares with its query; the last: none.

    Told by colour, by lightness and by shape: the same finest class has the thickest frame, what
    shares nothing a dashed one.

    Parameters
    ----------
    num_levels : int

    Returns
    -------
    list of num_levels + 1 dicts of matplotlib's edgecolor, linewidth, linestyle
    """
    colours = level_colours(num_levels)
    widths = [3.4] + [2.4] * (num_levels - 1) + [2.4]
    dashes = [SOLID] * num_levels + [DASHED]
    return [
        {"edgecolor": colour, "linewidth": width, "linestyle": dash}
        for colour, width, dash in zip(colours, widths, dashes)
    ]


def level_meanings(level_names: Sequence[str]) -> list[str]:
    """What a frame says: "same fine", "same coarse", "no relative"."""
    return [f"same {name}" for name in level_names] + ["no relative"]


@styled
def retrieval_grid(
    queries: Sequence[np.ndarray | None],
    results: Sequence[Sequence[np.ndarray | None]],
    distances: np.ndarray,
    matching_levels: np.ndarray | None,
    level_names: Sequence[str],
    query_names: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] | None = None,
    width: float | None = None,
) -> Figure:
    """One row for each query: the image, then its results, nearest first.

    Parameters
    ----------
    queries : sequence of Q uint8 images (height, width, 3)
        None where there is no image.
    results : Q sequences of at most k such images
    distances : int, shape (Q, k)
        In bits, shown above each result; any value where there is none.
    matching_levels : int, shape (Q, k), or None
        Levels at which a result agrees with its query: its frame (frame_styles). None where the
        queries have no labels: no frames.
    level_names : sequence of str
        Finest first, for the legend; empty without labels.
    query_names : sequence of Q str
        Class of each query, shown under it.
    captions : Q sequences of str, optional
        Shown under each result, such as its class.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure
    """
    rows, columns = distances.shape[0], distances.shape[1] + 1
    cell = CELL if width is None else width / columns
    size = 6.5 if cell > 0.7 else 5.0
    fit = max(5, int((cell - 0.04) * 72 / (CHARACTER * size)))
    frames = frame_styles(max(len(level_names), 1))
    named = [_wrapped(name, fit) for name in query_names]
    under = [[_wrapped(text, fit) for text in row] for row in captions or [[]] * rows]
    lines = sum(
        max(text.count("\n") + 1 for text in (named[row], *under[row], "")) for row in range(rows)
    )
    figure = Figure(
        figsize=(cell * columns, (cell + 0.17) * rows + 0.018 * size * lines + 0.45),
        layout=ConstrainedLayoutEngine(w_pad=0.035, h_pad=0.02, wspace=0.02),
    )
    for row, axes in enumerate(figure.subplots(rows, columns, squeeze=False)):
        _picture(axes[0], queries[row], "query", named[row], size)
        for rank, image in enumerate(results[row]):
            caption = under[row][rank] if rank < len(under[row]) else ""
            _picture(axes[rank + 1], image, count_bits(int(distances[row, rank])), caption, size)
            if matching_levels is not None:
                shared = int(matching_levels[row, rank])
                _frame(axes[rank + 1], frames[len(level_names) - shared], min(1.0, cell))
        for ax in axes:
            ax.set(xticks=[], yticks=[])
        for ax in axes[1 + len(results[row]) :]:
            ax.set_axis_off()
    if matching_levels is not None:
        _name_levels(figure, level_names)
    return figure


def _name_levels(figure: Figure, level_names: Sequence[str]) -> None:
    meanings = level_meanings(level_names)
    longest = max(map(len, meanings)) * CHARACTER * 7 / 72 + 0.5
    columns = max(1, min(len(meanings), int(figure.get_size_inches()[0] / longest)))
    figure.legend(
        [Patch(facecolor="none", **style) for style in frame_styles(len(level_names))],
        meanings,
        loc="outside lower center",
        ncols=columns,
        fontsize=7,
        frameon=False,
    )


def _wrapped(text: str, fit: int) -> str:
    """In lines of at most ``fit`` characters, as few as there must be; "$" is no formula."""
    lines = [
        part for line in text.split("\n") for part in textwrap.wrap(line.replace("_", "_ "), fit)
    ]
    return "\n".join(line.replace("_ ", "_") for line in lines).replace("$", r"\$")


def _picture(axes: Axes, image: np.ndarray | None, above: str, under: str, size: float) -> None:
    if image is None:
        axes.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=7)
    else:
        axes.imshow(image)
    axes.spines[:].set_visible(False)
    axes.set_title(above, fontsize=size + 0.5, pad=3)
    axes.set_xlabel(under, fontsize=size, labelpad=3, linespacing=1.0)


def _frame(axes: Axes, style: dict[str, Any], scale: float) -> None:
    axes.spines[:].set_visible(True)
    for spine in axes.spines.values():
        spine.set(**{**style, "linewidth": scale * style["linewidth"]})

"""Query images and what a Hamming search found for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

__all__ = ["retrieval_grid"]

# right fine class, then ever more distant relatives, then no relative
RIGHT, WRONG = "#1a9641", "#d7191c"
RELATIVES = ("#a6d96a", "#fee08b", "#fdae61")


def retrieval_grid(
    queries: Sequence[np.ndarray | None],
    results: Sequence[Sequence[np.ndarray | None]],
    distances: np.ndarray,
    matching_levels: np.ndarray | None,
    level_names: Sequence[str],
    query_names: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] | None = None,
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
        Levels at which a result agrees with its query: colours its frame from green (all) to red
        (none). None where the queries have no labels: no frames.
    level_names : sequence of str
        Finest first, for the legend; empty without labels.
    query_names : sequence of Q str
        Class of each query.
    captions : Q sequences of str, optional
        Shown above each result, under its distance.

    Returns
    -------
    Figure
    """
    rows, columns = distances.shape[0], distances.shape[1] + 1
    figure = Figure(figsize=(1.15 * columns, 1.4 * rows + 0.5), layout="constrained")
    for row, axes in enumerate(figure.subplots(rows, columns, squeeze=False)):
        _picture(axes[0], queries[row], query_names[row], fontsize=8)
        for rank, image in enumerate(results[row]):
            caption = f"\n{captions[row][rank]}" if captions is not None else ""
            distance = distances[row, rank]
            title = f"{distance} bit{'' if distance == 1 else 's'}{caption}".strip()
            _picture(axes[rank + 1], image, title, fontsize=7)
            if matching_levels is not None:
                _frame(axes[rank + 1], _colour(int(matching_levels[row, rank]), len(level_names)))
        for ax in axes:
            ax.set(xticks=[], yticks=[])
        for ax in axes[1 + len(results[row]) :]:
            ax.set_axis_off()
    figure.suptitle("query, then nearest first", fontsize=9)
    if matching_levels is not None:
        meanings = [f"same {name}" for name in level_names] + ["no relative"]
        figure.legend(
            [
                Patch(color=_colour(len(level_names) - level, len(level_names)))
                for level in range(len(meanings))
            ],
            meanings,
            loc="outside lower center",
            ncols=len(meanings),
            fontsize=8,
        )
    return figure


def _picture(axes: Axes, image: np.ndarray | None, title: str, fontsize: int) -> None:
    if image is None:
        axes.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=fontsize)
    else:
        axes.imshow(image)
    axes.set_title(title, fontsize=fontsize)


def _colour(matching: int, num_levels: int) -> str:
    if matching == num_levels:
        return RIGHT
    return WRONG if matching == 0 else RELATIVES[min(num_levels - matching, len(RELATIVES)) - 1]


def _frame(axes: Axes, colour: str) -> None:
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=3)

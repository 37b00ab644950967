"""Of which classes the first results of each class's queries are; relatives beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.names import cut
from gluon_hash.plots.palette import SHARES
from gluon_hash.plots.style import RULE, styled

__all__ = ["class_confusion", "tree_order"]

MOST_NAMES = 60  # classes; of more, those of the level above are named


def tree_order(hierarchy: Hierarchy) -> np.ndarray:
    """Finest classes so that relatives are neighbours at every level: int64 (C,)."""
    return np.lexsort(hierarchy.ancestors.T)  # the coarsest level leads


@styled
def class_confusion(
    shares: np.ndarray, hierarchy: Hierarchy, first: int, *, width: float | None = None
) -> Figure:
    """Rows: the class of the query; columns: of its first results; blocks: the level above.

    Parameters
    ----------
    shares : float, shape (C, C)
        Of the first results of the queries of a class; NaN in the row of one without queries.
    hierarchy : Hierarchy
        With C finest classes.
    first : int
        How many results of each query were looked at.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure
    """
    order, count = tree_order(hierarchy), len(shares)
    wide = min(7.0, max(4.2, 1.8 + 0.16 * count)) if width is None else width
    figure = Figure(figsize=(wide, (0.66 if wide > 5 else 0.85) * wide), layout="constrained")
    axes = figure.subplots()
    shown = np.sqrt(shares[np.ix_(order, order)])  # small shares are seen too
    drawn = axes.imshow(
        shown, cmap=SHARES.with_extremes(bad=RULE), vmin=0, vmax=1, interpolation="nearest"
    )
    where: dict[str, Any] = {"shrink": 0.6, "pad": 0.02}
    if wide < 5:
        where.update(location="bottom", aspect=30)
    bar = figure.colorbar(drawn, ax=axes, **where)
    bar.set_ticks([0, 0.1**0.5, 0.25**0.5, 0.5**0.5, 1], labels=["0", "10", "25", "50", "100 %"])
    bar.outline.set_visible(False)  # type: ignore[operator]
    for level in range(1, hierarchy.num_levels):
        _blocks(axes, hierarchy.ancestors[order, level], 0.35 + 0.35 * level)
    level = next(
        (k for k in range(hierarchy.num_levels) if hierarchy.num_classes[k] <= MOST_NAMES),
        hierarchy.num_levels - 1,
    )
    _name(axes, hierarchy, order, level, wide)
    axes.set_ylabel(f"query, by {hierarchy.level_names[level]}")
    axes.set_xlabel(f"its first {first} results, in the same order")
    axes.spines[:].set_visible(False)
    return figure


def _blocks(axes: Axes, groups: np.ndarray, linewidth: float) -> None:
    """A square around each run of equal groups."""
    starts = np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))
    ends = np.append(starts[1:], len(groups))
    for start, end in zip(starts, ends):
        low, high = start - 0.5, end - 0.5
        axes.plot(
            [low, high, high, low, low],
            [low, low, high, high, low],
            color="#d55e00",
            linewidth=linewidth,
            solid_joinstyle="miter",
            clip_on=False,
        )


def _name(axes: Axes, hierarchy: Hierarchy, order: np.ndarray, level: int, width: float) -> None:
    """The names of a level's classes at the middle of their rows and columns."""
    groups = hierarchy.ancestors[order, level]
    present = groups[np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))]
    middles = [np.flatnonzero(groups == group).mean() for group in present]
    fit = max(10, int(0.3 * width * 72 / (0.6 * 6.5)))
    names = [cut(hierarchy.class_names[level][group], fit) for group in present]
    room = 0.6 * width / max(len(names), 1) * 72  # points for each name
    size = min(7.0, max(3.0, 0.92 * room))
    axes.set_xticks([])
    axes.set_yticks(middles, names, fontsize=size)
    axes.tick_params(length=0)

"""The label tree, drawn: finest classes on the right, coarser ones to their left."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.names import cut
from gluon_hash.plots.style import PAPER, RULE, styled

__all__ = ["hierarchy_tree"]

INCHES_PER_CLASS = 0.14


@styled
def hierarchy_tree(hierarchy: Hierarchy, *, width: float | None = None) -> Figure:
    """Every class of every level, a line to its parent; legible up to a few hundred classes.

    Parameters
    ----------
    hierarchy : Hierarchy
    width : float, optional
        Of the figure, in inches.
    """
    order = np.lexsort(
        hierarchy.ancestors.T
    )  # relatives next to each other: the coarsest level leads
    heights = [np.empty(count) for count in hierarchy.num_classes]
    heights[0][order] = np.arange(len(order))[::-1]
    for level, parents in enumerate(hierarchy.parents):
        for parent in range(hierarchy.num_classes[level + 1]):
            heights[level + 1][parent] = heights[level][parents == parent].mean()
    wide = 2.6 * hierarchy.num_levels if width is None else width
    figure = Figure(
        figsize=(wide, max(3.0, INCHES_PER_CLASS * len(order))),
        layout="constrained",
    )
    axes = figure.subplots()
    fit = max(8, int((wide / hierarchy.num_levels - 0.35) * 72 / (0.6 * 7)))
    for level, names in enumerate(hierarchy.class_names):
        x = hierarchy.num_levels - 1 - level
        for c, name in enumerate(names):
            axes.text(
                x + 0.02,
                heights[level][c],
                cut(name, fit),
                va="center",
                fontsize=7,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
            )  # over the line that goes on
        if level < hierarchy.num_levels - 1:
            for c, parent in enumerate(hierarchy.parents[level]):
                above = heights[level + 1][parent]
                axes.plot(
                    [x - 1, x - 0.35, x], [above, above, heights[level][c]], color=RULE, lw=0.6
                )
    axes.set(
        xlim=(-0.4, hierarchy.num_levels - 0.3),
        ylim=(-1, len(order)),
        yticks=[],
        xticks=range(hierarchy.num_levels),
        xticklabels=hierarchy.level_names[::-1],
    )
    axes.spines[:].set_visible(False)
    return figure

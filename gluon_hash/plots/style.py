"""How every figure looks: sizes for a column of a paper, fonts, and panels that fit the width."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLUMNS", "INK", "PAPER", "RULE", "columns_that_fit", "panels", "styled"]

COLUMNS = {"single": 3.35, "double": 7.0}  # inches: a column of most journals, and the page
# the three colours that a page replaces by its own, light or dark
INK, RULE, PAPER = "#1c1c1f", "#c8c8cd", "#fffffe"
PANEL = 3.35  # inches of a panel where the width is not given
NARROWEST = 2.2  # inches below which two panels are drawn one above the other
STYLE = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.grid": False,
    "legend.frameon": False,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.3,
}
Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")


def styled(draw: Callable[Given, Drawn]) -> Callable[Given, Drawn]:
    """A function that draws in this style, whatever the user's own matplotlibrc says."""

    @functools.wraps(draw)
    def in_style(*args: Given.args, **kwargs: Given.kwargs) -> Drawn:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


def columns_that_fit(count: int, width: float | None) -> int:
    """How many of ``count`` panels lie side by side in a figure of ``width`` inches.

    Examples
    --------
    >>> [columns_that_fit(3, width) for width in (None, 7.0, 3.35)]
    [3, 3, 1]
    """
    return count if width is None else max(1, min(count, int(width / NARROWEST)))


def panels(
    count: int, width: float | None, *, aspect: float = 0.8, panel: float = PANEL
) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels, as many side by side as are legible.

    Parameters
    ----------
    count : int
    width : float, optional
        Of the figure, in inches; default: ``panel`` inches for each.
    aspect : float
        Height of a panel over its width.
    panel : float

    Returns
    -------
    Figure, list of Axes
    """
    across = columns_that_fit(count, width)
    down = -(-count // across)
    wide = panel * across if width is None else width
    figure = Figure(figsize=(wide, wide / across * aspect * down), layout="constrained")
    axes = list(figure.subplots(down, across, squeeze=False).flat)
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]

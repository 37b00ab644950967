"""What the bits of codes are like: how often each is set, how far two say the same."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gluon_hash.plots.palette import COOL, SHARES, WARM
from gluon_hash.plots.style import INK, panels, styled

__all__ = ["bit_statistics"]

CONSTANT = 0.02  # a bit set in fewer codes, or in more than all but these, says next to nothing


@styled
def bit_statistics(
    share: np.ndarray,
    correlation: np.ndarray,
    *,
    parts: tuple[str, ...] = ("balance", "correlation"),
    width: float | None = None,
) -> Figure:
    """The share of codes in which each bit is set, and how far each two bits agree.

    Parameters
    ----------
    share : float, shape (L,)
        Of the codes in which a bit is 1; the best is a half.
    correlation : float, shape (L, L)
        Between two bits, in [-1, 1]; NaN of a constant bit.
    parts : tuple of str
        Panels: of "balance" and "correlation".
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure
    """
    figure, all_axes = panels(len(parts), width, aspect=0.85, panel=3.6)
    for axes, part in zip(all_axes, parts):
        if part == "balance":
            dead = (share < CONSTANT) | (share > 1 - CONSTANT)
            axes.bar(
                np.arange(len(share)), share, color=np.where(dead, WARM[0], COOL[0]), width=0.8
            )
            axes.axhline(0.5, color=INK, linewidth=0.8, linestyle="--")
            axes.set(ylim=(0, 1), ylabel="share of codes with the bit set", xlabel="bit")
            axes.set_title("balance (one half is best)")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            continue
        strength = np.abs(correlation)
        np.fill_diagonal(strength, np.nan)
        drawn = axes.imshow(strength, cmap=SHARES, vmin=0, vmax=1, interpolation="nearest")
        bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        axes.set(xlabel="bit", ylabel="bit")
        axes.set_title("correlation of two bits, without its sign")
        axes.spines[:].set_visible(False)
    return figure

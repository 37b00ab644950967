"""Colours that readers with every kind of colour vision can tell, and marks beside them.

Source: Okabe and Ito 2008, without its yellow (invisible on white), and three of Paul Tol's muted
scheme; OKLCH by Ottosson 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex

__all__ = ["COOL", "DISTANCES", "LINES", "SHARES", "WARM", "class_colours", "level_colours"]

COOL = ("#0072b2", "#009e73", "#56b4e9", "#332288", "#7a7a7a")  # flat methods
WARM = ("#d55e00", "#cc79a7", "#e69f00", "#882255", "#8a8a22")  # those that use the hierarchy
LINES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#332288",
    "#882255",
    "#8a8a22",
    "#7a7a7a",
)
# from the same finest class (dark) to the coarsest (light): lightness alone tells them in order
MATCHES = LinearSegmentedColormap.from_list(
    "matches", ["#08306b", "#1c68a8", "#2f9aa8", "#86c384", "#f5d13c"]
)
NO_MATCH = "#c2410c"
SHARES = LinearSegmentedColormap.from_list(
    "shares", ["#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b", "#041a3b"]
)
DISTANCES = LinearSegmentedColormap.from_list(
    "distances", ["#08306b", "#2171b5", "#6baed6", "#c6dbef", "#f7fbff"]
)


def level_colours(num_levels: int) -> list[str]:
    """A colour for each level at which two images first agree: the finest, ..., none at all.

    Parameters
    ----------
    num_levels : int
        K >= 1.

    Returns
    -------
    list of K + 1 str, such as "#08306b", all different
    """
    shades = [0.0] if num_levels == 1 else list(np.linspace(0, 1, num_levels))
    return [to_hex(MATCHES(shade)) for shade in shades] + [NO_MATCH]


def class_colours(groups: Sequence[int] | np.ndarray) -> list[str]:
    """A colour for each class: its group's hue, in a shade of its own.

    Parameters
    ----------
    groups : int, shape (C,)
        The superclass of each class. Where each class is a group of its own and there are at most
        ten, the colours are those of lines.

    Returns
    -------
    list of C str
    """
    groups = np.asarray(groups)
    present = np.unique(groups)
    if len(present) == len(groups) <= len(LINES):
        return [LINES[int(np.searchsorted(present, group))] for group in groups]
    colours = [""] * len(groups)
    for number, group in enumerate(present):
        members = np.flatnonzero(groups == group)
        hue = 30.0 + 360.0 * number / len(present)
        for rank, member in enumerate(members):
            share = 0.5 if len(members) == 1 else rank / (len(members) - 1)
            colours[member] = to_hex(_from_oklch(0.50 + 0.28 * share, 0.15 - 0.04 * share, hue))
    return colours


def _from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """OKLCH (hue in degrees) -> sRGB in [0, 1], clipped."""
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    to_cone = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_linear @ (to_cone @ np.array([lightness, a, b])) ** 3, 0.0, 1.0)
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    red, green, blue = np.where(linear <= 0.0031308, 12.92 * linear, bright).tolist()
    return red, green, blue

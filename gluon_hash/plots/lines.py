"""Many lines in one figure: what tells them apart, names that fit, a legend that covers nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from gluon_hash.plots.palette import LINES

__all__ = ["LABEL_SIZE", "add_legend", "label_height", "label_width", "line_style", "wrap_name"]

LABEL_SIZE = 8  # points, of names in legends and at axes
WRAPPED = re.compile(r".{1,38}\Z|.{1,37}[ _,=]|.{1,38}", re.DOTALL)
CHARACTER, LINE = 0.65 * LABEL_SIZE / 72, 1.45 * LABEL_SIZE / 72  # inches, at most
MARKERS, DASHES = "osv^D<>PX", ("-", "--", ":", "-.")


def line_style(number: int, colours: Sequence[str] = LINES) -> dict[str, Any]:
    """Colour, marker and dash of a line by its number: no two alike among 360.

    No two of one colour and dash among 40.

    Parameters
    ----------
    number : int
    colours : sequence of str
        Those of the palette, or of a family of lines.
    """
    return {
        "color": colours[number % len(colours)],
        "marker": MARKERS[number % 9],
        "linestyle": DASHES[number // len(colours) % 4],
    }


def wrap_name(name: str) -> str:
    """``name`` in lines of at most 38 characters that matplotlib shows as they are.

    Cut after a space, "_", "," or "=".
    """
    wrapped = "\n".join(line.rstrip(" ") for line in WRAPPED.findall(name))
    wrapped = wrapped.replace("$", r"\$")  # two $ would be a formula
    # a legend leaves out what starts with _
    return f" {wrapped}" if wrapped.startswith("_") else wrapped


def label_width(names: list[str]) -> float:
    """Inches that wrapped names need side by side with what they name."""
    return max(len(line) for name in names for line in name.split("\n")) * CHARACTER


def label_height(names: list[str]) -> float:
    """Inches that wrapped names need one above the other."""
    return sum(name.count("\n") + 1 for name in names) * LINE


def add_legend(figure: Figure, width: float | None = None) -> None:
    """A legend beside all panels, or below those of a figure of a given width; an entry a name.

    The figure grows by what it needs, the panels keep their size.

    Parameters
    ----------
    figure : Figure
    width : float, optional
        Inches that the figure must keep.
    """
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels()):
            handles.setdefault(name, handle)
    names, lines = list(handles), list(handles.values())
    wide, high = figure.get_size_inches()
    if width is None:
        figure.set_size_inches(
            wide + label_width(names) + 0.7, max(high, label_height(names) + 0.6)
        )
        figure.legend(lines, names, loc="outside right center", fontsize=LABEL_SIZE)
        return
    columns = max(1, min(len(names), int(width / (label_width(names) + 0.6))))
    figure.set_size_inches(wide, high + label_height(names) / columns + 0.25)
    loc = f"outside {'upper' if figure.get_supxlabel() else 'lower'} center"
    figure.legend(lines, names, loc=loc, ncols=columns, fontsize=LABEL_SIZE)

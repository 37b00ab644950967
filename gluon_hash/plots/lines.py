"""Many lines in one figure: what tells them apart, names that fit, a legend that covers nothing."""

from __future__ import annotations

import re
from typing import Any

from matplotlib.figure import Figure

__all__ = ["LABEL_SIZE", "add_legend", "label_height", "label_width", "line_style", "wrap_name"]

LABEL_SIZE = 8  # points, of names in legends and at axes
WRAPPED = re.compile(r".{1,38}\Z|.{1,37}[ _,=]|.{1,38}", re.DOTALL)
CHARACTER, LINE = 0.65 * LABEL_SIZE / 72, 1.45 * LABEL_SIZE / 72  # inches, at most
COLOURS = [f"C{number}" for number in range(10)] + [
    "#aec7e8",
    "#ffbb78",
    "#98df8a",
    "#ff9896",
    "#c5b0d5",
    "#c49c94",
    "#f7b6d2",
    "#c7c7c7",
    "#dbdb8d",
    "#9edae5",
]
MARKERS, DASHES = "osv^D<>PX", ("-", "--", ":", "-.")


def line_style(number: int) -> dict[str, Any]:
    """Colour, marker and dash of a line by its number: no two alike among 360.

    No two of one colour and dash among 40. The colours are matplotlib's tab10, then its light
    twins in tab20.
    """
    return {
        "color": COLOURS[number % 20],
        "marker": MARKERS[number % 9],
        "linestyle": DASHES[number // 10 % 4],
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


def add_legend(figure: Figure) -> None:
    """A legend right of all panels, one entry a name.

    The figure grows by what it needs, the panels keep their size.
    """
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels()):
            handles.setdefault(name, handle)
    names = list(handles)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + label_width(names) + 0.7, max(height, label_height(names) + 0.6))
    figure.legend(list(handles.values()), names, loc="outside right center", fontsize=LABEL_SIZE)

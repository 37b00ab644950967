"""A matplotlib Figure as SVG inside a page: the page's own colours and type, names not shared."""

from __future__ import annotations

import io
import re

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from gluon_hash.plots.style import INK, PAPER, RULE

__all__ = ["inline_svg"]

# colours of the figures -> variables of the page's style sheet, which are light or dark
VARIABLES = {INK: "var(--ink)", RULE: "var(--rule)", PAPER: "var(--paper)"}
SAVED = {"svg.fonttype": "none", "svg.hashsalt": "gluon_hash"}
PROLOGUE = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
SIZE = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)pt"[^>]*>', re.DOTALL)
FONT = re.compile(r"'DejaVu Sans'[^;\"]*")
PIXELS_A_POINT = 96 / 72


def inline_svg(figure: Figure, name: str, label: str) -> Markup:
    """The figure as an ``<svg>`` element.

    Parameters
    ----------
    figure : Figure
    name : str
        Different for each figure of a page: letters and digits.
    label : str
        What the figure shows, for those who do not see it.
    """
    stream = io.StringIO()
    with rc_context(SAVED):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = METADATA.sub("", PROLOGUE.sub("", stream.getvalue()))
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = text.replace("url(#", f"url(#{name}-")
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text)
    text = re.sub(r'xlink:href="data:', 'href="data:', text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    text = FONT.sub("var(--sans)", text)
    size = SIZE.match(text)
    assert size is not None  # matplotlib writes it
    width = round(float(size[1]) * PIXELS_A_POINT)
    opening = re.sub(r'\b(width|height)="[\d.]+pt"', "", size[0])
    opening = re.sub(r'\bxmlns(:\w+)?="[^"]*"|\bversion="[^"]*"', "", opening)
    said = Markup.escape(label)
    opening = opening[:-1] + f' role="img" aria-label="{said}" style="width:{width}px">'
    return Markup(opening + text[size.end() :])

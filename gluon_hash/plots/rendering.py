"""A figure as the bytes of a file."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

__all__ = ["rendered"]

DOTS_PER_INCH = 150


def rendered(figure: Figure, suffix: str) -> bytes:
    """What a file with this suffix holds, as one string of bytes.

    Matplotlib writes a PDF piece by piece, and on a full disk fails a second time as it tidies up.

    Parameters
    ----------
    figure : Figure
    suffix : str
        ".png", ".svg", ".pdf".
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.removeprefix("."), dpi=DOTS_PER_INCH)
    return buffer.getvalue()

"""A figure as the bytes of a file."""

from __future__ import annotations

import io

from matplotlib import rc_context
from matplotlib.figure import Figure

__all__ = ["rendered"]

DOTS_PER_INCH = 200
# journals want the letters in a PDF as type, not as pictures of letters
SAVED = {"pdf.fonttype": 42, "ps.fonttype": 42}


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
    with rc_context(SAVED):
        figure.savefig(buffer, format=suffix.removeprefix("."), dpi=DOTS_PER_INCH)
    return buffer.getvalue()

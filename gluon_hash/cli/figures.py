"""What the commands of `gluon-hash plot` share: their options, and writing a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["HIERARCHY", "LEVEL", "OUT", "SEED", "WIDTH", "save"]

KINDS = (".png", ".svg", ".pdf")


def _figure(out: Path) -> Path:
    """The name of a figure; ValueError, before the work, if it is of no kind we draw."""
    if out.suffix not in KINDS:
        raise ValueError(f"{out}: expected a name that ends in .png, .svg or .pdf")
    return out


def _inches(text: str | None) -> str | None:
    """A width that can be read, before the work."""
    inches(text)
    return text


def inches(text: str | None) -> float | None:
    """The width that an option says, in inches; ValueError if it is none.

    Examples
    --------
    >>> inches("single"), inches("4.5"), inches(None)
    (3.35, 4.5, None)
    """
    from gluon_hash.plots.style import COLUMNS

    if text is None or text in COLUMNS:
        return None if text is None else COLUMNS[text]
    try:
        width = float(text)
    except ValueError:
        width = float("nan")
    if not 1.5 <= width <= 40:
        raise ValueError(f"--width: expected single, double or inches from 1.5 to 40, got {text!r}")
    return width


OUT: Any = typer.Option(
    ...,
    metavar="FILE.png|.svg|.pdf",
    help="The file to write; must not exist.",
    callback=_figure,
)
HIERARCHY: Any = typer.Option(..., metavar="hierarchy.tsv", help="Names of the classes.")
SEED: Any = typer.Option(24, min=0, help="Draws what is shown.")
LEVEL: Any = typer.Option(0, min=0, help="Level whose classes are compared, 0 the finest.")
WIDTH: Any = typer.Option(
    None,
    metavar="single|double|INCHES",
    help="For a paper: a column (3.35 inches), the page (7 inches), or inches. [default: what "
    "the figure needs]",
    callback=_inches,
)


def save(figure: Figure, out: Path) -> None:
    """Write a figure and print its name."""
    from gluon_hash.files import atomic_path
    from gluon_hash.plots.rendering import rendered

    with atomic_path(out) as temporary:
        temporary.write_bytes(rendered(figure, out.suffix))
    print(out)

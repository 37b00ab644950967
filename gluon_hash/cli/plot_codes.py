"""Commands of `gluon-hash plot` about codes and comparisons: tree, confusion, bits, lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from gluon_hash.cli.figures import HIERARCHY, LEVEL, OUT, WIDTH, inches, save
from gluon_hash.cli.outputs import writes

__all__ = ["COMMANDS"]

CODES = typer.Argument(..., metavar="codes.npz", help="Codes, such as those of the database.")


@writes("out", doing="plot")
def fidelity(
    codes: Path = CODES,
    out: Path = OUT,
    hierarchy: Path = HIERARCHY,
    level: int = LEVEL,
    width: str | None = WIDTH,
) -> None:
    """Hamming distance of classes against their distance in the tree, with correlations."""
    from gluon_hash.report.figures import distance_figure
    from gluon_hash.report.reading import labelled_codes

    table, tree = labelled_codes(codes, hierarchy)
    save(distance_figure(table, tree, level=level, width=inches(width)), out)


@writes("out", doing="plot")
def tanglegram(
    codes: Path = CODES,
    out: Path = OUT,
    hierarchy: Path = HIERARCHY,
    level: int = LEVEL,
    width: str | None = WIDTH,
) -> None:
    """The tree that the codes of classes make, beside the hierarchy."""
    from gluon_hash.report.figures import tanglegram_figure
    from gluon_hash.report.reading import labelled_codes

    table, tree = labelled_codes(codes, hierarchy)
    save(tanglegram_figure(table, tree, level=level, width=inches(width)), out)


@writes("out", doing="plot")
def confusion(
    query: Path = typer.Option(..., metavar="q.npz", help="Codes of the queries."),
    database: Path = typer.Option(..., metavar="d.npz", help="Codes of the database."),
    out: Path = OUT,
    hierarchy: Path = HIERARCHY,
    first: int = typer.Option(100, min=1, help="Results of a query that are counted."),
    width: str | None = WIDTH,
) -> None:
    """Of which classes the first results are; relatives beside each other."""
    from gluon_hash.report.figures import confusion_figure
    from gluon_hash.report.reading import labelled_pair

    ours, theirs, tree = labelled_pair(query, database, hierarchy)
    save(confusion_figure(ours, theirs, tree, first=first, width=inches(width)), out)


@writes("out", doing="plot")
def bits(codes: Path = CODES, out: Path = OUT, width: str | None = WIDTH) -> None:
    """How often each bit is set, and how far each two agree."""
    from gluon_hash.report.figures import bits_figure
    from gluon_hash.retrieval import CodeTable

    save(bits_figure(CodeTable.load(codes), width=inches(width)), out)


@writes("out", doing="plot")
def comparison(
    folder: Path = typer.Argument(..., metavar="COMPARISON", help="A folder of `compare`."),
    out: Path = OUT,
    metrics: list[str] | None = typer.Option(
        None,
        "--metric",
        metavar="NAME",
        help="A panel each, as in comparison.json; repeated. [default: map, mahp, mean nDCG]",
    ),
    width: str | None = WIDTH,
) -> None:
    """Metrics of the lines of a comparison, those that use the hierarchy in another colour."""
    from gluon_hash.experiment.cards.run_files import comparison_figure

    save(comparison_figure(folder, metrics or None, width=inches(width)), out)


COMMANDS: dict[str, Callable[..., None]] = {
    "fidelity": fidelity,
    "tanglegram": tanglegram,
    "confusion": confusion,
    "bits": bits,
    "comparison": comparison,
}

"""`gluon-hash report`: a run or a comparison as one page."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli.outputs import writes


@writes("out", doing="report")
def command(
    source: Path = typer.Argument(
        ..., metavar="RUN|COMPARISON", help="A run folder, or one that `compare` wrote."
    ),
    out: Path = typer.Option(
        ..., metavar="FILE.html", help="The page to write; must not exist. It needs no network."
    ),
    query: Path | None = typer.Option(
        None,
        metavar="q.npz",
        help="Codes of the queries. [default: query.npz in the run, else the run encodes them]",
    ),
    database: Path | None = typer.Option(
        None, metavar="d.npz", help="Codes of the database. [default: database.npz in the run]"
    ),
    query_records: Path | None = typer.Option(
        None, metavar="query.rec", help="Images of the queries. [default: those of the run's data]"
    ),
    database_records: Path | None = typer.Option(
        None, metavar="train.rec", help="Images of the database. [default: those of the run's data]"
    ),
    detail: str | None = typer.Option(
        None,
        metavar="LINE",
        help="Of a comparison, the line that is looked at closely. [default: the best]",
    ),
    points: int = typer.Option(1000, min=5, help="Queries on the map of codes, at most."),
    confidence: float = typer.Option(95.0, help="Percent of the bootstrap intervals over queries."),
    seed: int = typer.Option(24, min=0, help="Draws those queries and places them."),
    device: str = typer.Option("cpu", help="Where codes are made: cpu, gpu:0 or gpu:0,1."),
) -> None:
    """Write one page: training, metrics, codes, hierarchy, bits, good and bad queries."""
    from gluon_hash.experiment.cards.run_report import write_report
    from gluon_hash.report.page import Options

    if not 0 < confidence < 100:
        raise ValueError(f"--confidence: expected a percentage in (0, 100), got {confidence:g}")
    write_report(
        source,
        out,
        codes=_both(query, database, "--query and --database"),
        records=_both(query_records, database_records, "--query-records and --database-records"),
        detail=detail,
        device=device,
        options=Options(confidence, points, seed),
    )
    print(out)


def _both(first: Path | None, second: Path | None, names: str) -> tuple[Path, Path] | None:
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise ValueError(f"{names}: give both or none")
    return first, second

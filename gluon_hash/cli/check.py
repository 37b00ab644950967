"""`gluon-hash check`: whether a record file is whole."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    records: Path = typer.Argument(..., metavar="FILE.rec", help="The record file."),
    hierarchy: Path | None = typer.Option(
        None, metavar="hierarchy.tsv", help="Check the labels against it."
    ),
    rebuild_index: bool = typer.Option(
        False, "--rebuild-index", help="Write FILE.idx again first."
    ),
) -> None:
    """Read every record of a .rec file and say what is wrong."""
    from gluon_hash import records as library
    from gluon_hash.hierarchy import Hierarchy

    if rebuild_index:
        print(f"{records.with_suffix('.idx')}: {library.rebuild_index(records)} records")
    report = library.verify(records)
    if hierarchy is not None:
        Hierarchy.load(hierarchy).check_level_labels(
            library.RecordFile(records).level_labels, records
        )
    print(
        f"{records}: {report.num_records} records, classes per level {report.num_classes}, "
        f"sizes {report.sizes[0]} to {report.sizes[1]} (height, width)"
    )
    for problem in report.broken:
        print(problem)
    if report.broken:
        raise ValueError(
            f"{len(report.broken)} of {report.num_records} records are broken; replace the images "
            "and prepare again"
        )

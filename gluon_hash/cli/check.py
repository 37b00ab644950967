"""`gluon-hash check`: what is wrong with record files, and a new file of what is good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gluon_hash.records.check import Problem, RecordCheck


def command(
    records: Path = typer.Argument(
        ..., metavar="FILE.rec|DIR", help="A record file, or a folder that `prepare` wrote."
    ),
    hierarchy: Path | None = typer.Option(
        None,
        metavar="hierarchy.tsv",
        help="Check the labels against it. [default: the one beside the records, if there is one]",
    ),
    rebuild_index: bool = typer.Option(
        False, "--rebuild-index", help="Write FILE.idx again first."
    ),
    repair: bool = typer.Option(
        False, "--repair", help="Write the good records of a file with problems into a new one."
    ),
    out: Path | None = typer.Option(
        None,
        metavar="NEW.rec",
        help="With --repair: the new file; must not exist. [default: FILE.repaired.rec]",
    ),
) -> None:
    """Read every record and list all that is wrong, with positions; exit 1 if there is anything.

    Of a prepared folder all its record files are read, and images that are in two of them named.
    """
    from gluon_hash.progress import log
    from gluon_hash.records import rebuild_index as rebuild

    files = _files(records)
    if out is not None and (not repair or len(files) > 1):
        raise ValueError("--out names the new file of --repair, of one record file")
    if rebuild_index:
        for file in files:
            print(f"{file.with_suffix('.idx')}: {rebuild(file)} records")
    checks = [_check(file, hierarchy) for file in files]
    problems = [problem for check in checks for problem in check.problems]
    problems += _across(records, checks)
    for problem in problems:
        print(problem)
    if repair:
        _repair(checks, out)
    if problems:
        advice = "" if repair else "; --repair writes the good records into a new file"
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        log(f"{records}: {count}{advice}")
        raise typer.Exit(1)


def _files(records: Path) -> list[Path]:
    """The record files that are meant: one, or all of a folder."""
    from gluon_hash.errors import DataError

    if not records.is_dir():
        return [records]
    files = sorted(records.glob("*.rec"), reverse=True)  # train before query
    if not files:
        raise DataError("no .rec file in this folder", path=records)
    return files


def _check(file: Path, hierarchy: Path | None) -> RecordCheck:
    """The problems of one file; what it holds is printed."""
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.records.check import check_records

    everything = file.with_name("hierarchy_all.tsv")  # queries may be of classes not trained
    of_all = file.name == "query.rec" and everything.exists()
    beside = everything if of_all else file.with_name("hierarchy.tsv")
    chosen = hierarchy or (beside if beside.exists() else None)
    check = check_records(file, None if chosen is None else Hierarchy.load(chosen))
    bad = len(check.entries) - len(check.good)
    print(
        f"{file}: {len(check.entries)} records, classes per level {check.num_classes}, sizes "
        f"{check.sizes[0]} to {check.sizes[1]} (height, width)"
        f"{f'; {bad} of them with problems' if bad else ''}"
    )
    return check


def _across(folder: Path, checks: list[RecordCheck]) -> list[Problem]:
    """What is wrong between the files of a folder: images in two, unless they were to be kept."""
    from gluon_hash.progress import log
    from gluon_hash.records.check import shared_images

    shared = [
        problem
        for number, other in enumerate(checks)
        for one in checks[:number]
        for problem in shared_images(one, other)
    ]
    if shared and _keeps_duplicates(folder):
        log(f"{folder}: {len(shared)} images are in both splits, and were kept when prepared")
        return []
    return shared


def _keeps_duplicates(folder: Path) -> bool:
    manifest = folder / "split.json"
    if not manifest.exists():
        return False
    from gluon_hash.guard import load_json

    values = load_json(manifest)
    duplicates = values.get("duplicates") if isinstance(values, dict) else None
    return isinstance(duplicates, dict) and duplicates.get("mode") == "keep"


def _repair(checks: list[RecordCheck], out: Path | None) -> None:
    from gluon_hash.progress import log
    from gluon_hash.records.check import repair_records

    for check in checks:
        if not check.problems:
            log(f"{check.path}: nothing to repair")
            continue
        new = out or check.path.with_name(f"{check.path.stem}.repaired.rec")
        print(f"{new}: {repair_records(check, new)} good records")

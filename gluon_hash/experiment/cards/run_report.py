"""The report of a run or a comparison: its codes read or made, its images found, its page written.

Only encoding needs MXNet: a run whose codes are there is reported without it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gluon_hash.experiment.cards.run_files import (
    find_run,
    hierarchy_of_codes,
    is_comparison,
    read_run,
)
from gluon_hash.experiment.runs.file_names import measured_name
from gluon_hash.files import atomic_write_text, refuse_existing
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.report import Codes, Images, Trained, comparison_report, run_report
from gluon_hash.report.images import pictures_of
from gluon_hash.report.page import Options
from gluon_hash.retrieval import CodeTable, Measured, measure

if TYPE_CHECKING:
    from gluon_hash.experiment.models.run_encoder import RunEncoder

__all__ = ["write_report"]

QUERY, DATABASE = "query.npz", "database.npz"
QUERY_RECORDS, TRAIN_RECORDS = "query.rec", "train.rec"


def write_report(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    codes: tuple[Path, Path] | None = None,
    records: tuple[Path, Path] | None = None,
    detail: str | None = None,
    device: str = "cpu",
    options: Options = Options(),
) -> None:
    """Write a page about a run folder, or about a comparison and one of its runs.

    Parameters
    ----------
    source : path-like
        A run folder, or that of a comparison.
    out : path-like
        FILE.html; must not exist.
    codes : (Path, Path), optional
        Of queries and database. Default: query.npz and database.npz in the run folder; if they are
        not there, the run's network encodes its data (they are not kept).
    records : (Path, Path), optional
        Images of queries and database. Default: query.rec and train.rec of the run's data; if they
        are not there, the page has no images, and says so.
    detail : str, optional
        Of a comparison, the line that is looked at; default: the best by its first metric.
    device : str
        Where codes are made, if they are.
    options : Options

    Raises
    ------
    ValueError
        If ``out`` exists or is not .html, or an option does not fit.
    DataError
        If ``source`` is neither, or a file is missing, damaged or of something else.
    """
    out, source = Path(out), Path(source)
    if out.suffix != ".html":
        raise ValueError(f"{out}: expected a name that ends in .html")
    refuse_existing(out)
    compared = None
    folder = source
    if is_comparison(source):
        compared, folder = find_run(source, detail)
    elif detail is not None:
        raise ValueError("detail is for a comparison; this is a run")
    trained, hierarchy = read_run(folder), hierarchy_of_codes(folder)
    query, database, origin = _codes(folder, codes, hierarchy, device)
    images = _images(trained, query, database, records)
    measured = _measured(folder, query, database, hierarchy, kept=compared and not codes)
    content = Codes(query, database, hierarchy, measured, origin, images)
    log("drawing the report")
    if compared is None:
        page = run_report(trained, content, options)
    else:
        page = comparison_report(compared, trained, content, options)
    atomic_write_text(out, page)


def _codes(
    folder: Path, given: tuple[Path, Path] | None, hierarchy: Hierarchy, device: str
) -> tuple[CodeTable, CodeTable, str]:
    """Codes of queries and database, and where they come from."""
    beside = (folder / QUERY, folder / DATABASE)
    if given is None and not all(path.exists() for path in beside):
        query, database = _encoded(folder, device)
        return query, database, "made by the run’s network for this report"
    paths = given or beside
    tables = [CodeTable.load(path) for path in paths]
    for table, path in zip(tables, paths):
        hierarchy.check_level_labels(table.level_labels, path)
    if tables[0].num_bits != tables[1].num_bits:
        raise ValueError(
            f"{paths[0]} has codes of {tables[0].num_bits} bits, {paths[1]} of "
            f"{tables[1].num_bits}; encode both with the same network"
        )
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(paths[1].stat().st_mtime))
    network = folder / "best.ckpt" / "state.json"
    if network.exists() and paths[1].stat().st_mtime < network.stat().st_mtime:
        log(
            f"warning: {paths[1]} is older than the network in {folder}; if that was trained on "
            "meanwhile, encode again or move the old codes away"
        )
    return tables[0], tables[1], f"{paths[0].name} and {paths[1].name} of {made}"


def _encoded(folder: Path, device: str) -> tuple[CodeTable, CodeTable]:
    """Codes by the network of the run; the cost is said, by the time that the queries took."""
    from gluon_hash import engine
    from gluon_hash.experiment.data.inputs import check_inputs, measuring_inputs
    from gluon_hash.experiment.models.run_encoder import RunEncoder

    encoder: RunEncoder = RunEncoder(folder, engine.contexts(device))
    inputs = measuring_inputs(encoder.run.config)
    check_inputs(inputs)
    of_queries, of_database = inputs.values()
    sizes = [path.stat().st_size / 2**20 for path in (of_queries, of_database)]
    log(
        f"{folder} has no {QUERY} and {DATABASE}: encoding {of_queries} ({sizes[0]:.0f} MB), then "
        f"{of_database} ({sizes[1]:.0f} MB)"
    )
    started = time.monotonic()
    query = encoder.encode_file(of_queries)
    seconds = (time.monotonic() - started) * sizes[1] / max(sizes[0], 1e-9)
    log(f"{len(query)} queries are encoded; the database will take about {seconds:.0f} s")
    return query, encoder.encode_file(of_database)


def _measured(
    folder: Path, query: CodeTable, database: CodeTable, hierarchy: Hierarchy, kept: Any
) -> Measured:
    """Every metric of every query: what the comparison has kept, or measured now."""
    path = folder / measured_name()
    if kept and path.exists():
        measured = Measured.load(path)
        if len(measured.values) == len(query) and measured.num_database == len(database):
            return measured
    log(f"measuring {len(query)} queries against {len(database)} images")
    return measure(query, database, hierarchy=hierarchy)


def _images(
    trained: Trained, query: CodeTable, database: CodeTable, given: tuple[Path, Path] | None
) -> Images:
    """Pictures of queries and database by their ids in record files."""
    root = Path(str(trained.section("data").get("root", "")))
    paths = given or (root / QUERY_RECORDS, root / TRAIN_RECORDS)
    missing = [path for path in paths if not path.exists()]
    if missing and given is None:
        return Images(note=f"There are no images: no file {missing[0]} here.")
    of_query, of_database = (
        pictures_of(path, table) for path, table in zip(paths, (query, database))
    )
    return Images(of_query, of_database)

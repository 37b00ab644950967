"""What a run folder or a comparison's folder says of itself, read without MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gluon_hash.errors import DataError
from gluon_hash.experiment.comparison.summary import RowSummary
from gluon_hash.experiment.runs.run_log import read_epochs
from gluon_hash.guard import as_schema, load_json, read_text
from gluon_hash.guard.yaml_text import load_yaml
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.report import Trained
from gluon_hash.report.comparison_part import (
    Comparison,
    headline,
    metrics_figure,
)
from gluon_hash.retrieval import CodeTable

__all__ = [
    "best_epoch",
    "comparison_figure",
    "find_run",
    "hierarchical_lines",
    "hierarchy_of_codes",
    "is_comparison",
    "other_searches",
    "read_comparison",
    "read_run",
]

CONFIG, LOG, VERSIONS, SPLIT = "run.yaml", "log.jsonl", "versions.json", "split.json"
REFERENCE, STATE = "reference.json", Path("best.ckpt") / "state.json"
COMPARED, CURVES, RUNS = "comparison.json", "curves.json", "runs"
OLD_WITH_TREE = frozenset(
    ("hpdh", "hpdh_coarse_to_fine", "dsrh", "shdh", "softmax", "embedding", "embedding_softmax")
)  # of comparisons that did not note it
DATABASE, HIERARCHY, ALL_CLASSES = "database.npz", "hierarchy.tsv", "hierarchy_all.tsv"


def is_comparison(folder: Path) -> bool:
    """Whether it is a folder of `gluon-hash compare`; DataError if it is no run folder either."""
    if (folder / COMPARED).exists():
        return True
    if not (folder / CONFIG).exists():
        there = "" if folder.exists() else "; there is nothing at this path"
        raise DataError(
            f"expected a run folder (with {CONFIG}) or a comparison's (with {COMPARED}){there}",
            path=folder,
        )
    return False


def read_run(folder: Path) -> Trained:
    """What a run folder says of itself.

    Raises
    ------
    DataError
        If a file of it is missing or damaged; names it.
    """
    text = read_text(folder / CONFIG, made_by="gluon-hash train")
    config = load_yaml(text, folder / CONFIG)
    if not isinstance(config, Mapping):
        raise DataError("expected sections (data, net, loss ...)", path=folder / CONFIG)
    return Trained(
        name=folder.resolve().name,
        config=config,
        text=text,
        versions=_object(folder / VERSIONS),
        epochs=read_epochs(folder / LOG) if (folder / LOG).exists() else [],
        best_epoch=best_epoch(folder),
        reference=_reference(folder / REFERENCE),
        split=_object(folder / SPLIT),
    )


def best_epoch(folder: Path) -> int | None:
    """The epoch that a run folder keeps, from 1; None if it has kept none."""
    best = _object(folder / STATE).get("best_epoch")
    return best if isinstance(best, int) else None


def hierarchy_of_codes(folder: Path) -> Hierarchy:
    """By which the codes in a run folder are labelled: of all classes, though fewer were trained.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    every = folder / ALL_CLASSES
    return Hierarchy.load(every if every.exists() else folder / HIERARCHY)


def find_run(folder: Path, detail: str | None) -> tuple[Comparison, Path]:
    """A comparison, and the run folder of the line that is looked at: its first seed.

    Parameters
    ----------
    folder : Path
        Of `gluon-hash compare`.
    detail : str, optional
        The line's name; default: the best by the first metric of the table.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    ValueError
        If there is no such line.
    """
    rows, about = read_comparison(folder)
    metric = (headline(rows) or list(rows[0].metrics))[0]
    row = max(rows, key=lambda row: row.metrics[metric].mean)
    if detail is not None:
        named = [row for row in rows if detail in (row.name, *row.runs)]
        if not named:
            names = ", ".join(dict.fromkeys(row.name for row in rows))
            raise ValueError(f"detail: expected one of {names}, got {detail!r}")
        row = named[0]
    if not row.runs:
        raise DataError(f"the line {row.name!r} names no run", path=folder / COMPARED)
    runs = {f"{each.name}, {each.num_bits} bits": each.runs for each in rows if each.runs}
    trained = {name: _first(folder, own) for name, own in runs.items()}
    curves = _object(folder / CURVES)
    return Comparison(
        name=folder.resolve().name,
        lines=rows,
        about=about,
        curves=as_schema(curves, dict[str, dict[str, list[float]]], folder / CURVES),
        hierarchical=hierarchical_lines(folder, rows, about),
        epochs={name: run.epochs for name, run in trained.items() if run is not None},
        tables=_tables(folder, runs),
        detailed=row.name,
    ), folder / RUNS / row.runs[0]


def read_comparison(folder: Path) -> tuple[list[RowSummary], dict[str, Any]]:
    """The lines of a comparison, and what was asked for.

    Raises
    ------
    DataError
        If comparison.json is missing or damaged, or has no line.
    """
    path = folder / COMPARED
    value = as_schema(load_json(path, made_by="gluon-hash compare"), dict[str, Any], path)
    rows = as_schema(value.pop("rows", []), list[RowSummary], path)
    if not rows:
        raise DataError("it has no lines; run the comparison again", path=path)
    return rows, value


def other_searches(about: Mapping[str, Any], folder: Path) -> list[list[RowSummary]]:
    """The lines of each search but the first, of what read_comparison returned."""
    searches = about.get("searches", {})
    found = as_schema(searches, dict[str, list[RowSummary]], folder / COMPARED)
    return list(found.values())


def comparison_figure(
    folder: Path, metrics: Sequence[str] | None = None, *, width: float | None = None
) -> Figure:
    """Metrics of the lines of a comparison, as the figure that `gluon-hash compare` writes.

    Parameters
    ----------
    folder : Path
    metrics : sequence of str, optional
        A panel each; default: mAP, mAHP and mean nDCG.
    width : float, optional
        Of the figure, in inches.

    Raises
    ------
    DataError
        As read_comparison.
    ValueError
        If a line lacks a metric.
    """
    rows, about = read_comparison(folder)
    seeds = about.get("seeds")
    count = len(seeds) if isinstance(seeds, list) else 1
    means = f"mean of {count} seeds" if count > 1 else "one seed"
    bars = f"{about.get('confidence', 95.0):g} % bootstrap interval over queries, {means}"
    names = list(metrics or headline(rows))
    hierarchical = hierarchical_lines(folder, rows, about)
    return metrics_figure(rows, names, bars, hierarchical=hierarchical, width=width)


def hierarchical_lines(
    folder: Path, rows: Sequence[RowSummary], about: Mapping[str, Any]
) -> frozenset[str]:
    """Names of the lines whose method uses the hierarchy, as compare noted them.

    Older comparisons did not: those whose configuration names a tree or weights of levels.
    """
    noted = about.get("hierarchical")
    if isinstance(noted, list):
        return frozenset(
            row.name for row in rows if {row.name, row.name.rpartition(", ")[0]} & set(noted)
        )
    names = set()
    for row in rows:
        path = folder / RUNS / (row.runs[0] if row.runs else "") / CONFIG
        if row.runs and path.exists():
            config = load_yaml(read_text(path), path)
            loss = config.get("loss") if isinstance(config, Mapping) else None
            if isinstance(loss, Mapping) and _names_levels(loss):
                names.add(row.name)
    return frozenset(names)


def _names_levels(loss: Mapping[str, Any]) -> bool:
    """Whether the section ``loss`` of a run of an older comparison names levels or a tree."""
    weights = loss.get("level_weights")
    if isinstance(weights, (list, tuple)):
        return any(weights[1:])
    placed = {loss.get("targets"), loss.get("initial_centers")}
    return bool(placed & {"tree", "annealed", "hierarchical"}) or loss.get("name") in OLD_WITH_TREE


def _tables(folder: Path, runs: Mapping[str, list[str]]) -> dict[str, tuple[CodeTable, Hierarchy]]:
    """Codes of the database of each line's first seed, where the comparison has kept them."""
    tables = {}
    for name, own in runs.items():
        path = folder / RUNS / own[0] / DATABASE
        if path.exists():
            table, hierarchy = CodeTable.load(path), hierarchy_of_codes(path.parent)
            hierarchy.check_level_labels(table.level_labels, path)
            tables[name] = (table, hierarchy)
    return tables


def _first(folder: Path, runs: list[str]) -> Trained | None:
    path = folder / RUNS / runs[0]
    return read_run(path) if (path / CONFIG).exists() else None


def _object(path: Path) -> dict[str, Any]:
    """What a JSON file holds; empty if it is not there."""
    return as_schema(load_json(path), dict[str, Any], path) if path.exists() else {}


def _reference(path: Path) -> dict[str, dict[str, float]]:
    return as_schema(_object(path), dict[str, dict[str, float]], path)

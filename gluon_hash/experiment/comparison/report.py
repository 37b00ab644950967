"""A comparison as files: one table (Markdown, CSV, JSON), one figure, precision-recall curves."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gluon_hash import doctor, plots
from gluon_hash.errors import DataError
from gluon_hash.experiment.cards.run_files import hierarchical_lines
from gluon_hash.experiment.comparison.leaders import Leader, headline_of
from gluon_hash.experiment.comparison.summary import MetricSummary, RowSummary
from gluon_hash.files import replace_json, replace_path, replace_text
from gluon_hash.guard import as_schema, load_json
from gluon_hash.plots.rendering import rendered
from gluon_hash.progress import log
from gluon_hash.report.comparison_part import headline, metrics_figure
from gluon_hash.retrieval import Curves
from gluon_hash.retrieval.evaluation import SEARCHES

__all__ = ["cells", "notes", "write_report"]

CURVES_DRAWN = 12
RESULT = "comparison.json"
FILES = ("comparison.md", "comparison.csv", "comparison.png", "curves.json", "curves.png", RESULT)
COLUMNS = (
    "name",
    "num_bits",
    "chosen",
    "num_seeds",
    "metric",
    "mean",
    "std_over_seeds",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
)
ASKED = (
    "configs",
    "changes",
    "vary",
    "choose",
    "seeds",
    "reference",
    "confidence",
    "protocols",
)


def write_report(
    searches: Mapping[str, Sequence[RowSummary]],
    led: Mapping[str, Sequence[Leader]],
    curves: Mapping[str, Curves],
    out: Path,
    about: Mapping[str, Any],
) -> None:
    """Write comparison.json, .md, .csv and .png, curves.json and .png into ``out``.

    Each is written whole or not at all. If ``out`` holds the answer to something else that was
    asked, its files are kept as comparison-1.md and so on.

    Parameters
    ----------
    searches : mapping from what was searched to a sequence of RowSummary
        Tables one after the other; the figures are of the first. The names of a line's runs are
        saved in comparison.json alone.
    led : mapping from what was searched to a sequence of Leader
    curves : mapping from a line's name to Curves
        By Hamming distance, of the first seed. All are saved in curves.json (name ->
        Curves.to_dict), the first 12 are drawn.
    out : Path
    about : dict
        What was asked for, as JSON values, saved with the result: configs, changes, vary, choose,
        seeds, reference and confidence; optionally "diverged", the names of lines that no table
        has.
    """
    _keep_other(out, about)
    rows = next(iter(searches.values()))
    metrics = headline(rows)
    saved = {name: [row.to_dict() for row in own] for name, own in searches.items()}
    best = {name: [leader.to_dict() for leader in own] for name, own in led.items()}
    first, *others = saved
    result = {"rows": saved[first], "searches": {name: saved[name] for name in others}}
    replace_json(
        out / RESULT,
        {**about, "versions": doctor.version_report(), "leaders": best, "search": first, **result},
    )
    parts = [
        (f"## {name}: {SEARCHES[name]}\n\n" if len(searches) > 1 else "")
        + _markdown(own, about, headline_of(name, own))
        + _led(led.get(name, ()), headline_of(name, own))
        for name, own in searches.items()
    ]
    replace_text(out / "comparison.md", "\n".join(parts))
    replace_text(out / "comparison.csv", _comma_separated(searches))
    hierarchical = hierarchical_lines(out, rows, about)
    figure = metrics_figure(rows, metrics, _bars(about), hierarchical=hierarchical)
    _save(figure, out / "comparison.png")
    numbers = {name: curve.to_dict() for name, curve in curves.items()}
    replace_json(out / "curves.json", numbers)
    drawn = dict(itertools.islice(numbers.items(), CURVES_DRAWN))
    limited = f"{len(drawn)} of {len(numbers)} lines; all are in curves.json; "
    title = f"{limited if len(drawn) < len(numbers) else ''}first seed, Hamming distance"
    _save(plots.retrieval_curves(drawn, title), out / "curves.png")


def _keep_other(out: Path, about: Mapping[str, Any]) -> None:
    """Rename the files of a comparison that was asked for differently to the next free number."""
    if not (out / RESULT).exists():
        return
    try:
        old = as_schema(load_json(out / RESULT), dict[str, Any], out / RESULT)
        differing = [key for key in ASKED if old.get(key) != about.get(key)]
    except DataError:  # damaged, or another's: not ours to overwrite
        differing = ["unreadable"]
    if not differing:
        return
    number = next(
        number
        for number in itertools.count(1)
        if not any(_numbered(out / name, number).exists() for name in FILES)
    )
    kept = [out / name for name in FILES if (out / name).exists()]
    for path in kept:  # comparison.json last: interrupted, the next call goes on
        path.rename(_numbered(path, number))
    log(
        f"{out} holds a comparison that was asked for differently ({', '.join(differing)}); kept "
        f"as {', '.join(_numbered(path, number).name for path in kept)}"
    )


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _bars(about: Mapping[str, Any]) -> str:
    seeds = about["seeds"]
    means = f"mean of {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    return f"{about['confidence']:g} % bootstrap interval over queries, {means}"


def _led(led: Sequence[Leader], metrics: Sequence[str]) -> str:
    """A sentence for each metric of the table."""
    return "".join(f"\n{leader.in_words()}\n" for leader in led if leader.metric in metrics)


def _markdown(rows: Sequence[RowSummary], about: Mapping[str, Any], metrics: Sequence[str]) -> str:
    lines = cells(rows, about, metrics)
    table = [_table_line(line) for line in lines]
    table.insert(1, _table_line(["---"] * len(lines[0])))
    return f"{''.join(table)}\n{notes(rows, about)}"


def cells(
    rows: Sequence[RowSummary], about: Mapping[str, Any], metrics: Sequence[str] | None = None
) -> list[list[str]]:
    """The table, its head first: means (with their spread over seeds), intervals, differences.

    Parameters
    ----------
    rows, about :
        As of write_report.
    metrics : sequence of str, optional
        Default: mAP, mAHP and mean nDCG.
    """
    metrics, reference = metrics or headline(rows), about["reference"]
    any_chosen, compared = any(row.chosen for row in rows), _is_compared(rows)
    head = [
        "method",
        "bits",
        *(["chosen"] if any_chosen else []),
        *metrics,
        *(f"{name} - {reference}'s" for name in metrics if compared),
    ]
    lines = [head]
    for row in rows:
        values = [row.metrics[name] for name in metrics]
        chosen = ", ".join(f"{key.partition('.')[2]} {value}" for key, value in row.chosen.items())
        lines.append(
            [
                row.name,
                str(row.num_bits),
                *([chosen] if any_chosen else []),
                *map(_mean, values),
                *(_difference(value) for value in values if compared),
            ]
        )
    return lines


def _is_compared(rows: Sequence[RowSummary]) -> bool:
    metrics = headline(rows)
    return any(row.metrics[name].difference is not None for row in rows for name in metrics)


def notes(rows: Sequence[RowSummary], about: Mapping[str, Any]) -> str:
    """What is said below the table; parameters as of write_report."""
    seeds = ", ".join(map(str, about["seeds"]))
    means = (
        f"Mean over seeds {seeds} ± standard deviation over them"
        if len(about["seeds"]) > 1
        else f"Seed {seeds}"
    )
    paired = "; differences are paired by query" if _is_compared(rows) else ""
    diverged = (
        f"\nDiverged, not in the table: {', '.join(about['diverged'])}.\n"
        if about.get("diverged")
        else ""
    )
    return (
        f"{means} [{about['confidence']:g} % bootstrap interval over queries]{paired}. "
        f"Ties by database position.\n{diverged}"
    )


def _table_line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


def _mean(value: MetricSummary) -> str:
    low, high = value.interval
    spread = "" if value.std_over_seeds is None else f" ± {value.std_over_seeds:.3f}"
    return f"{value.mean:.3f}{spread} [{low:.3f}, {high:.3f}]"


def _difference(value: MetricSummary) -> str:
    if value.difference is None or value.difference_interval is None:
        return ""
    low, high = value.difference_interval
    return f"{value.difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def _comma_separated(searches: Mapping[str, Sequence[RowSummary]]) -> str:
    """A line for each row and metric, and each search where there are several."""
    named = len(searches) > 1
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *(["search"] if named else [])])
    for search, row in ((search, row) for search, own in searches.items() for row in own):
        chosen = " ".join(f"{key}={value}" for key, value in row.chosen.items())
        for name, value in row.metrics.items():
            writer.writerow(
                [
                    row.name,
                    row.num_bits,
                    chosen,
                    row.num_seeds,
                    name,
                    value.mean,
                    value.std_over_seeds,
                    *value.interval,
                    value.difference,
                    *(value.difference_interval or (None, None)),
                    *([search] if named else []),
                ]
            )
    return stream.getvalue()


def _save(figure: Figure, path: Path) -> None:
    with replace_path(path) as temporary:
        temporary.write_bytes(rendered(figure, path.suffix))

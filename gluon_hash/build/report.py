"""A comparison as files: one table (Markdown, CSV, JSON), one figure, the precision-recall curves."""
from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Mapping, Sequence

from matplotlib.figure import Figure

from gluon_hash import plots, runtime
from gluon_hash.files import atomic_path, atomic_write_json, atomic_write_text
from gluon_hash.retrieval import Curves

__all__ = ["write_report"]

Record = Mapping[str, Any]
HEADLINE = ("map", "mahp", "mean_ndcg_released")
CURVES_DRAWN = 12


def _headline(records: Sequence[Record]) -> list[str]:
    """The metrics of a comparison's table: mAP, mAHP and the released mean nDCG, with their cut-offs."""
    return [name for name in records[0]["metrics"] if name.partition("@")[0] in HEADLINE]


def write_report(records: Sequence[Record], curves: Mapping[str, Curves], out: Path,
                 about: Mapping[str, Any]) -> None:
    """Write comparison.md, .csv, .json and .png and curves.png into ``out``, each whole or not at all.

    Parameters
    ----------
    records : sequence of dict
        As gluon_hash.retrieval.comparison.summarize returns them.
    curves : mapping from a line's name to Curves
        The first 12 are drawn.
    out : Path
    about : dict
        What was asked for, as JSON values; saved with the result.
    """
    metrics = _headline(records)
    atomic_write_text(out / "comparison.md", _markdown(records, about))
    atomic_write_text(out / "comparison.csv", _comma_separated(records))
    atomic_write_json(out / "comparison.json", {**about, "versions": runtime.version_report(), "rows": list(records)})
    one_length = len({record["num_bits"] for record in records}) == 1
    draw = plots.metrics_by_name if one_length else plots.metrics_by_bits
    _save(draw(records, metrics), out / "comparison.png")
    drawn = dict(list(curves.items())[:CURVES_DRAWN])
    _save(plots.retrieval_curves({name: curve.to_dict() for name, curve in drawn.items()}), out / "curves.png")


def _markdown(records: Sequence[Record], about: Mapping[str, Any]) -> str:
    """The table: means (with their spread over seeds), intervals, and differences to the reference."""
    metrics, reference = _headline(records), about["reference"]
    chosen = any(record["chosen"] for record in records)
    head = ["method", "bits", *(["chosen"] if chosen else []), *metrics,
            *(f"{name} - {reference}'s" for name in metrics)]
    lines = [head, ["---"] * len(head)]
    for record in records:
        values = [record["metrics"][name] for name in metrics]
        lines.append([record["name"], str(record["num_bits"]),
                      *([", ".join(f"{key.partition('.')[2]} {value}" for key, value in record["chosen"].items())]
                        if chosen else []),
                      *map(_mean, values), *map(_difference, values)])
    seeds = ", ".join(map(str, about["seeds"]))
    means = (f"Mean over seeds {seeds} ± standard deviation over them" if len(about["seeds"]) > 1
             else f"Seed {seeds}")
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + (
        f"\n{means} [{about['confidence']:g} % bootstrap interval over queries]; differences are paired by query. "
        "Ties by database position.\n")


def _mean(value: Mapping[str, Any]) -> str:
    low, high = value["interval"]
    spread = "" if value["std_over_seeds"] is None else f" ± {value['std_over_seeds']:.3f}"
    return f"{value['mean']:.3f}{spread} [{low:.3f}, {high:.3f}]"


def _difference(value: Mapping[str, Any]) -> str:
    if value["difference"] is None:
        return ""
    low, high = value["difference_interval"]
    return f"{value['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _comma_separated(records: Sequence[Record]) -> str:
    """A line for each row and metric."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "num_bits", "chosen", "num_seeds", "metric", "mean", "std_over_seeds", "low", "high",
                     "difference", "difference_low", "difference_high"])
    for record in records:
        chosen = " ".join(f"{key}={value}" for key, value in record["chosen"].items())
        for name, value in record["metrics"].items():
            writer.writerow([record["name"], record["num_bits"], chosen, record["num_seeds"], name, value["mean"],
                             value["std_over_seeds"], *value["interval"], value["difference"],
                             *(value["difference_interval"] or (None, None))])
    return stream.getvalue()


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)

"""The part of a report on a comparison: its lines side by side, in numbers and figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from gluon_hash import plots
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.comparison import Line
from gluon_hash.report.bits import bit_statistics
from gluon_hash.report.fidelity import fidelity
from gluon_hash.report.svg import inline_svg
from gluon_hash.retrieval import CodeTable

__all__ = [
    "Comparison",
    "comparison_part",
    "headline",
    "metrics_figure",
]

HEADLINE = ("map", "mahp", "mean_ndcg_released")
CURVES_DRAWN = 10


@dataclass(frozen=True)
class Comparison:
    """What a folder of `gluon-hash compare` holds.

    Parameters
    ----------
    name : str
    lines : sequence of Line
        With ``difference`` and ``std_over_seeds`` in their metrics, where there are such.
    about : mapping
        What was asked for: configs, changes, vary, choose, seeds, reference, confidence, diverged.
    curves : mapping
        Line -> what Curves.to_dict gives.
    hierarchical : frozenset of str
        Lines whose method uses the hierarchy.
    epochs : mapping
        Line -> the lines of log.jsonl of its first seed.
    tables : mapping
        Line -> the codes of the database by its first seed, and their hierarchy.
    detailed : str
        The line whose run the rest of the page is about.
    """

    name: str
    lines: Sequence[Line]
    about: Mapping[str, Any]
    curves: Mapping[str, Mapping[str, Sequence[float]]]
    hierarchical: frozenset[str]
    epochs: Mapping[str, Sequence[Mapping[str, Any]]]
    tables: Mapping[str, tuple[CodeTable, Hierarchy]]
    detailed: str


def headline(lines: Sequence[Line]) -> list[str]:
    """The metrics of the table: mAP, mAHP and mean nDCG, at the cut-offs that all lines have."""
    return [
        name
        for stem in HEADLINE
        for name in lines[0].metrics
        if name.partition("@")[0] == stem and all(name in line.metrics for line in lines)
    ]


def metrics_figure(
    lines: Sequence[Line],
    metrics: Sequence[str],
    bars: str,
    *,
    hierarchical: Collection[str] = (),
    width: float | None = None,
) -> Figure:
    """Metrics of lines: by name, or by bits where these differ; arguments as of either plot."""
    one_length = len({line.num_bits for line in lines}) == 1
    draw = plots.metrics_by_name if one_length else plots.metrics_by_bits
    return draw(lines, metrics, bars, hierarchical=hierarchical, width=width)


def comparison_part(comparison: Comparison) -> dict[str, Any]:
    """The table, the figure of metrics, precision-recall curves, validation curves."""
    lines, about = comparison.lines, comparison.about
    metrics = headline(lines)
    bars = f"{about.get('confidence', 95):g} % bootstrap interval over queries"
    figures = [
        inline_svg(
            metrics_figure(lines, [metric], bars, hierarchical=comparison.hierarchical, width=3.3),
            f"compared{number}",
            f"{plots.metric_label(metric)} of each line",
        )
        for number, metric in enumerate(metrics)
    ]
    shown = dict(list(comparison.curves.items())[:CURVES_DRAWN])
    for number, kind in enumerate(("by rank", "first N") if shown else ()):
        figure = plots.retrieval_curves(shown, parts=[kind], width=3.3)
        figures.append(inline_svg(figure, f"lines{number}", f"precision {kind} of each line"))
    return {
        "facts": _facts(comparison),
        "metrics": [plots.metric_label(metric) for metric in metrics],
        "rows": [_row(line, metrics, lines) for line in lines],
        "detailed": plots.line_label(comparison.detailed),
        "key": comparison.detailed,
        "figures": figures,
        "not_drawn": len(comparison.curves) - len(shown),
        "training": _validation(comparison),
        "codes": [_codes_row(name, *own) for name, own in comparison.tables.items()],
        "reference": plots.line_label(str(about.get("reference", ""))),
        "differences": any(_difference(line.metrics[name]) for line in lines for name in metrics),
    }


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    about = comparison.about
    keys = ("configs", "changes", "vary", "choose", "seeds", "reference", "diverged")
    versions = about.get("versions")
    rows = [(key, _listed(about.get(key))) for key in keys]
    if isinstance(versions, Mapping):
        rows.append(
            ("gluon_hash", f"{versions.get('gluon_hash')}, commit {versions.get('commit')}")
        )
    return [(key, text) for key, text in rows if text]


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _row(line: Line, metrics: Sequence[str], lines: Sequence[Line]) -> dict[str, Any]:
    """The cells of a line: value, interval, difference; whether it is the best of its length."""
    rivals = [other for other in lines if other.num_bits == line.num_bits]
    cells = []
    for name in metrics:
        value = line.metrics[name]
        best = max(other.metrics[name].mean for other in rivals)
        spread = getattr(value, "std_over_seeds", None)
        cells.append(
            {
                "value": f"{value.mean:.3f}" + ("" if spread is None else f" ± {spread:.3f}"),
                "interval": "{:.3f} – {:.3f}".format(*value.interval),
                "difference": _difference(value),
                "best": len(rivals) > 1 and value.mean == best,
            }
        )
    return {
        "key": line.name,
        "name": plots.line_label(line.name),
        "bits": line.num_bits,
        "cells": cells,
    }


def _codes_row(name: str, table: CodeTable, hierarchy: Hierarchy) -> list[str]:
    """Of a line's codes: two correlations with the tree, different codes, entropy, bits."""
    bits = bit_statistics(table)
    try:
        found = fidelity(table, hierarchy)
        correlations = [found.rank_correlation, found.cophenetic_correlation]
    except ValueError:  # of one or two classes
        correlations = [math.nan, math.nan]
    return [
        plots.line_label(name),
        *("–" if math.isnan(value) else f"{value:.3f}" for value in correlations),
        f"{bits.health.num_distinct:,} of {bits.health.num_codes:,}",
        f"{bits.health.entropy:.3f}",
        f"{bits.effective_bits:.1f} of {bits.health.num_bits}",
    ]


def _difference(value: Any) -> str:
    """To the reference, with its interval; empty of the reference itself."""
    difference, ends = (getattr(value, key, None) for key in ("difference", "difference_interval"))
    if difference is None or ends is None:
        return ""
    return f"{difference:+.3f} [{ends[0]:+.3f}, {ends[1]:+.3f}]".replace("-", "−")


def _validation(comparison: Comparison) -> list[Any]:
    """Metrics on held-out images by epoch, all lines in one panel; losses do not compare."""
    epochs = [line for run in comparison.epochs.values() for line in run]
    names = sorted({name for line in epochs for name in line if name.startswith("validation_m")})
    runs = dict(list(comparison.epochs.items())[:CURVES_DRAWN])
    return [
        inline_svg(
            plots.training_curves(runs, metrics=[name], width=3.3),
            f"valid{number}",
            f"{plots.metric_label(name)} by epoch, each line",
        )
        for number, name in enumerate(names)
        if not name.endswith("tie_averaged")
    ]

"""Methods side by side: a metric against the number of bits, or, at one number of bits, intervals
in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gluon_hash.plots.lines import (
    LABEL_SIZE,
    add_legend,
    label_height,
    label_width,
    line_style,
    wrap_name,
)

__all__ = ["metrics_by_bits", "metrics_by_name"]

Records = Sequence[Mapping[str, Any]]
SHIFT = 0.01  # of the range of lengths: how far a line stands from the next
SPREAD = 0.5  # of the smallest step between two lengths: how far all lines together, at most


def metrics_by_bits(records: Records, metrics: Sequence[str], bars: str) -> Figure:
    """Each metric against num_bits, a line for each name, with its interval over queries.

    At one length the lines stand beside each other by a little, so that their bars can be told
    apart.

    Parameters
    ----------
    records : sequence of dict
        As gluon_hash.experiment.comparison.summary.summarize returns them.
    metrics : sequence of str
        A panel each.
    bars : str
        What the bars are, said below the panels.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is no record, or one lacks a metric.
    """
    _check(records, metrics)
    names = list(dict.fromkeys(record["name"] for record in records))
    lengths = sorted({record["num_bits"] for record in records})
    nearest = min((after - before for before, after in zip(lengths, lengths[1:])), default=0)
    step = min(SHIFT * (lengths[-1] - lengths[0]), SPREAD * nearest / len(names))
    figure = Figure(
        figsize=((4.6 + 0.06 * len(names)) * len(metrics), 4.2 + 0.06 * len(names)),
        layout="constrained",
    )
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics):
        for place, name in enumerate(names):
            own = sorted(
                (record for record in records if record["name"] == name),
                key=lambda one: one["num_bits"],
            )
            means, spans = zip(*(_mean_and_span(record, metric) for record in own))
            shift = (place - (len(names) - 1) / 2) * step
            axes.errorbar(
                [record["num_bits"] + shift for record in own],
                means,
                yerr=list(zip(*spans)),
                label=wrap_name(name),
                markersize=4,
                capsize=2,
                linewidth=1.2,
                **line_style(place),
            )
        axes.set(xlabel="bits", xticks=lengths)
        axes.set_title(metric, fontsize=11)
        axes.tick_params(labelsize=9)
        axes.grid(alpha=0.3)
    figure.supxlabel(f"bars: {bars}", fontsize=9)
    add_legend(figure)
    return figure


def metrics_by_name(records: Records, metrics: Sequence[str], bars: str) -> Figure:
    """Each metric as points with their intervals over queries, the best by the first metric on top.

    Arguments, result and errors as metrics_by_bits; all records have one num_bits.
    """
    _check(records, metrics)
    ordered = sorted(records, key=lambda record: record["metrics"][metrics[0]]["mean"])
    names = [wrap_name(record["name"]) for record in ordered]
    figure = Figure(
        figsize=(3.4 * len(metrics) + label_width(names) + 0.3, 1.6 + 1.5 * label_height(names)),
        layout="constrained",
    )
    for axes, metric in zip(
        figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0], metrics
    ):
        means, spans = zip(*(_mean_and_span(record, metric) for record in ordered))
        axes.errorbar(
            means, range(len(ordered)), xerr=list(zip(*spans)), fmt="o", markersize=4, capsize=2
        )
        axes.set(yticks=range(len(ordered)), ylim=(-0.6, len(ordered) - 0.4))
        axes.set_title(f"{metric}, {ordered[0]['num_bits']} bits", fontsize=11)
        axes.set_yticklabels(names, fontsize=LABEL_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.tick_params(axis="x", labelsize=9)
        axes.grid(alpha=0.3)
    figure.supxlabel(f"bars: {bars}", fontsize=9)
    return figure


def _mean_and_span(record: Mapping[str, Any], metric: str) -> tuple[float, tuple[float, float]]:
    found = record["metrics"][metric]
    low, high = found["interval"]
    return found["mean"], (max(found["mean"] - low, 0.0), max(high - found["mean"], 0.0))


def _check(records: Records, metrics: Sequence[str]) -> None:
    if not records or not metrics:
        raise ValueError("comparison: nothing to draw")
    for record in records:
        for metric in metrics:
            if metric not in record["metrics"]:
                raise ValueError(
                    f"{record['name']}: has no {metric}; it has {', '.join(record['metrics'])}"
                )

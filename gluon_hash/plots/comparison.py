"""Methods side by side: a metric against the number of bits, or intervals at one number of bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

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

SHIFT = 0.01  # of the range of lengths: how far a line is drawn from the next
SPREAD = 0.5  # of the smallest step between two lengths: how far all lines together, at most


class Value(Protocol):
    """A metric of a line: its mean, and the interval of the mean over queries."""

    @property
    def mean(self) -> float:
        """Over queries and seeds."""

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""


class Line(Protocol):
    """A line of a comparison, such as gluon_hash.experiment.comparison.summary.RowSummary."""

    @property
    def name(self) -> str:
        """What is shown; lines of one name and several num_bits are joined."""

    @property
    def num_bits(self) -> int:
        """Of the codes."""

    @property
    def metrics(self) -> Mapping[str, Value]:
        """By name."""


def metrics_by_bits(lines: Sequence[Line], metrics: Sequence[str], bars: str) -> Figure:
    """Each metric against num_bits, a line for each name, with its interval over queries.

    At one length the lines are drawn a little apart, so that their bars can be told
    apart.

    Parameters
    ----------
    lines : sequence of Line
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
        If there is no line, or one lacks a metric.
    """
    _check(lines, metrics)
    names = list(dict.fromkeys(line.name for line in lines))
    lengths = sorted({line.num_bits for line in lines})
    nearest = min((after - before for before, after in zip(lengths, lengths[1:])), default=0)
    step = min(SHIFT * (lengths[-1] - lengths[0]), SPREAD * nearest / len(names))
    figure = Figure(
        figsize=((4.6 + 0.06 * len(names)) * len(metrics), 4.2 + 0.06 * len(names)),
        layout="constrained",
    )
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics):
        for number, name in enumerate(names):
            own = sorted(
                (line for line in lines if line.name == name), key=lambda line: line.num_bits
            )
            means, spans = zip(*(_mean_and_span(line, metric) for line in own))
            shift = (number - (len(names) - 1) / 2) * step
            axes.errorbar(
                [line.num_bits + shift for line in own],
                means,
                yerr=list(zip(*spans)),
                label=wrap_name(name),
                markersize=4,
                capsize=2,
                linewidth=1.2,
                **line_style(number),
            )
        axes.set(xlabel="bits", xticks=lengths)
        axes.set_title(metric, fontsize=11)
        axes.tick_params(labelsize=9)
        axes.grid(alpha=0.3)
    figure.supxlabel(f"bars: {bars}", fontsize=9)
    add_legend(figure)
    return figure


def metrics_by_name(lines: Sequence[Line], metrics: Sequence[str], bars: str) -> Figure:
    """Each metric as points with their intervals over queries, the best by the first metric on top.

    Arguments, result and errors as metrics_by_bits; all lines have one num_bits.
    """
    _check(lines, metrics)
    ordered = sorted(lines, key=lambda line: line.metrics[metrics[0]].mean)
    names = [wrap_name(line.name) for line in ordered]
    figure = Figure(
        figsize=(3.4 * len(metrics) + label_width(names) + 0.3, 1.6 + 1.5 * label_height(names)),
        layout="constrained",
    )
    for axes, metric in zip(
        figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0], metrics
    ):
        means, spans = zip(*(_mean_and_span(line, metric) for line in ordered))
        axes.errorbar(
            means, range(len(ordered)), xerr=list(zip(*spans)), fmt="o", markersize=4, capsize=2
        )
        axes.set(yticks=range(len(ordered)), ylim=(-0.6, len(ordered) - 0.4))
        axes.set_title(f"{metric}, {ordered[0].num_bits} bits", fontsize=11)
        axes.set_yticklabels(names, fontsize=LABEL_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.tick_params(axis="x", labelsize=9)
        axes.grid(alpha=0.3)
    figure.supxlabel(f"bars: {bars}", fontsize=9)
    return figure


def _mean_and_span(line: Line, metric: str) -> tuple[float, tuple[float, float]]:
    value = line.metrics[metric]
    low, high = value.interval
    return value.mean, (max(value.mean - low, 0.0), max(high - value.mean, 0.0))


def _check(lines: Sequence[Line], metrics: Sequence[str]) -> None:
    if not lines or not metrics:
        raise ValueError("comparison: nothing to draw")
    for line in lines:
        for metric in metrics:
            if metric not in line.metrics:
                raise ValueError(f"{line.name}: has no {metric}; it has {', '.join(line.metrics)}")

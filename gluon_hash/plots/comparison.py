"""Methods side by side: a metric against the number of bits, or intervals at one number of bits."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gluon_hash.plots.lines import (
    LABEL_SIZE,
    add_legend,
    label_height,
    label_width,
    line_style,
    wrap_name,
)
from gluon_hash.plots.names import count_bits, line_label, metric_label
from gluon_hash.plots.palette import COOL, LINES, WARM
from gluon_hash.plots.style import columns_that_fit, panels, styled

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


@styled
def metrics_by_bits(
    lines: Sequence[Line],
    metrics: Sequence[str],
    bars: str,
    *,
    hierarchical: Collection[str] = (),
    width: float | None = None,
) -> Figure:
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
    hierarchical : collection of str
        Names of the lines whose method uses the hierarchy: in warm colours, the others in cool
        ones. None: all in the colours of the palette.
    width : float, optional
        Of the figure, in inches.

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
    styles = _styles(names, hierarchical)
    lengths = sorted({line.num_bits for line in lines})
    nearest = min((after - before for before, after in zip(lengths, lengths[1:])), default=0)
    step = min(SHIFT * (lengths[-1] - lengths[0]), SPREAD * nearest / len(names))
    figure, all_axes = panels(len(metrics), width, aspect=0.9, panel=3.6 + 0.06 * len(names))
    for axes, metric in zip(all_axes, metrics):
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
                label=wrap_name(line_label(name)),
                markersize=4,
                capsize=2,
                linewidth=1.2,
                **styles[name],
            )
        axes.set(xlabel="bits", xticks=lengths)
        axes.set_title(metric_label(metric))
        axes.grid(alpha=0.6)
    figure.supxlabel(_fitted(f"bars: {bars}{_families(names, hierarchical)}", width), fontsize=7)
    add_legend(figure, width)
    return figure


@styled
def metrics_by_name(
    lines: Sequence[Line],
    metrics: Sequence[str],
    bars: str,
    *,
    hierarchical: Collection[str] = (),
    width: float | None = None,
) -> Figure:
    """Each metric as points with their intervals over queries, the best by the first metric on top.

    Arguments, result and errors as metrics_by_bits; all lines have one num_bits.
    """
    _check(lines, metrics)
    ordered = sorted(lines, key=lambda line: line.metrics[metrics[0]].mean)
    names = [wrap_name(line_label(line.name)) for line in ordered]
    across = columns_that_fit(len(metrics), None if width is None else width - label_width(names))
    down = -(-len(metrics) // across)
    high = 0.7 + down * (0.5 + 1.5 * label_height(names))
    wide = 2.6 * across + label_width(names) + 0.3 if width is None else width
    figure = Figure(figsize=(wide, high), layout="constrained")
    all_axes = list(figure.subplots(down, across, squeeze=False, sharey=True).flat)
    for axes, metric in zip(all_axes, metrics):
        for family, colour, marker in ((True, WARM[0], "s"), (False, COOL[0], "o")):
            own = [
                (place, *_mean_and_span(line, metric))
                for place, line in enumerate(ordered)
                if (line.name in hierarchical) == family
            ]
            if own:
                places, means, spans = zip(*own)
                bar = {"xerr": list(zip(*spans)), "fmt": marker, "color": colour}
                axes.errorbar(means, places, markersize=4, capsize=2, linewidth=1.2, **bar)
        axes.set(yticks=range(len(ordered)), ylim=(-0.6, len(ordered) - 0.4))
        axes.set_title(f"{metric_label(metric)}, {count_bits(ordered[0].num_bits)}")
        axes.set_yticklabels(names, fontsize=LABEL_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(alpha=0.6)
    for unused in all_axes[len(metrics) :]:
        unused.set_axis_off()
    figure.supxlabel(_fitted(f"bars: {bars}", width), fontsize=7)
    if hierarchical:
        _name_families(figure)
    return figure


def _styles(names: Sequence[str], hierarchical: Collection[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dash of each line: by its number, in the colours of its family."""
    if not hierarchical:
        return {name: line_style(number, LINES) for number, name in enumerate(names)}
    styles: dict[str, dict[str, Any]] = {}
    for colours, family in ((WARM, True), (COOL, False)):
        own = [name for name in names if (name in hierarchical) == family]
        for number, name in enumerate(own):
            marker = line_style(names.index(name))["marker"]
            styles[name] = {**line_style(number, colours), "marker": marker}
    return styles


def _families(names: Sequence[str], hierarchical: Collection[str]) -> str:
    """What the families of colours are, if both are there."""
    both = hierarchical and any(name not in hierarchical for name in names)
    return "; warm colours: methods that use the hierarchy, cool ones: flat" if both else ""


def _fitted(text: str, width: float | None) -> str:
    """In lines that fit a figure of ``width`` inches."""
    return text if width is None else textwrap.fill(text, int(18 * width))


def _name_families(figure: Figure) -> None:
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide, high + 0.25)
    drawn = [
        Line2D([], [], color=WARM[0], marker="s", markersize=4, label="uses the hierarchy"),
        Line2D([], [], color=COOL[0], marker="o", markersize=4, label="flat"),
    ]
    figure.legend(handles=drawn, loc="outside upper center", ncols=2, fontsize=LABEL_SIZE)


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

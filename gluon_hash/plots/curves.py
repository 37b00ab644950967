"""Curves: loss and validation metrics by epoch; precision and recall of rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gluon_hash.plots.lines import add_legend, line_style, wrap_name
from gluon_hash.plots.names import line_label, metric_label
from gluon_hash.plots.style import panels, styled

__all__ = ["retrieval_curves", "training_curves", "training_metrics"]

ALL_PANELS = ("by rank", "by radius", "first N")


def training_metrics(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What can be drawn of the lines of log.jsonl: loss, its terms, validation metrics, in order.

    Examples
    --------
    >>> training_metrics([{"epoch": 1, "loss": 2.0, "loss_cubic": 1.0, "validation_map": 0.1}])
    ['loss', 'loss_cubic', 'validation_map']
    """
    names = {name for epoch in epochs for name, value in epoch.items() if _is_number(value)}
    terms = sorted(name for name in names if name.startswith("loss_"))
    return [
        *(["loss"] if "loss" in names else []),
        *terms,
        *sorted(name for name in names if name.startswith("validation_")),
    ]


@styled
def training_curves(
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    metrics: Sequence[str] | None = None,
    chosen: Mapping[str, int] | None = None,
    width: float | None = None,
) -> Figure:
    """Training loss (with its terms) and, where there is one, each validation metric by epoch.

    Parameters
    ----------
    runs : mapping from a run's name to its epochs
        The lines of log.jsonl: dicts with epoch, loss and validation_*.
    metrics : sequence of str, optional
        Keys of these, a panel each; default: training_metrics.
    chosen : mapping from a run's name to an epoch, optional
        The epoch that was kept, marked.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If no epoch has been logged.
    """
    logged = [epoch for run in runs.values() for epoch in run]
    if not logged:
        raise ValueError("training_curves: no epoch has been logged")
    names = list(metrics or training_metrics(logged))
    figure, all_axes = panels(len(names), width)
    for axes, name in zip(all_axes, names):
        for number, (run, lines) in enumerate(runs.items()):
            with_value = [line for line in lines if _is_number(line.get(name))]
            if not with_value:
                continue
            epochs, values = zip(*((line["epoch"], line[name]) for line in with_value))
            style = line_style(number)
            axes.plot(epochs, values, label=wrap_name(line_label(run)), markersize=3, **style)
            kept = (chosen or {}).get(run)
            if kept is not None and kept in epochs:
                _mark(axes, kept, values[epochs.index(kept)], style["color"], alone=len(runs) == 1)
        kept = next(iter((chosen or {}).values()), None) if len(runs) == 1 else None
        axes.set_xlabel("epoch" if kept is None else f"epoch ({kept} was kept)")
        axes.set_title(metric_label(name))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.6)
    if len(runs) > 1:
        add_legend(figure, width)
    return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _mark(axes: Axes, epoch: int, value: float, colour: str, *, alone: bool) -> None:
    """A ring around the epoch that was kept; of a run alone a dotted line through it too."""
    ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": colour}
    axes.plot([epoch], [value], marker="o", markersize=9, **ring)
    if alone:
        axes.axvline(epoch, color=colour, linewidth=0.8, linestyle=":")


@styled
def retrieval_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    title: str | None = None,
    *,
    parts: Sequence[str] = ALL_PANELS,
    width: float | None = None,
) -> Figure:
    """Precision against recall by rank and by Hamming radius, and precision among the first N.

    Parameters
    ----------
    curves : mapping
        Name shown -> what gluon_hash.retrieval.Curves.to_dict gives: ranks, precision_at,
        recall_at, precision_within, recall_within.
    title : str, optional
        Above all panels.
    parts : sequence of str
        Panels: of "by rank", "by radius" and "first N".
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is none.
    """
    if not curves:
        raise ValueError("retrieval_curves: no curves given")
    figure, all_axes = panels(len(parts), width, aspect=0.95, panel=4.0)
    for axes, kind in zip(all_axes, parts):
        for number, (name, curve) in enumerate(curves.items()):
            style: dict[str, Any] = {
                "markersize": 3.5,
                "linewidth": 1.2,
                "label": wrap_name(line_label(name)),
            }
            style.update(line_style(number))
            if kind == "by radius":
                axes.plot(curve["recall_within"], curve["precision_within"], **style)
                continue
            across = curve["ranks"] if kind == "first N" else curve["recall_at"]
            # of the 60 ranks, a marker on each eighth
            axes.plot(across, curve["precision_at"], markevery=(number % 8, 8), **style)
        axes.set(ylim=(0, None), ylabel="precision", xlabel="recall")
        axes.set_title("by Hamming radius" if kind == "by radius" else kind)
        if kind == "first N":
            axes.set(xlabel="N", ylabel="precision@N", title="first N images", xscale="log")
        axes.grid(alpha=0.6)
    if title is not None:
        figure.suptitle(title, fontsize=9)
    if len(curves) > 1 or width is None:
        add_legend(figure, width)
    return figure

"""Curves: loss and validation metrics by epoch; precision and recall of rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gluon_hash.plots.lines import add_legend, line_style, wrap_name

__all__ = ["retrieval_curves", "training_curves"]


def training_curves(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Training loss and, where there is one, each validation metric by epoch.

    Parameters
    ----------
    runs : mapping from a run's name to its epochs
        The lines of log.jsonl: dicts with epoch, loss and validation_*.

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
    names = ["loss"] + sorted(
        {name for epoch in logged for name in epoch if name.startswith("validation_")}
    )
    figure = Figure(figsize=(4.2 * len(names), 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for number, (run, lines) in enumerate(runs.items()):
            with_value = [line for line in lines if name in line]
            if not with_value:
                continue
            epochs, values = zip(*((line["epoch"], line[name]) for line in with_value))
            axes.plot(epochs, values, label=wrap_name(run), markersize=3, **line_style(number))
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    if len(runs) > 1:
        add_legend(figure)
    return figure


def retrieval_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]], title: str | None = None
) -> Figure:
    """Precision against recall by rank and by Hamming radius, and precision among the first N.

    Parameters
    ----------
    curves : mapping
        Name shown -> what gluon_hash.retrieval.Curves.to_dict gives: ranks, precision_at,
        recall_at, precision_within, recall_within.
    title : str, optional
        Above all panels.

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
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    by_rank, by_radius, at = figure.subplots(1, 3, gridspec_kw={"wspace": 0.04})
    for number, (name, curve) in enumerate(curves.items()):
        style = {"markersize": 3.5, "linewidth": 1.2, "label": wrap_name(name)}
        style.update(line_style(number))
        marked = (number % 8, 8)  # of the 60 ranks, a marker on each eighth
        by_rank.plot(curve["recall_at"], curve["precision_at"], markevery=marked, **style)
        by_radius.plot(curve["recall_within"], curve["precision_within"], **style)
        at.plot(curve["ranks"], curve["precision_at"], markevery=marked, **style)
    by_rank.set(xlabel="recall", ylabel="precision", title="by rank", ylim=(0, None))
    by_radius.set(xlabel="recall", ylabel="precision", title="by Hamming radius", ylim=(0, None))
    at.set(xlabel="N", ylabel="precision@N", title="first N images", xscale="log", ylim=(0, None))
    if title is not None:
        figure.suptitle(title, fontsize=10)
    add_legend(figure)
    return figure

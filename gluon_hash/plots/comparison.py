"""Methods side by side: a metric against the number of bits, or, at one number of bits, intervals in order."""
from __future__ import annotations

from typing import Any, Mapping, Sequence

from matplotlib.figure import Figure

__all__ = ["metrics_by_bits", "metrics_by_name"]

Records = Sequence[Mapping[str, Any]]


def metrics_by_bits(records: Records, metrics: Sequence[str]) -> Figure:
    """Each metric against num_bits, a line for each name, with its interval over queries.

    Parameters
    ----------
    records : sequence of dict
        As gluon_hash.retrieval.comparison.summarize returns them.
    metrics : sequence of str
        A panel each.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is no record, or one lacks a metric.
    """
    _check(records, metrics)
    figure = Figure(figsize=(4.6 * len(metrics) + 1.5, 4), layout="constrained")
    names = list(dict.fromkeys(record["name"] for record in records))
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics):
        for place, name in enumerate(names):
            own = sorted((record for record in records if record["name"] == name), key=lambda one: one["num_bits"])
            means, spans = zip(*(_mean_and_span(record, metric) for record in own))
            axes.errorbar([record["num_bits"] for record in own], means, yerr=list(zip(*spans)), label=name,
                          marker="osv^D"[place % 5], markersize=4, capsize=2, color=f"C{place % 10}")
        axes.set(xlabel="bits", title=metric, xticks=sorted({record["num_bits"] for record in records}))
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def metrics_by_name(records: Records, metrics: Sequence[str]) -> Figure:
    """Each metric as points with their intervals over queries, the best by the first metric on top.

    Arguments, result and errors as metrics_by_bits; all records have one num_bits.
    """
    _check(records, metrics)
    ordered = sorted(records, key=lambda record: record["metrics"][metrics[0]]["mean"])
    figure = Figure(figsize=(3.6 * len(metrics) + 1.5, 1.2 + 0.24 * len(ordered)), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0], metrics):
        means, spans = zip(*(_mean_and_span(record, metric) for record in ordered))
        axes.errorbar(means, range(len(ordered)), xerr=list(zip(*spans)), fmt="o", markersize=4, capsize=2)
        axes.set(title=f"{metric}, {ordered[0]['num_bits']} bits", yticks=range(len(ordered)))
        axes.set_yticklabels([record["name"] for record in ordered], fontsize=8)
        axes.grid(alpha=0.3)
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
                raise ValueError(f"{record['name']}: has no {metric}; it has {', '.join(record['metrics'])}")

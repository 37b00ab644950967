"""The metrics of the field: their printed names and their kernels, a line each, in printing order.

A new metric is a kernel in ``binary`` or ``graded`` (or in a file beside them) and a line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gluon_hash.retrieval.evaluation.kernels import binary, graded
from gluon_hash.retrieval.evaluation.kernels.compiled import folded, inner
from gluon_hash.retrieval.evaluation.kernels.ranking import Ranking, Ranks

__all__ = ["METRICS", "Metric", "columns", "fill_row", "missing_metrics", "num_columns"]

STEPS_TOGETHER = 5
RELEASED_RANKS = 100  # the released mean nDCG averages over cut-offs 1 .. 100


class Metric(NamedTuple):
    """A line of the table.

    Parameters
    ----------
    name : str
        As printed: {ahp} stands for the rank at which AHP stops, and so on for the other cut-offs;
        {map} for "@" and that rank, or nothing if the protocol cuts nothing; {level} for the level.
    kernel : callable
        Of a Ranking; of one metric for each level, of a Ranking and the level.
    levels_from : int, optional
        The first level of a metric that has a value for each level.
    needs_radius : bool
        Only rankings by Hamming distance have it.
    protocols : tuple of str, optional
        Only these have it; default: all.
    """

    name: str
    kernel: Callable[..., float]
    levels_from: int | None = None
    needs_radius: bool = False
    protocols: tuple[str, ...] | None = None


METRICS = (
    Metric("map{map}", binary.average_precision),
    Metric("map_tie_averaged", binary.tie_average),
    Metric("map_tie_best", binary.tie_best),
    Metric("map_tie_worst", binary.tie_worst),
    Metric("map_level_{level}", binary.average_precision_at_level, levels_from=1),
    Metric("map_mean_of_levels", binary.mean_average_precision_of_levels, protocols=("dyml",)),
    Metric("mahp@{ahp}", graded.ahp),
    Metric("mahp_barz@{ahp}", graded.barz_ahp),
    Metric("hap", graded.hap),
    Metric("asi", graded.asi),
    Metric("asi_level_{level}", binary.asi_at_level, levels_from=0, protocols=("dyml",)),
    Metric("asi_mean_of_levels", binary.mean_asi_of_levels, protocols=("dyml",)),
    Metric("ndcg@{ndcg}", graded.ndcg),
    Metric("ndcg_exponential", graded.ndcg_exponential),
    Metric("mean_ndcg_released@{released}", graded.mean_ndcg_released),
    Metric("precision@{precision}", binary.precision),
    Metric("recall@{precision}", binary.recall),
    Metric("hit@{hit}", binary.hit),
    Metric("hit@{hit}_level_{level}", binary.hit_at_level, levels_from=1),
    Metric("hit@{hit}_mean_of_levels", binary.mean_hit_of_levels, protocols=("dyml",)),
    Metric("r_precision", binary.r_precision),
    Metric("acg@{precision}", graded.acg),
    Metric("weighted_recall@{precision}", graded.weighted_recall),
    Metric("precision_radius_{radius}", binary.radius_precision, needs_radius=True),
    Metric("recall_radius_{radius}", binary.radius_recall, needs_radius=True),
)


def num_columns(num_levels: int) -> int:
    """Columns of the rows that fill_row fills: one for each metric, or one for each level of it."""
    return sum(1 if metric.levels_from is None else num_levels for metric in METRICS)


def columns(num_levels: int, at: Ranks, cut: bool, protocol: str, radius: bool) -> dict[str, int]:
    """The printed names of the metrics, in printing order, and their columns.

    Parameters
    ----------
    num_levels : int
    at : Ranks
    cut : bool
        Whether ``map`` is of the first items of a ranking alone.
    protocol : str
    radius : bool
        Whether there is a radius.
    """
    released = min(RELEASED_RANKS, at.num_ranked)
    words = {**at._asdict(), "map": f"@{at.map}" if cut else "", "released": released}
    return {
        metric.name.format(level=level, **words): column
        for column, (metric, level) in enumerate(_cells(num_levels))
        if (metric.protocols is None or protocol in metric.protocols)
        and (radius or not metric.needs_radius)
        and level >= (metric.levels_from or 0)
    }


def missing_metrics(names: Sequence[str], protocol: str) -> list[str]:
    """The templates of the metrics of a protocol that none of ``names`` is an example of.

    Those for each level, which the finest alone does not have, and those of a radius, which only
    Hamming rankings have, are not missed.
    """
    wanted = [
        metric.name
        for metric in METRICS
        if metric.levels_from is None
        and not metric.needs_radius
        and (metric.protocols is None or protocol in metric.protocols)
    ]
    patterns = {name: re.sub(r"@?{\w+}", r"(@\\d+)?", name) for name in wanted}
    return [
        name
        for name in wanted
        if not any(re.fullmatch(patterns[name], printed) for printed in names)
    ]


def _cells(num_levels: int) -> Iterator[tuple[Metric, int]]:
    """The metric and the level (0 of one that has no levels) of each column."""
    for metric in METRICS:
        for level in range(1 if metric.levels_from is None else num_levels):
            yield metric, level


def _step(metric: Metric, metrics_before: Sequence[Metric]) -> Any:
    """A kernel that writes one metric into its columns of a row, where they are wanted."""
    kernel = metric.kernel
    per_level = sum(other.levels_from is not None for other in metrics_before)
    others = len(metrics_before) - per_level
    if metric.levels_from is None:

        def step(ranking: Ranking, wanted: np.ndarray, row: np.ndarray) -> None:
            column = others + per_level * ranking.num_levels
            if wanted[column]:
                row[column] = kernel(ranking)

    else:

        def step(ranking: Ranking, wanted: np.ndarray, row: np.ndarray) -> None:
            first = others + per_level * ranking.num_levels
            for level in range(ranking.num_levels):
                if wanted[first + level]:
                    row[first + level] = kernel(ranking, level)

    return folded(step)


def _nothing(ranking: Ranking, wanted: np.ndarray, row: np.ndarray) -> None:
    """A step where there is none."""


def _in_turn(steps: Sequence[Any]) -> Any:
    """A kernel that takes all steps, five of five; they have names, as Numba cannot loop over them.

    Two at a time would be copied into each other more often, which makes compiling slow.
    """
    if len(steps) > STEPS_TOGETHER:
        groups = np.array_split(np.array(steps, dtype=object), STEPS_TOGETHER)
        steps = [_in_turn(group.tolist()) for group in groups]
    five = [*steps, *[folded(_nothing)] * (STEPS_TOGETHER - len(steps))]
    first, second, third, fourth, fifth = five

    def together(ranking: Ranking, wanted: np.ndarray, row: np.ndarray) -> None:
        first(ranking, wanted, row)
        second(ranking, wanted, row)
        third(ranking, wanted, row)
        fourth(ranking, wanted, row)
        fifth(ranking, wanted, row)

    return folded(together)


_all_steps = _in_turn([_step(metric, METRICS[:number]) for number, metric in enumerate(METRICS)])


@inner
def fill_row(ranking: Ranking, wanted: np.ndarray, row: np.ndarray) -> None:
    """Write the wanted metrics of a ranking into their columns of ``row``."""
    _all_steps(ranking, wanted, row)

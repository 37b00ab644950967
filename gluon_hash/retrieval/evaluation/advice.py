"""What a user should know of a measurement beside its numbers: what looks like a mistake."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable
from gluon_hash.retrieval.evaluation.health import code_health, equal_codes
from gluon_hash.retrieval.evaluation.measured import Measured

__all__ = ["advise", "random_average_precision"]

ENOUGH_QUERIES = 20  # fewer say little
MANY_AT_ZERO = 10  # database images at distance 0: a page of answers
MOST = 0.5  # of the queries
AT_MOST = 1 << 20  # codes that are compared; of more, every second, third ...
HARDLY_BETTER, HARDLY_MORE = 1.2, 0.05  # than a random ranking
Table = CodeTable | FeatureTable


def advise(
    query: Table,
    database: Table,
    measured: Measured,
    hierarchy: Hierarchy | None = None,
    *,
    step: int = 1,
) -> list[str]:
    """What looks wrong with two tables and what was measured of them, and what to do about it.

    Parameters
    ----------
    query, database : CodeTable or FeatureTable
        With labels.
    measured : Measured
        As measure or measure_tables gives it for them.
    hierarchy : Hierarchy, optional
        That both were checked against.
    step : int
        ``database`` holds every ``step``-th image of the one that was measured.

    Returns
    -------
    list of str
        A sentence or two each; empty if nothing stands out.
    """
    together = measured.protocol.query_excluded
    return [
        *_swapped(query, measured, together),
        *_other_data(query.level_labels, database.level_labels),
        *_missing_classes(database.level_labels, hierarchy),
        *_made_differently(query, database),
        *([] if together else _queries_in_database(query, database, step)),
        *_coarse_codes(query, database, step),
        *_chance(query.level_labels, database.level_labels, measured, step),
    ]


def _swapped(query: Table, measured: Measured, together: bool) -> list[str]:
    if len(query) <= measured.num_database or together:
        return []
    return [
        f"there are more queries ({len(query)}) than database images ({measured.num_database}); "
        "are the two swapped?"
    ]


def _other_data(query_labels: np.ndarray, database_labels: np.ndarray) -> list[str]:
    """Signs that the two were prepared from different data sets or hierarchies."""
    result = []
    unknown = _count(database_labels[:, 0], query_labels[:, 0]) == 0
    if unknown.mean() > 1 - MOST:
        result.append(
            f"{unknown.sum()} of {len(query_labels)} queries are of a class that no database image "
            f"is of ({_some(np.unique(query_labels[unknown, 0]))}); are both of one data set?"
        )
    classes = np.unique(query_labels[:, 0])
    for level in range(1, query_labels.shape[1]):
        ours, theirs = (
            _parents(classes, labels[:, 0], labels[:, level])
            for labels in (query_labels, database_labels)
        )
        differing = np.flatnonzero((ours >= 0) & (theirs >= 0) & (ours != theirs))
        if len(differing):
            first = differing[0]
            result.append(
                f"class {classes[first]} belongs to class {ours[first]} of level {level} among "
                f"the queries, but to class {theirs[first]} in the database ({len(differing)} "
                "classes differ); they were prepared with different hierarchies, and cannot be "
                "compared"
            )
    return result


def _parents(classes: np.ndarray, fine: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The upper class of each of ``classes``, -1 where unknown, or where labels do not nest."""
    at = np.minimum(np.searchsorted(classes, fine), len(classes) - 1)
    there = classes[at] == fine
    parents = np.full(len(classes), -1, np.int64)
    parents[at[there]] = upper[there]
    nested = (parents[at[there]] == upper[there]).all()
    return parents if nested else np.full(len(classes), -1, np.int64)


def _count(labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How many of ``labels`` are each of ``wanted``: int64, the shape of ``wanted``."""
    values, number = np.unique(wanted, return_inverse=True)
    at = np.minimum(np.searchsorted(values, labels), len(values) - 1)
    return np.bincount(at[values[at] == labels], minlength=len(values))[number]


def _missing_classes(database_labels: np.ndarray, hierarchy: Hierarchy | None) -> list[str]:
    if hierarchy is None:
        return []
    classes = hierarchy.num_classes[0]
    there = np.count_nonzero(_count(database_labels[:, 0], np.arange(classes)))
    if there >= MOST * classes:
        return []
    return [
        f"the database has images of {there} of the {classes} classes of the hierarchy; is it the "
        "hierarchy that the data was prepared with?"
    ]


def _made_differently(query: Table, database: Table) -> list[str]:
    """Codes or features of two networks."""
    if isinstance(query, CodeTable) and isinstance(database, CodeTable):
        if query.model is None or database.model is None or query.model == database.model:
            return []
        if query.model.partition(" ")[0] == database.model.partition(" ")[0]:
            return ["query and database codes are of one model, but computed in two precisions"]
        return [
            "query and database codes were made by two models: distances between them mean "
            "nothing; encode both with one"
        ]
    if not isinstance(query, FeatureTable) or not isinstance(database, FeatureTable):
        return []
    ours, theirs = query.provenance, database.provenance
    differing = [
        key
        for key in ("backbone", "weights_sha256", "transform_sha256")
        if key in ours and key in theirs and ours[key] != theirs[key]
    ]
    if not differing:
        return []
    return [
        f"query and database features differ in {', '.join(differing)}: distances between them "
        "mean nothing; encode both with one network and one transform"
    ]


def _queries_in_database(query: Table, database: Table, step: int) -> list[str]:
    """The same id, code and labels on both sides: each of these finds itself."""
    order = np.argsort(query.ids)  # of the smaller side
    at = np.minimum(np.searchsorted(query.ids, database.ids, sorter=order), len(query) - 1)
    rows = np.flatnonzero(query.ids[order[at]] == database.ids)
    own = order[at[rows]]
    ours, theirs = (
        table.codes if isinstance(table, CodeTable) else table.features
        for table in (query, database)
    )
    same = (database.level_labels[rows] == query.level_labels[own]).all(axis=1)
    same &= (theirs[rows] == ours[own]).all(axis=1)
    count = min(int(same.sum()) * step, len(query))
    if count <= MOST * len(query):
        return []
    return [
        f"{count} of {len(query)} queries are in the database too (same id, labels and "
        "values), so that each finds itself; take them out, or search each among the other images "
        "of one table (leave_one_out; protocols barz, happier, dyml)"
    ]


def _coarse_codes(query: Table, database: Table, already: int) -> list[str]:
    """Codes that cannot tell images apart, and rankings that they leave to chance."""
    if not isinstance(query, CodeTable) or not isinstance(database, CodeTable):
        return []
    step = -(-len(database) // AT_MOST)
    sample = database.codes[::step]
    health = code_health(sample, database.num_bits)
    result = [f"database: {text}" for text in health.warnings()]
    numbers = equal_codes(np.concatenate([sample, query.codes]))
    at_zero = _count(numbers[: len(sample)], numbers[len(sample) :]) * step * already
    share = (at_zero >= MANY_AT_ZERO).mean()
    if share > MOST:
        result.append(
            f"for {share:.0%} of the queries, {MANY_AT_ZERO} or more database images are at "
            f"distance 0 (median {int(np.median(at_zero))}) and are ranked by their position "
            "alone: read map_tie_averaged, and take more bits or a method whose codes differ more"
        )
    return result


def _chance(
    query_labels: np.ndarray, database_labels: np.ndarray, measured: Measured, step: int
) -> list[str]:
    """Rankings that are hardly better than random ones."""
    values = measured.column("map_tie_averaged")
    if len(values) < ENOUGH_QUERIES or np.isnan(values).all():
        return []
    left_out = int(measured.protocol.query_excluded)
    relevant = _count(database_labels[:, 0], query_labels[:, 0]) * step - left_out
    chance = float(
        random_average_precision(relevant, measured.num_database)[~np.isnan(values)].mean()
    )
    mean = float(np.nanmean(values))
    if mean > min(HARDLY_BETTER * chance, chance + HARDLY_MORE) or chance > MOST:
        return []
    return [
        f"map_tie_averaged {mean:.4f} is hardly better than that of a random ranking "
        f"({chance:.4f}); were both encoded by one trained network, from images of one data set?"
    ]


def random_average_precision(relevant: np.ndarray, num_items: int) -> np.ndarray:
    """Mean AP over all orders of n items, R relevant: (H + (R - 1) / (n - 1) (n - H)) / n."""
    harmonic = (1.0 / np.arange(1, num_items + 1)).sum()
    slope = (relevant - 1) / max(num_items - 1, 1)
    return (harmonic + slope * (num_items - harmonic)) / num_items


def _some(classes: Sequence[int] | np.ndarray) -> str:
    """The first classes, and whether there are more."""
    shown = ", ".join(str(label) for label in classes[:5])
    return f"class {shown}" + (f" and {len(classes) - 5} more" if len(classes) > 5 else "")

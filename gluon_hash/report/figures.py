"""Figures of tables of codes: what `gluon-hash plot` draws, and the page of a report."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gluon_hash import plots
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.report.bits import bit_statistics
from gluon_hash.report.contents import Images
from gluon_hash.report.fidelity import coarser, fidelity
from gluon_hash.report.neighbours import class_shares, nearest
from gluon_hash.retrieval import CodeTable, FeatureTable
from gluon_hash.retrieval.codes import packing

__all__ = [
    "bits_figure",
    "code_figure",
    "confusion_figure",
    "distance_figure",
    "grid_figure",
    "tanglegram_figure",
]

MOST_LEAVES = 400  # classes of a tanglegram; more are not legible on any page


def code_figure(
    table: CodeTable | FeatureTable,
    hierarchy: Hierarchy,
    seed: int,
    *,
    level: int | None = None,
    limit: int = 2000,
    method: str = "tsne",
    metric: str = "euclidean",
    perplexity: float | None = None,
    width: float | None = None,
) -> Figure:
    """Codes, or relaxed codes, in two dimensions, by a level of the hierarchy.

    Parameters
    ----------
    table : CodeTable, or FeatureTable of relaxed codes
    hierarchy : Hierarchy
    seed : int
    level : int, optional
        Default: the coarsest.
    limit : int
        Codes at most, drawn by ``seed``.
    method, metric, perplexity
        As gluon_hash.plots.embed.
    width : float, optional
        Of the figure, in inches.

    Raises
    ------
    ValueError
        If there is no such level, or as gluon_hash.plots.embed.
    """
    top = hierarchy.num_levels - 1
    level = top if level is None else level
    if not 0 <= level <= top:
        raise ValueError(f"level: the hierarchy has levels 0 to {top}, got {level}")
    chosen = np.sort(np.random.RandomState(seed).permutation(len(table))[:limit])
    if isinstance(table, CodeTable):
        kind = f"codes of {plots.count_bits(table.num_bits)}"
        codes = packing.unpack(table.codes[chosen], table.num_bits)
    else:
        kind = f"relaxed codes of {plots.count_bits(table.features.shape[1])}"
        codes = table.features[chosen].astype(np.float32)
    placed = plots.embed(codes, seed, method=method, metric=metric, perplexity=perplexity)
    groups = np.zeros(hierarchy.num_classes[level], int)
    groups[hierarchy.ancestors[:, level]] = hierarchy.ancestors[:, top]
    narrow = width is not None and width < 5
    by = f"by {hierarchy.level_names[level]}"
    return plots.tsne(
        codes,
        table.level_labels[chosen, level],
        hierarchy.class_names[level],
        seed,
        title=f"{len(chosen)} {kind}, {by}{chr(10) if narrow else '; '}{placed.title}",
        groups=groups if level < top else None,
        group_names=hierarchy.class_names[top],
        embedding=placed,
        width=width,
    )


def grid_figure(
    query: CodeTable,
    database: CodeTable,
    hierarchy: Hierarchy,
    images: Images,
    places: np.ndarray,
    *,
    k: int = 10,
    width: float | None = None,
) -> Figure:
    """Queries and what is nearest to them, with their classes.

    Parameters
    ----------
    query, database : CodeTable
    hierarchy : Hierarchy
    images : Images
    places : int array
        Positions of the queries.
    k : int
        Results in a row.
    width : float, optional
        Of the figure, in inches.
    """
    asked = query.take(places)
    distances, results = nearest(asked, database, k)
    matching = (database.level_labels[results] == asked.level_labels[:, None]).sum(axis=2)
    names = hierarchy.class_names[0]
    return plots.retrieval_grid(
        [images.query(int(place)) for place in places],
        [[images.database(int(result)) for result in row] for row in results],
        distances,
        matching,
        hierarchy.level_names,
        [names[label] for label in asked.level_labels[:, 0]],
        captions=[[names[c] for c in database.level_labels[row, 0]] for row in results],
        width=width,
    )


def confusion_figure(
    query: CodeTable,
    database: CodeTable,
    hierarchy: Hierarchy,
    *,
    first: int = 100,
    width: float | None = None,
) -> Figure:
    """Of which classes the first results of each class's queries are.

    Parameters
    ----------
    query, database : CodeTable
    hierarchy : Hierarchy
    first : int
        Results of a query that are counted.
    width : float, optional
        Of the figure, in inches.
    """
    _, results = nearest(query, database, first)
    shares = class_shares(
        query.level_labels[:, 0],
        database.level_labels[results, 0],
        hierarchy.num_classes[0],
    )
    return plots.class_confusion(shares, hierarchy, results.shape[1], width=width)


def distance_figure(
    table: CodeTable, hierarchy: Hierarchy, *, level: int = 0, width: float | None = None
) -> Figure:
    """Hamming distances of classes against those in the tree, with their correlations.

    Parameters
    ----------
    table : CodeTable
    hierarchy : Hierarchy
    level : int
        Whose classes are compared.
    width : float, optional
        Of the figure, in inches.

    Raises
    ------
    ValueError
        If there is no such level, or it has fewer than three classes.
    """
    found = fidelity(*coarser(table, hierarchy, level))
    note = (
        f"rank correlation {found.rank_correlation:.2f}, "
        f"cophenetic {found.cophenetic_correlation:.2f}"
    )
    return plots.distance_against_tree(
        found.hamming, found.steps, found.hierarchy.level_names, note=note, width=width
    )


def tanglegram_figure(
    table: CodeTable, hierarchy: Hierarchy, *, level: int = 0, width: float | None = None
) -> Figure:
    """The tree that the codes of classes make beside the hierarchy; arguments as distance_figure.

    Raises
    ------
    ValueError
        As distance_figure, and with more than 400 classes.
    """
    table, hierarchy = coarser(table, hierarchy, level)
    if hierarchy.num_classes[0] > MOST_LEAVES:
        raise ValueError(
            f"a tanglegram of {hierarchy.num_classes[0]} classes cannot be read; name a coarser "
            f"level than {level}"
        )
    found = fidelity(table, hierarchy)
    return plots.tanglegram(found.linkage, found.hierarchy, width=width)


def bits_figure(table: CodeTable, *, width: float | None = None) -> Figure:
    """How often each bit is set, and how far each two agree."""
    found = bit_statistics(table)
    return plots.bit_statistics(found.share, found.correlation, width=width)

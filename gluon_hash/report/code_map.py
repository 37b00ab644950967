"""The map of codes: points in the plane, with what is shown of each when it is pointed at."""

from __future__ import annotations

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.embedding import Embedding, embed
from gluon_hash.plots.palette import class_colours
from gluon_hash.plots.tsne import point_radius
from gluon_hash.report.contents import Codes
from gluon_hash.report.images import CELL, sheet
from gluon_hash.retrieval import codes as code_format

__all__ = ["ACROSS", "code_map"]

ACROSS = 32  # images in a row of the sheet
WIDTH, HEIGHT, MARGIN = 1000, 760, 24
UNITS_A_POINT = 2.0  # of the radius of a point


def code_map(codes: Codes, limit: int, seed: int) -> dict[str, object]:
    """The queries' codes in the plane, as JSON values for the page's script.

    Parameters
    ----------
    codes : Codes
    limit : int
        Queries at most, drawn by ``seed``.
    seed : int

    Returns
    -------
    dict
        "points": [x, y, radius, number of queries, [[class, how many], ...], place in the sheet];
        "levels": name, classes, colours, class at this level of each finest class;
        "sheet": its address, or None; "title", "shown" and "total".

    Raises
    ------
    ValueError
        If there are fewer than 5 different codes.
    """
    query = codes.query
    chosen = np.sort(np.random.RandomState(seed).permutation(len(query))[:limit])
    embedding = embed(code_format.unpack(query.codes[chosen], query.num_bits), seed)
    fine = query.level_labels[chosen, 0]
    order = np.argsort(-embedding.counts, kind="stable")  # large ones below small ones
    _, firsts = np.unique(embedding.point_of, return_index=True)
    images = [codes.images.query(int(chosen[firsts[point]])) for point in order]
    shown = any(image is not None for image in images)
    return {
        "points": _points(embedding, fine, order),
        "levels": _levels(codes.hierarchy),
        "sheet": sheet(images, ACROSS) if shown else None,
        "cell": CELL,
        "across": ACROSS,
        "rows": -(-len(images) // ACROSS),
        "width": WIDTH,
        "height": HEIGHT,
        "title": embedding.title,
        "shown": len(chosen),
        "total": len(query),
    }


def _points(embedding: Embedding, fine: np.ndarray, order: np.ndarray) -> list[list[object]]:
    low, high = embedding.points.min(axis=0), embedding.points.max(axis=0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    places = MARGIN + (embedding.points - low) / np.maximum(high - low, 1e-9) * room
    radii = point_radius(embedding.counts) * UNITS_A_POINT
    members: list[list[list[int]]] = [[] for _ in order]
    pairs, counts = np.unique(np.stack([embedding.point_of, fine]), axis=1, return_counts=True)
    for (point, label), count in sorted(zip(pairs.T.tolist(), counts.tolist()), key=_by_count):
        members[point].append([label, count])
    return [
        [
            *np.round(places[point], 1).tolist(),
            round(float(radii[point]), 1),
            int(embedding.counts[point]),
            members[point],
        ]
        for point in order
    ]


def _by_count(pair: tuple[list[int], int]) -> int:
    return -pair[1]


def _levels(hierarchy: Hierarchy) -> list[dict[str, object]]:
    """Names, classes and colours of each level: the coarsest class's hue, a shade of its own."""
    result: list[dict[str, object]] = []
    for level, (name, classes) in enumerate(zip(hierarchy.level_names, hierarchy.class_names)):
        coarsest = np.zeros(len(classes), int)
        coarsest[hierarchy.ancestors[:, level]] = hierarchy.ancestors[:, -1]
        groups = np.arange(len(classes)) if hierarchy.num_levels == 1 else coarsest
        result.append(
            {
                "name": name,
                "classes": list(classes),
                "colours": class_colours(groups),
                "of": hierarchy.ancestors[:, level].tolist(),
            }
        )
    return result

"""A tanglegram: the tree that the codes make beside the tree that was given, classes joined.

Source: average linkage of Hamming distances (Sokal and Michener 1958), by SciPy.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.plots.confusion import tree_order
from gluon_hash.plots.names import count_bits, cut
from gluon_hash.plots.palette import class_colours
from gluon_hash.plots.style import INK, styled

__all__ = ["crossings", "tanglegram", "untangled"]

ROUNDS = 6
CHARACTER = 0.6  # width of a letter over the size of the type
LARGEST_TYPE = 7.0  # points


@styled
def tanglegram(linkage: np.ndarray, hierarchy: Hierarchy, *, width: float | None = None) -> Figure:
    """The dendrogram of the classes' codes on the left, the given tree on the right.

    Both are turned at their nodes so that few of the lines between them cross.

    Parameters
    ----------
    linkage : float, shape (C - 1, 4)
        As scipy.cluster.hierarchy.linkage has it, of the C finest classes.
    hierarchy : Hierarchy
        With C finest classes.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the two have different numbers of classes.
    """
    count = hierarchy.num_classes[0]
    if len(linkage) + 1 != count:
        raise ValueError(
            f"tanglegram: a linkage of {len(linkage) + 1} classes, a hierarchy of {count}"
        )
    learned, given = untangled(linkage, hierarchy)
    wide = 7.0 if width is None else width
    size = LARGEST_TYPE if wide > 5 else 5.0
    high = max(1.6, count * size * 1.22 / 72 + 0.75)
    figure = Figure(figsize=(wide, high))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    lines = (high - 0.75) / max(count, 1)  # inches between two classes
    axes.set(xlim=(0, wide), ylim=(count - 0.5 + 0.42 / lines, -0.5 - 0.33 / lines))
    colours = class_colours(np.arange(hierarchy.num_classes[-1]))
    names = [
        cut(name, int(0.24 * wide * 72 / size / CHARACTER)) for name in hierarchy.class_names[0]
    ]
    above = (
        [cut(name, int(0.24 * wide * 72 / size / CHARACTER)) for name in hierarchy.class_names[-1]]
        if hierarchy.num_levels > 1
        else [""]
    )
    text, last = (max(map(len, words)) * CHARACTER * size / 72 for words in (names, above))
    start, end = 0.19 * wide, wide - last - 0.14 - 0.1 * wide
    _draw_learned(axes, linkage, learned, 0.06, start)
    of_class = [colours[c] for c in hierarchy.ancestors[:, -1]]
    _draw_links(
        axes, (learned, given), names, of_class, (start + 0.05, end - 0.05, text + 0.03), size
    )
    _draw_given(axes, hierarchy, given, [*zip(above, colours)], (end, wide - last - 0.1), size)
    _say(axes, linkage, (start, wide), f"{crossings(learned, given)} crossings", count, lines)
    return figure


def untangled(linkage: np.ndarray, hierarchy: Hierarchy) -> tuple[np.ndarray, np.ndarray]:
    """Orders of the classes that both trees allow and in which few lines cross: int64 (C,) each.

    The children of each node are sorted by the mean place of their classes in the other tree, in
    turns; the best of six rounds is taken.
    """
    given = tree_order(hierarchy)
    orders = []
    for _ in range(ROUNDS):
        learned = _turned_linkage(linkage, np.argsort(given))
        given = _turned_tree(hierarchy, np.argsort(learned))
        orders.append((learned, given))
    return min(orders, key=lambda pair: crossings(*pair))


def crossings(learned: np.ndarray, given: np.ndarray) -> int:
    """How many pairs of classes are in the other order in the other tree.

    Examples
    --------
    >>> crossings(np.array([0, 1, 2]), np.array([2, 1, 0])), crossings(*np.array([[1, 0], [1, 0]]))
    (3, 0)
    """
    places = np.argsort(given)[learned]
    return int(np.triu(places[:, None] > places[None, :], 1).sum())


def _turned_linkage(linkage: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Leaves of a dendrogram, children sorted by the mean rank of their leaves."""
    count = len(rank)
    total, size = np.zeros(2 * count - 1), np.ones(2 * count - 1)
    total[:count] = rank
    for row, (first, second) in enumerate(linkage[:, :2].astype(int), start=count):
        total[row], size[row] = total[first] + total[second], size[first] + size[second]
    mean, leaves, waiting = total / size, [], [2 * count - 2]
    while waiting:
        node = waiting.pop()
        if node < count:
            leaves.append(node)
            continue
        children = linkage[node - count, :2].astype(int)
        waiting += sorted(children, key=lambda child: -mean[child])
    return np.array(leaves)


def _turned_tree(hierarchy: Hierarchy, rank: np.ndarray) -> np.ndarray:
    """Finest classes in an order of the given tree, children sorted by the mean of ``rank``."""
    keys = [rank]
    for level in range(hierarchy.num_levels):
        groups = hierarchy.ancestors[:, level]
        mean = np.bincount(groups, weights=rank) / np.bincount(groups)
        keys += [groups, mean[groups]]
    return np.lexsort(keys)


def _say(
    axes: Axes,
    linkage: np.ndarray,
    ends: tuple[float, float],
    crossed: str,
    count: int,
    lines: float,
) -> None:
    """What the sides are, above them; below the codes' side how long a number of bits is."""
    top, bottom = -0.5 - 0.13 / lines, count - 0.5 + 0.12 / lines
    axes.text(0.06, top, "by the codes", fontsize=8, weight="bold")
    axes.text(ends[1] / 2 + 0.3, bottom + 0.13 / lines, crossed, fontsize=6.5, ha="center")
    axes.text(ends[1] - 0.06, top, "by the hierarchy", fontsize=8, weight="bold", ha="right")
    largest = max(float(linkage[-1, 2]), 1e-9)
    bits = next((b for b in (50, 20, 10, 5, 2, 1) if b <= 0.6 * largest), 1)
    length = bits / largest * (ends[0] - 0.06)
    axes.plot([ends[0] - length, ends[0]], [bottom, bottom], color=INK, linewidth=1.2)
    axes.text(
        ends[0] - length / 2,
        bottom + 0.13 / lines,
        count_bits(bits),
        fontsize=6.5,
        ha="center",
        va="center",
    )


def _draw_learned(
    axes: Axes, linkage: np.ndarray, order: np.ndarray, start: float, end: float
) -> None:
    """The root on the left; a node as far from the right as its distance in bits."""
    count = len(order)
    height, place = np.zeros(2 * count - 1), np.zeros(2 * count - 1)
    place[order] = np.arange(count)
    scale, lines = (end - start) / max(float(linkage[-1, 2]), 1e-9), []
    for row, (first, second, distance, _) in enumerate(linkage, start=count):
        one, other = int(first), int(second)
        height[row], place[row] = distance, (place[one] + place[other]) / 2
        at = end - scale * distance
        lines += [
            [(end - scale * height[one], place[one]), (at, place[one])],
            [(end - scale * height[other], place[other]), (at, place[other])],
            [(at, place[one]), (at, place[other])],
        ]
    axes.add_collection(LineCollection(lines, colors=INK, linewidths=0.7))


def _draw_links(
    axes: Axes,
    orders: tuple[np.ndarray, np.ndarray],
    names: list[str],
    colours: list[str],
    ends: tuple[float, float, float],
    size: float,
) -> None:
    """The names in both orders, and a line between the two places of each."""
    here, there = (np.argsort(order) for order in orders)
    start, end, text = ends
    for c, name in enumerate(names):
        axes.text(start, here[c], name, ha="left", va="center", fontsize=size)
        axes.text(end, there[c], name, ha="right", va="center", fontsize=size)
    lines = [[(start + text, here[c]), (end - text, there[c])] for c in range(len(names))]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=1.0, alpha=0.9))


def _draw_given(
    axes: Axes,
    hierarchy: Hierarchy,
    order: np.ndarray,
    coarsest: list[tuple[str, str]],
    ends: tuple[float, float],
    size: float,
) -> None:
    """Leaves on the left, the root on the right; the coarsest classes in their colours, named."""
    places, top = np.argsort(order).astype(float), hierarchy.num_levels
    step = (ends[1] - ends[0]) / top
    for level in range(top):
        own = hierarchy.ancestors[:, level]
        at = np.bincount(own, weights=places) / np.bincount(own)
        parents = hierarchy.parents[level] if level + 1 < top else np.zeros(len(at), int)
        left, right = ends[0] + level * step, ends[0] + (level + 1) * step
        lines = [[(left, y), (right, y)] for y in at]
        for parent in range(int(parents.max()) + 1):
            children = at[parents == parent]
            lines.append([(right, children.min()), (right, children.max())])
        axes.add_collection(LineCollection(lines, colors=INK, linewidths=0.7))
        places = at[own]
    if top > 1:
        for (name, colour), y in zip(coarsest, at):
            axes.text(ends[1] + 0.05, y, name, va="center", color=colour, fontsize=size)

"""How far apart the codes of two classes are, against how far apart the tree says they are."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gluon_hash.plots.palette import COOL
from gluon_hash.plots.style import INK, PAPER, styled

__all__ = ["distance_against_tree"]

JITTER = 0.32  # of a step, to both sides: most pairs have equal distances
MOST_POINTS = 6000
SEED = 24  # of the jitter, and of the pairs drawn where there are more


@styled
def distance_against_tree(
    hamming: np.ndarray,
    steps: np.ndarray,
    level_names: list[str] | tuple[str, ...],
    *,
    note: str = "",
    width: float | None = None,
) -> Figure:
    """A point for each pair of classes, their Hamming distance by their distance in the tree.

    A box at each distance has the middle half of the pairs, and a line at their median.

    Parameters
    ----------
    hamming : float, shape (C, C)
        Between the codes of two classes, in bits.
    steps : int, shape (C, C)
        Levels at which two classes differ, 1 to K: K means that they share nothing.
    level_names : sequence of K str
        Finest first.
    note : str
        Below the axis, such as a correlation.
    width : float, optional
        Of the figure, in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        With fewer than two classes.
    """
    if len(hamming) < 2:
        raise ValueError("distance_against_tree: expected at least two classes")
    first, second = np.triu_indices(len(hamming), 1)
    distance, apart = hamming[first, second], steps[first, second]
    rng = np.random.RandomState(SEED)
    shown = rng.permutation(len(distance))[:MOST_POINTS]
    wide = 3.6 if width is None else width
    figure = Figure(figsize=(wide, 0.85 * wide), layout="constrained")
    axes = figure.subplots()
    places = apart[shown] + rng.uniform(-JITTER, JITTER, len(shown))
    axes.scatter(places, distance[shown], s=4, color=COOL[0], alpha=0.3, linewidths=0)
    present = np.unique(apart)
    axes.boxplot(
        [distance[apart == number] for number in present],
        positions=present,
        widths=0.34,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": PAPER, "alpha": 0.75, "linewidth": 0.8, "edgecolor": INK},
        medianprops={"color": INK, "linewidth": 1.6},
        whiskerprops={"linewidth": 0.8, "color": INK},
        capprops={"linewidth": 0.8, "color": INK},
    )
    meanings = [f"same {name}" for name in level_names[1:]] + ["no relative"]
    axes.set_xticks(
        range(1, len(level_names) + 1),
        [f"{number}\n{meanings[number - 1]}" for number in range(1, len(level_names) + 1)],
    )
    if len(level_names) > 4:
        axes.tick_params(axis="x", rotation=30)
    axes.set(xlim=(0.4, len(level_names) + 0.6), ylim=(0, None))
    axes.set_ylabel("Hamming distance of class codes, bits")
    axes.set_xlabel(f"steps up the tree to a common class{chr(10) if note else ''}{note}")
    axes.grid(alpha=0.6, axis="y")
    return figure

"""t-SNE of codes, coloured by a level of the hierarchy.

Source: van der Maaten and Hinton 2008, by scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

__all__ = ["tsne"]

LARGEST_LEGEND = 30


def tsne(
    codes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    seed: int,
    *,
    title: str = "t-SNE of codes",
) -> Figure:
    """Codes in two dimensions, one colour for each class.

    Parameters
    ----------
    codes : int8 in {-1, +1}, or relaxed codes, shape (N, num_bits)
        On {-1, +1} the Euclidean order that t-SNE uses is the Hamming order.
    labels : int, shape (N,)
        Class of each code, at the level to colour by.
    class_names : sequence of str
        For the legend, which is left out beyond 30 classes.
    seed : int
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        With fewer than 5 codes, or when all are the same.
    """
    from sklearn.manifold import TSNE

    if len(codes) < 5:
        raise ValueError(f"tsne: expected at least 5 codes, got {len(codes)}")
    if (
        codes == codes[0]
    ).all():  # scikit-learn divides by their variance, and crashes on the result
        raise ValueError(
            f"tsne: all {len(codes)} codes are the same: the network has collapsed or was hardly "
            "trained"
        )
    perplexity = min(30.0, (len(codes) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        codes.astype(np.float32)
    )
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    axes = figure.subplots()
    present = np.unique(labels)
    colours = colormaps[
        "tab10" if len(present) <= 10 else "tab20" if len(present) <= 20 else "gist_ncar"
    ]
    for number, label in enumerate(present):
        colour = colours(number if len(present) <= 20 else 0.95 * number / len(present))
        at = labels == label
        axes.scatter(
            points[at, 0], points[at, 1], s=9, color=colour, label=class_names[label], linewidths=0
        )
    axes.set(title=title, xticks=[], yticks=[])
    if len(present) <= LARGEST_LEGEND:
        axes.legend(
            loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False, markerscale=2
        )
    return figure

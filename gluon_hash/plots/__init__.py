"""Figures: arrays in, a matplotlib Figure out; nothing is shown or saved, no MXNet."""

from gluon_hash.plots.comparison import metrics_by_bits, metrics_by_name
from gluon_hash.plots.curves import retrieval_curves, training_curves
from gluon_hash.plots.grids import retrieval_grid
from gluon_hash.plots.hierarchy import hierarchy_tree
from gluon_hash.plots.pages import retrieval_page
from gluon_hash.plots.tsne import tsne

__all__ = [
    "hierarchy_tree",
    "metrics_by_bits",
    "metrics_by_name",
    "retrieval_curves",
    "retrieval_grid",
    "retrieval_page",
    "training_curves",
    "tsne",
]

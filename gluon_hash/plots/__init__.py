"""Figures: arrays in, a matplotlib Figure out; nothing is shown, nothing saved, MXNet is not needed."""
from gluon_hash.plots.curves import training_curves
from gluon_hash.plots.grids import retrieval_grid
from gluon_hash.plots.hierarchy import hierarchy_tree
from gluon_hash.plots.tsne import tsne

__all__ = ["hierarchy_tree", "retrieval_grid", "training_curves", "tsne"]

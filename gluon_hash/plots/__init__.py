"""Figures: arrays in, a matplotlib Figure out; nothing is shown or saved, no MXNet."""

from gluon_hash.plots.bits import bit_statistics
from gluon_hash.plots.comparison import metrics_by_bits, metrics_by_name
from gluon_hash.plots.confusion import class_confusion
from gluon_hash.plots.curves import retrieval_curves, training_curves
from gluon_hash.plots.embedding import Embedding, embed
from gluon_hash.plots.fidelity import distance_against_tree
from gluon_hash.plots.grids import retrieval_grid
from gluon_hash.plots.hierarchy import hierarchy_tree
from gluon_hash.plots.names import count_bits, line_label, method_label, metric_label
from gluon_hash.plots.pages import retrieval_page
from gluon_hash.plots.tanglegram import tanglegram
from gluon_hash.plots.tsne import tsne

__all__ = [
    "Embedding",
    "bit_statistics",
    "class_confusion",
    "count_bits",
    "distance_against_tree",
    "embed",
    "hierarchy_tree",
    "line_label",
    "method_label",
    "metric_label",
    "metrics_by_bits",
    "metrics_by_name",
    "retrieval_curves",
    "retrieval_grid",
    "retrieval_page",
    "tanglegram",
    "training_curves",
    "tsne",
]

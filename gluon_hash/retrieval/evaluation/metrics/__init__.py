"""The metrics of the field as pure functions of ranked lists: one value per query.

For rankings of any origin; NaN where a metric is undefined. ``evaluate`` measures Hamming rankings
with compiled kernels that follow the same rules. ``relevant`` says whether an item is of the
query's class; a ``gain`` is the number of levels at which it agrees with the query. All inputs are
best first, shape (Q, N), a row per query, and hold every item that was ranked.
"""

from gluon_hash.retrieval.evaluation.metrics.binary import (
    average_precision,
    hit_at,
    precision_at,
    r_precision,
    recall_at,
)
from gluon_hash.retrieval.evaluation.metrics.graded import (
    acg,
    ahp,
    asi,
    barz_ahp,
    hap,
    mean_ndcg_released,
    ndcg,
    ndcg_exponential,
    weighted_recall,
)

__all__ = [
    "acg",
    "ahp",
    "asi",
    "average_precision",
    "barz_ahp",
    "hap",
    "hit_at",
    "mean_ndcg_released",
    "ndcg",
    "ndcg_exponential",
    "precision_at",
    "r_precision",
    "recall_at",
    "weighted_recall",
]

"""Evaluation: rankings, metrics, protocols, curves, intervals."""

from gluon_hash.retrieval.evaluation import metrics
from gluon_hash.retrieval.evaluation.confidence import bootstrap
from gluon_hash.retrieval.evaluation.curves import Curves, curves
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.evaluate import (
    evaluate,
    leave_one_out,
    measure,
    measure_by_distance,
)
from gluon_hash.retrieval.evaluation.float_ranking import feature_distances, measure_tables
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import PROTOCOLS, Protocol
from gluon_hash.retrieval.evaluation.weighted import weighted_distances

__all__ = [
    "Curves",
    "Cutoffs",
    "Measured",
    "PROTOCOLS",
    "Protocol",
    "bootstrap",
    "curves",
    "evaluate",
    "feature_distances",
    "leave_one_out",
    "measure",
    "measure_by_distance",
    "measure_tables",
    "metrics",
    "weighted_distances",
]

"""Codes, evaluation, indexes, baselines: nothing here needs MXNet."""

from gluon_hash.retrieval import codes
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable, load_table
from gluon_hash.retrieval.evaluation import metrics
from gluon_hash.retrieval.evaluation.curves import Curves, curves
from gluon_hash.retrieval.evaluation.evaluate import (
    Measured,
    evaluate,
    leave_one_out,
    measure,
    measure_by_distance,
)
from gluon_hash.retrieval.evaluation.float_ranking import feature_distances, measure_tables
from gluon_hash.retrieval.evaluation.protocols import PROTOCOLS
from gluon_hash.retrieval.evaluation.weighted import weighted_distances
from gluon_hash.retrieval.index.hamming import HammingIndex

__all__ = [
    "CodeTable",
    "Curves",
    "FeatureTable",
    "HammingIndex",
    "Measured",
    "PROTOCOLS",
    "codes",
    "curves",
    "evaluate",
    "feature_distances",
    "leave_one_out",
    "load_table",
    "measure",
    "measure_by_distance",
    "measure_tables",
    "metrics",
    "weighted_distances",
]

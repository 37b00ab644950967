"""Codes, indexes and metrics: all but encode.py works without MXNet."""

from gluon_hash.retrieval import codes, metrics
from gluon_hash.retrieval.curves import Curves, curves
from gluon_hash.retrieval.evaluate import (
    Measured,
    evaluate,
    leave_one_out,
    measure,
    measure_by_distance,
)
from gluon_hash.retrieval.float_ranking import feature_distances, measure_tables
from gluon_hash.retrieval.index import HammingIndex
from gluon_hash.retrieval.protocols import PROTOCOLS
from gluon_hash.retrieval.tables import CodeTable, FeatureTable, load_table
from gluon_hash.retrieval.weighted import weighted_distances

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

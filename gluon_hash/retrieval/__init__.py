"""Codes, evaluation, indexes, baselines: nothing here needs MXNet."""

from gluon_hash.retrieval import codes
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable, load_table
from gluon_hash.retrieval.evaluation import (
    PROTOCOLS,
    CodeHealth,
    Curves,
    Cutoffs,
    Measured,
    code_health,
    curves,
    evaluate,
    feature_distances,
    leave_one_out,
    measure,
    measure_by_distance,
    measure_tables,
    metrics,
    per_class,
    weighted_distances,
)
from gluon_hash.retrieval.index.hamming import HammingIndex

__all__ = [
    "CodeHealth",
    "CodeTable",
    "Curves",
    "Cutoffs",
    "FeatureTable",
    "HammingIndex",
    "Measured",
    "PROTOCOLS",
    "code_health",
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
    "per_class",
    "weighted_distances",
]

"""Evaluation: rankings, metrics, protocols, curves, intervals."""

from gluon_hash.retrieval.evaluation import metrics
from gluon_hash.retrieval.evaluation.advice import advise
from gluon_hash.retrieval.evaluation.confidence import bootstrap
from gluon_hash.retrieval.evaluation.curves import Curves, curves
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.database_parts import DatabaseParts
from gluon_hash.retrieval.evaluation.evaluate import (
    evaluate,
    leave_one_out,
    measure,
    measure_and_draw,
    measure_by_distance,
)
from gluon_hash.retrieval.evaluation.float_ranking import (
    bilinear_distances,
    feature_distances,
    measure_tables,
)
from gluon_hash.retrieval.evaluation.health import CodeHealth, code_health
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.parts import curves_of_parts, measure_parts
from gluon_hash.retrieval.evaluation.per_class import ClassResult, per_class, write_per_class
from gluon_hash.retrieval.evaluation.protocols import PROTOCOLS, Protocol
from gluon_hash.retrieval.evaluation.searches import SEARCHES, Search, measure_searches, searches
from gluon_hash.retrieval.evaluation.weighted import weighted_distances

__all__ = [
    "ClassResult",
    "CodeHealth",
    "Curves",
    "Cutoffs",
    "DatabaseParts",
    "Measured",
    "PROTOCOLS",
    "Protocol",
    "SEARCHES",
    "Search",
    "advise",
    "bilinear_distances",
    "bootstrap",
    "code_health",
    "curves",
    "curves_of_parts",
    "evaluate",
    "feature_distances",
    "leave_one_out",
    "measure",
    "measure_and_draw",
    "measure_by_distance",
    "measure_parts",
    "measure_searches",
    "measure_tables",
    "metrics",
    "per_class",
    "searches",
    "weighted_distances",
    "write_per_class",
]

"""Codes, evaluation, indexes, baselines: nothing here needs MXNet.

Compilers and FAISS are imported when something that needs them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gluon_hash.lazy import on_demand

if TYPE_CHECKING:
    from gluon_hash.retrieval import codes
    from gluon_hash.retrieval.codes.merging import merge_shards
    from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable, load_table
    from gluon_hash.retrieval.evaluation import metrics
    from gluon_hash.retrieval.evaluation.curves import Curves, curves
    from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
    from gluon_hash.retrieval.evaluation.database_parts import DatabaseParts
    from gluon_hash.retrieval.evaluation.evaluate import (
        evaluate,
        leave_one_out,
        measure,
        measure_by_distance,
    )
    from gluon_hash.retrieval.evaluation.float_ranking import feature_distances, measure_tables
    from gluon_hash.retrieval.evaluation.health import CodeHealth, code_health
    from gluon_hash.retrieval.evaluation.measured import Measured
    from gluon_hash.retrieval.evaluation.parts import curves_of_parts, measure_parts
    from gluon_hash.retrieval.evaluation.per_class import per_class
    from gluon_hash.retrieval.evaluation.protocols import PROTOCOLS
    from gluon_hash.retrieval.evaluation.weighted import weighted_distances
    from gluon_hash.retrieval.index.hamming import HammingIndex

__all__ = [
    "CodeHealth",
    "CodeTable",
    "Curves",
    "Cutoffs",
    "DatabaseParts",
    "FeatureTable",
    "HammingIndex",
    "Measured",
    "PROTOCOLS",
    "code_health",
    "codes",
    "curves",
    "curves_of_parts",
    "evaluate",
    "feature_distances",
    "leave_one_out",
    "load_table",
    "measure",
    "measure_by_distance",
    "measure_parts",
    "measure_tables",
    "merge_shards",
    "metrics",
    "per_class",
    "weighted_distances",
]

EVALUATION, TABLES = "gluon_hash.retrieval.evaluation", "gluon_hash.retrieval.codes.tables"
HOMES = {
    "codes": "gluon_hash.retrieval.codes",
    "merge_shards": "gluon_hash.retrieval.codes.merging",
    "HammingIndex": "gluon_hash.retrieval.index.hamming",
    **dict.fromkeys(("CodeTable", "FeatureTable", "load_table"), TABLES),
}
__getattr__ = on_demand(__name__, {**dict.fromkeys(__all__, EVALUATION), **HOMES})


def __dir__() -> list[str]:
    return sorted(__all__)

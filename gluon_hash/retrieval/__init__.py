"""Codes, indexes and metrics: all but encode.py works without MXNet."""
from gluon_hash.retrieval import codes
from gluon_hash.retrieval.evaluate import evaluate, leave_one_out
from gluon_hash.retrieval.index import HammingIndex
from gluon_hash.retrieval.tables import CodeTable, FeatureTable

__all__ = ["CodeTable", "FeatureTable", "HammingIndex", "codes", "evaluate", "leave_one_out"]

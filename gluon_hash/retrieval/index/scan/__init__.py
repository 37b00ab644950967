"""Exact search by comparing every code: a compiled loop over the packed codes, on all processors.

Importing this imports no compiler; the first scan does.
"""

from gluon_hash.retrieval.index.scan.loading import load_for_work_alone, pays
from gluon_hash.retrieval.index.scan.scanning import count_within, nearest, within

__all__ = ["count_within", "load_for_work_alone", "nearest", "pays", "within"]

"""Codes: packing them, and the tables that hold them with ids and labels."""

from gluon_hash.retrieval.codes.packing import (
    binarize,
    check_packed,
    first_bits,
    num_bytes,
    pack,
    unpack,
)
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable, check_comparable, load_table

__all__ = [
    "CodeTable",
    "FeatureTable",
    "binarize",
    "check_comparable",
    "check_packed",
    "first_bits",
    "load_table",
    "num_bytes",
    "pack",
    "unpack",
]

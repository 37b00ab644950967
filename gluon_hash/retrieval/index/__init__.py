"""Hamming search: an index of several kinds, its files, other databases."""

from gluon_hash.retrieval.index.hamming import HammingIndex
from gluon_hash.retrieval.index.searcher import Near, Searcher
from gluon_hash.retrieval.index.zoom import Branch

__all__ = ["Branch", "HammingIndex", "Near", "Searcher"]

"""Hamming search: an index of several kinds, its files, other databases."""

from gluon_hash.retrieval.index.hamming import HammingIndex, Near

__all__ = ["HammingIndex", "Near"]

"""Hamming search: an index of several kinds, its files, what its answers say, other databases."""

from gluon_hash.retrieval.index.answers import Answers, find_answers, with_sharing, with_ties
from gluon_hash.retrieval.index.hamming import HammingIndex
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.searcher import Near, Searcher
from gluon_hash.retrieval.index.zoom import Branch, Vote, group_by, zoom_out

__all__ = [
    "Answers",
    "Branch",
    "HammingIndex",
    "Items",
    "Near",
    "Searcher",
    "Vote",
    "find_answers",
    "group_by",
    "with_sharing",
    "with_ties",
    "zoom_out",
]

"""The kinds of a HammingIndex: which FAISS structure holds the codes, and what it promises.

flat       exact, every code is compared.
multihash  exact within a radius; codes that share no part with the query are never looked at.
hnsw, ivf  approximate; `index check` measures the recall. No promise about a radius.
"""

from gluon_hash.retrieval.index.kinds.base import Kind, Within
from gluon_hash.retrieval.index.kinds.flat import Flat
from gluon_hash.retrieval.index.kinds.hnsw import Hnsw
from gluon_hash.retrieval.index.kinds.ivf import Ivf
from gluon_hash.retrieval.index.kinds.multihash import MultiHash
from gluon_hash.retrieval.index.kinds.table import KINDS, from_dict, kind_for, to_dict

__all__ = [
    "KINDS",
    "Flat",
    "Hnsw",
    "Ivf",
    "Kind",
    "MultiHash",
    "Within",
    "from_dict",
    "kind_for",
    "to_dict",
]

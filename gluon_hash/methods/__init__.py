"""Methods: a paper's loss, memory and head as one object, whose fields are the paper's numbers."""

from gluon_hash.methods.binary_targets import CSQ, DPN, BinaryTargets, OrthoHash
from gluon_hash.methods.class_wise import DCDH, DCWH, HPDH, IDCWH, HPDHCoarseToFine
from gluon_hash.methods.classifiers import SSDH, GreedyHash, Softmax
from gluon_hash.methods.embeddings import Embedding, EmbeddingSoftmax
from gluon_hash.methods.expected_codeword import ExpectedCodeword
from gluon_hash.methods.memory import (
    CenterMemory,
    FixedTargets,
    ImageCodes,
    Memory,
    PerEpoch,
    RecentCodes,
)
from gluon_hash.methods.method import Codewords, Method, Parts, Task
from gluon_hash.methods.of_pairs import OfPairs
from gluon_hash.methods.pairwise import DCH, DHN, DPSH, DQN, DSDH, DSH, SHDH, HashNet
from gluon_hash.methods.semantic_indexing import SemanticIndexing
from gluon_hash.methods.table import METHODS, method_from
from gluon_hash.methods.triplets import DSRH, DTSH, DSRHYao

__all__ = [
    "CSQ",
    "DCDH",
    "DCH",
    "DCWH",
    "DHN",
    "DPN",
    "DPSH",
    "DQN",
    "DSDH",
    "DSH",
    "DSRH",
    "DSRHYao",
    "DTSH",
    "HPDH",
    "IDCWH",
    "METHODS",
    "SHDH",
    "SSDH",
    "BinaryTargets",
    "CenterMemory",
    "Codewords",
    "Embedding",
    "EmbeddingSoftmax",
    "ExpectedCodeword",
    "FixedTargets",
    "GreedyHash",
    "HPDHCoarseToFine",
    "HashNet",
    "ImageCodes",
    "Memory",
    "Method",
    "OfPairs",
    "OrthoHash",
    "Parts",
    "PerEpoch",
    "RecentCodes",
    "SemanticIndexing",
    "Softmax",
    "Task",
    "method_from",
]

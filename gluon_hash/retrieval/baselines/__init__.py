"""Hashing without training a network: fitted on real-valued features, no MXNet."""

from gluon_hash.retrieval.baselines.encode import encode_features_with
from gluon_hash.retrieval.baselines.fit import BASELINES, fit, load_baseline
from gluon_hash.retrieval.baselines.models import KernelHash, LinearHash, ProductQuantizer

__all__ = [
    "BASELINES",
    "KernelHash",
    "LinearHash",
    "ProductQuantizer",
    "encode_features_with",
    "fit",
    "load_baseline",
]

"""Objects from a configuration: the only reader of Config."""

from gluon_hash.experiment.comparison.compare import compare
from gluon_hash.experiment.data import evaluation_loader, features_of
from gluon_hash.experiment.objects import build_net
from gluon_hash.experiment.train import (
    Run,
    encode_images,
    encode_model,
    encode_model_features,
    encode_relaxed,
    load_run,
    train,
)
from gluon_hash.methods.table import METHODS

__all__ = [
    "METHODS",
    "Run",
    "build_net",
    "compare",
    "encode_images",
    "encode_model",
    "encode_model_features",
    "encode_relaxed",
    "evaluation_loader",
    "features_of",
    "load_run",
    "train",
]

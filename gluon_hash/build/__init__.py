"""Objects from a configuration: the only reader of Config."""

from gluon_hash import runtime

runtime.prepare()

from gluon_hash.build.compare import compare  # noqa: E402
from gluon_hash.build.data import evaluation_loader, features_of  # noqa: E402
from gluon_hash.build.methods import METHODS  # noqa: E402
from gluon_hash.build.objects import build_net  # noqa: E402
from gluon_hash.build.run import (  # noqa: E402
    Run,
    encode_images,
    encode_model,
    encode_model_features,
    encode_relaxed,
    load_run,
    train,
)

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

"""Image -> relaxed code: backbones, the hash layer, and weights from files."""

from gluon_hash import runtime

runtime.prepare()

from gluon_hash.nets.backbones import BACKBONES, Backbone, get_backbone  # noqa: E402
from gluon_hash.nets.hashnet import HashNet, Standardize  # noqa: E402
from gluon_hash.nets.weights import load_backbone, save_backbone  # noqa: E402

__all__ = [
    "BACKBONES",
    "Backbone",
    "HashNet",
    "Standardize",
    "get_backbone",
    "load_backbone",
    "save_backbone",
]

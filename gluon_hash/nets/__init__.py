"""Image -> relaxed code: backbones, the hash layer, and weights from files."""

from gluon_hash.nets.backbones import BACKBONES, Backbone, get_backbone
from gluon_hash.nets.hashing_net import HashingNet, Standardize
from gluon_hash.nets.weights import load_backbone, save_backbone

__all__ = [
    "BACKBONES",
    "Backbone",
    "HashingNet",
    "Standardize",
    "get_backbone",
    "load_backbone",
    "save_backbone",
]

"""Image -> relaxed code: backbones, the hash layer, heads beside it, and weights from files."""

from gluon_hash.nets.backbones import BACKBONES, Backbone, FeatureInput, get_backbone
from gluon_hash.nets.hashing_net import HashingNet, Hidden, Standardize, StandardizeRoots
from gluon_hash.nets.heads import Classifier, ExpectedCodeword, LearnedCenters
from gluon_hash.nets.soft_trees import SoftTrees, Trees
from gluon_hash.nets.weights import load_backbone, load_params, read_params, save_backbone

__all__ = [
    "BACKBONES",
    "Backbone",
    "Classifier",
    "ExpectedCodeword",
    "FeatureInput",
    "HashingNet",
    "Hidden",
    "LearnedCenters",
    "SoftTrees",
    "Standardize",
    "StandardizeRoots",
    "Trees",
    "get_backbone",
    "load_backbone",
    "load_params",
    "read_params",
    "save_backbone",
]

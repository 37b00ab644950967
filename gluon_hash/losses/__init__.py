"""One paper, one file: stateless blocks, one loss per image; docs/methods.md has the table."""

from gluon_hash.losses.class_wise import (
    ClassWiseLoss,
    HierarchicalClassWiseLoss,
    ReleasedClassWiseLoss,
)
from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint
from gluon_hash.losses.csq import CSQLoss
from gluon_hash.losses.dch import DCHLoss
from gluon_hash.losses.dhn import DHNLoss
from gluon_hash.losses.dpn import DPNLoss
from gluon_hash.losses.dpsh import DPSHLoss
from gluon_hash.losses.dqn import DQNLoss
from gluon_hash.losses.dsdh import DSDHLoss
from gluon_hash.losses.dsh import DSHLoss
from gluon_hash.losses.dsrh import DSRHLoss
from gluon_hash.losses.dsrh_yao import DSRHYaoLoss
from gluon_hash.losses.dtsh import DTSHLoss
from gluon_hash.losses.embeddings import EmbeddingLoss, EmbeddingSoftmaxLoss
from gluon_hash.losses.expected_codeword import ExpectedCodewordLoss
from gluon_hash.losses.greedyhash import GreedyHashLoss
from gluon_hash.losses.hashnet import HashNetLoss
from gluon_hash.losses.hpdh import CoarseToFineHPDHLoss, HPDHLoss
from gluon_hash.losses.learned_centers import DCDHLoss, IDCWHLoss
from gluon_hash.losses.orthohash import OrthoHashLoss
from gluon_hash.losses.shdh import SHDHLoss
from gluon_hash.losses.softmax import LevelSoftmaxLoss
from gluon_hash.losses.ssdh import SSDHLoss

__all__ = [
    "CSQLoss",
    "ClassWiseLoss",
    "CoarseToFineHPDHLoss",
    "CubicConstraint",
    "DCDHLoss",
    "DCHLoss",
    "DHNLoss",
    "DPNLoss",
    "DPSHLoss",
    "DQNLoss",
    "DSDHLoss",
    "DSHLoss",
    "DSRHLoss",
    "DSRHYaoLoss",
    "DTSHLoss",
    "EmbeddingLoss",
    "EmbeddingSoftmaxLoss",
    "ExpectedCodewordLoss",
    "GreedyHashLoss",
    "HPDHLoss",
    "HashNetLoss",
    "HierarchicalClassWiseLoss",
    "IDCWHLoss",
    "LevelSoftmaxLoss",
    "OrthoHashLoss",
    "ReleasedClassWiseLoss",
    "SHDHLoss",
    "SSDHLoss",
    "VertexConstraint",
]

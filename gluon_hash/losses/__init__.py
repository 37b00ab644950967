"""One paper, one file: stateless blocks that return one loss per image. docs/methods.md has the
table."""

from gluon_hash import runtime

runtime.prepare()

from gluon_hash.losses.class_wise import (  # noqa: E402
    ClassWiseLoss,
    HierarchicalClassWiseLoss,
    ReleasedClassWiseLoss,
)
from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint  # noqa: E402
from gluon_hash.losses.csq import CSQLoss  # noqa: E402
from gluon_hash.losses.dch import DCHLoss  # noqa: E402
from gluon_hash.losses.dhn import DHNLoss  # noqa: E402
from gluon_hash.losses.dpn import DPNLoss  # noqa: E402
from gluon_hash.losses.dpsh import DPSHLoss  # noqa: E402
from gluon_hash.losses.dqn import DQNLoss  # noqa: E402
from gluon_hash.losses.dsdh import DSDHLoss  # noqa: E402
from gluon_hash.losses.dsh import DSHLoss  # noqa: E402
from gluon_hash.losses.dsrh import DSRHLoss  # noqa: E402
from gluon_hash.losses.dtsh import DTSHLoss  # noqa: E402
from gluon_hash.losses.embeddings import EmbeddingLoss, EmbeddingSoftmaxLoss  # noqa: E402
from gluon_hash.losses.greedyhash import GreedyHashLoss  # noqa: E402
from gluon_hash.losses.hashnet import HashNetLoss  # noqa: E402
from gluon_hash.losses.hpdh import CoarseToFineHPDHLoss, HPDHLoss  # noqa: E402
from gluon_hash.losses.learned_centers import DCDHLoss, IDCWHLoss  # noqa: E402
from gluon_hash.losses.orthohash import OrthoHashLoss  # noqa: E402
from gluon_hash.losses.shdh import SHDHLoss  # noqa: E402
from gluon_hash.losses.softmax import LevelSoftmaxLoss  # noqa: E402
from gluon_hash.losses.ssdh import SSDHLoss  # noqa: E402

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
    "DTSHLoss",
    "EmbeddingLoss",
    "EmbeddingSoftmaxLoss",
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

"""One paper, one file: stateless blocks that return one loss per image."""
from gluon_hash import runtime

runtime.prepare()

from gluon_hash.losses.class_wise import (  # noqa: E402
    ClassWiseLoss,
    HierarchicalClassWiseLoss,
    ReleasedClassWiseLoss,
)
from gluon_hash.losses.constraints import CubicConstraint, VertexConstraint  # noqa: E402
from gluon_hash.losses.hpdh import HPDHLoss  # noqa: E402

__all__ = ["ClassWiseLoss", "HierarchicalClassWiseLoss", "ReleasedClassWiseLoss", "CubicConstraint",
           "VertexConstraint", "HPDHLoss"]

"""What methods remember from batch to batch: centers, codes, fixed targets, a value per epoch."""

from gluon_hash.methods.memory.base import FixedTargets, Memory, PerEpoch
from gluon_hash.methods.memory.center_memory import (
    CenterMemory,
    InferenceRefresh,
    RunningRefresh,
)
from gluon_hash.methods.memory.codes import ImageCodes, RecentCodes

__all__ = [
    "CenterMemory",
    "FixedTargets",
    "ImageCodes",
    "InferenceRefresh",
    "Memory",
    "PerEpoch",
    "RecentCodes",
    "RunningRefresh",
]

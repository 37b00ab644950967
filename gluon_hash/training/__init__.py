"""Training: epochs, schedules, checkpoints. Takes built objects, builds none."""

from gluon_hash.errors import DivergedError
from gluon_hash.methods.memory import CenterMemory, InferenceRefresh, RunningRefresh, centers
from gluon_hash.training import schedule
from gluon_hash.training.checkpoint import read_state
from gluon_hash.training.fit import fit, is_finished
from gluon_hash.training.trainer import HashTrainer

__all__ = [
    "CenterMemory",
    "DivergedError",
    "HashTrainer",
    "InferenceRefresh",
    "RunningRefresh",
    "centers",
    "fit",
    "is_finished",
    "read_state",
    "schedule",
]

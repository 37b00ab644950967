"""Training: epochs, schedules, checkpoints. Takes built objects, builds none."""

from gluon_hash.errors import DivergedError
from gluon_hash.methods.memory import CenterMemory, InferenceRefresh, RunningRefresh, centers
from gluon_hash.training import schedule
from gluon_hash.training.callbacks import Callback
from gluon_hash.training.fit import fit
from gluon_hash.training.reading import read_checkpoint, read_state
from gluon_hash.training.state import CheckpointState, Progress
from gluon_hash.training.trainer import HashTrainer

__all__ = [
    "Callback",
    "CenterMemory",
    "CheckpointState",
    "DivergedError",
    "HashTrainer",
    "InferenceRefresh",
    "Progress",
    "RunningRefresh",
    "centers",
    "fit",
    "read_checkpoint",
    "read_state",
    "schedule",
]

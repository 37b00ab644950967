"""Training: class centers, epochs, checkpoints. Takes built objects, builds none."""

from gluon_hash import runtime

runtime.prepare()

from gluon_hash.errors import DivergedError  # noqa: E402
from gluon_hash.training import centers, schedule  # noqa: E402
from gluon_hash.training.checkpoint import read_state  # noqa: E402
from gluon_hash.training.fit import fit, is_finished  # noqa: E402
from gluon_hash.training.memory import CenterMemory  # noqa: E402
from gluon_hash.training.refresh import InferenceRefresh, RunningRefresh  # noqa: E402
from gluon_hash.training.trainer import HashTrainer  # noqa: E402

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

"""Do all workers have the same weights, optimiser state and memory? Looked at after every epoch."""

from __future__ import annotations

import os
import zlib

import numpy as np

from gluon_hash.progress import log
from gluon_hash.training.checkpoint import load_checkpoint
from gluon_hash.training.optimizer_state import state_arrays
from gluon_hash.training.trainer import HashTrainer

__all__ = ["agree", "digest"]


def digest(trainer: HashTrainer) -> int:
    """A checksum of all that a checkpoint keeps of a training."""
    found = 0
    for block in (trainer.net, trainer.head):
        if block is not None:
            for parameter in block.collect_params().values():
                found = zlib.crc32(parameter.list_data()[0].asnumpy().tobytes(), found)
    for array in state_arrays(trainer.optimizer).values():
        found = zlib.crc32(array.asnumpy().tobytes(), found)
    for value in trainer.memory.state().values():
        found = zlib.crc32(np.ascontiguousarray(value).tobytes(), found)
    return found


def agree(trainer: HashTrainer, checkpoint: str | os.PathLike[str]) -> None:
    """See that all workers go on from the same numbers.

    They do by themselves on equal machines. Different processors round differently: then all go on
    from the checkpoint that the first worker has just saved.

    Parameters
    ----------
    trainer : HashTrainer
    checkpoint : path-like
        Of the first worker, as it is now; on a disk that all workers see.
    """
    workers = trainer.workers
    if workers.count == 1:
        return
    digests = [int(own[0]) for own in workers.gather(np.array([digest(trainer)], np.int64))]
    others = [worker for worker, found in enumerate(digests) if found != digests[0]]
    if not others:
        return
    log(
        f"warning: after this epoch worker {others[0]} has other numbers than worker 0 (its "
        "processor or its libraries round differently); all go on from worker 0's"
    )
    if workers.rank in others:
        load_checkpoint(checkpoint, trainer)

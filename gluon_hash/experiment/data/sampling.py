"""How the batches of a configuration are drawn: the order of an epoch, and its name in words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_hash.experiment.settings.config import Config
from gluon_hash.records import samplers

__all__ = ["Sampling", "sampling_of"]


class Sampling(NamedTuple):
    """The order of an epoch's images, and how it came about, for the log."""

    order: samplers.Order
    words: str


def sampling_of(config: Config, level_labels: np.ndarray) -> Sampling:
    """How to draw batches of images with these labels, int (N, K).

    ``training.sampler: auto`` is the method's own sampler: with as many classes, up to
    classes_per_batch, as divide the batch and leave each two images or more; shuffled if no number
    does.

    Raises
    ------
    ValueError
        As the samplers of gluon_hash.records.samplers.
    """
    training, wanted = config.training, config.training.sampler
    name, count = str(wanted), training.classes_per_batch
    if name == "auto":
        name = config.loss.best_sampler()
        most = min(count, len(np.unique(level_labels[:, 0])), training.batch_size // 2)
        count = max((n for n in range(2, most + 1) if training.batch_size % n == 0), default=0)
    if name == "shuffled" or not count:
        why = "" if name == "shuffled" else ", as no number of classes divides a batch"
        prefix = "sampler auto: " if wanted == "auto" else ""
        return Sampling(samplers.shuffled(len(level_labels)), f"{prefix}shuffled{why}")
    make = samplers.class_batches if name == "classes" else samplers.relative_batches
    words = f"{name}, {count} classes of {training.batch_size // count} images"
    return Sampling(
        make(level_labels, training.batch_size, count),
        f"sampler auto: {words}" if wanted == "auto" else words,
    )

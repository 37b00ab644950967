"""Several workers of one training: are they alike, and a pass over images that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gluon_hash.deploy.encode import run_net
from gluon_hash.engine import gluon, mx
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.config_files import dump_config
from gluon_hash.training import HashTrainer
from gluon_hash.training.agreement import digest
from gluon_hash.training.workers import Workers

__all__ = ["check_alike", "run_net_together"]


def check_alike(workers: Workers, config: Config, ids: np.ndarray, trainer: HashTrainer) -> None:
    """ValueError if a worker was started with other values, other images or other weights.

    Parameters
    ----------
    workers : Workers
    config : Config
    ids : int64, shape (N,)
        Of the training images.
    trainer : HashTrainer
        Before its first batch.
    """
    if workers.count > 1:
        workers.check_same("configuration", dump_config(config).encode())
        workers.check_same("list of training images", ids.tobytes())
        workers.check_same("network at the start", str(digest(trainer)).encode())


def run_net_together(
    workers: Workers,
    net: gluon.HybridBlock,
    loader: Any,
    contexts: Sequence[mx.Context],
    description: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs, ids and labels as run_net's, of which each worker computes its part; all get all.

    Parameters
    ----------
    workers : Workers
    net, contexts, description :
        As run_net.
    loader : EvalLoader or FeatureEvalLoader
        Of all images, the same for every worker.
    """
    if workers.count == 1 or len(loader.ids) < workers.count:
        return run_net(net, loader, contexts, description)
    part = loader.part(workers.share(len(loader.ids)))
    outputs, ids, labels = map(workers.gather_rows, run_net(net, part, contexts, description))
    if not np.array_equal(ids, loader.ids):
        raise RuntimeError(f"{description}: the workers gave other ids than the loader has")
    return outputs, ids, labels

"""Train what a configuration says into a run folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import engine
from gluon_hash.deploy.encode import encode_codes, run_net
from gluon_hash.engine import gluon, mx
from gluon_hash.experiment.config import Config
from gluon_hash.experiment.config_files import dump_config
from gluon_hash.experiment.data import Data, build_data
from gluon_hash.experiment.inputs import HIERARCHY, check_inputs, resolve, training_inputs
from gluon_hash.experiment.objects import (
    build_net,
    build_optimizer,
    build_schedule,
    trained_part,
)
from gluon_hash.experiment.run_folder import CONFIG, Run, check_folder, load_run, start_folder
from gluon_hash.files import atomic_write_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import Task
from gluon_hash.progress import log
from gluon_hash.retrieval import leave_one_out
from gluon_hash.training import HashTrainer, fit

__all__ = ["train"]

VALIDATION_AHP_AT = 100


def train(
    config: Config, out: str | os.PathLike[str], contexts: list[mx.Context], *, resume: bool = False
) -> Run:
    """Train what ``config`` says into the run folder ``out``.

    Parameters
    ----------
    config : Config
    out : path-like
        Must not exist; with ``resume`` it must, with the same configuration.
    contexts : list of Context
    resume : bool
        Go on after the last whole epoch.

    Returns
    -------
    Run
        With the network of the best epoch.

    Raises
    ------
    DataError
        If data, weights or hierarchy do not fit the configuration; found before the first batch.
    ValueError
        If the folder exists, or differs from the configuration on resume.
    DivergedError
        If the loss is NaN or infinite.
    """
    out, config = Path(out), resolve(config)
    check_inputs(training_inputs(config))
    check_folder(config, out, resume)
    engine.seed_everything(config.training.seed)
    hierarchy = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    data = build_data(config, hierarchy)
    net = build_net(config, contexts)
    if data.statistics is not None:
        net.head[0].set_statistics(*data.statistics)
    trained, frozen = trained_part(config, net)
    trainer = _trainer(config, config.loss.levels_of(hierarchy), data, trained, frozen, contexts)
    if resume:
        atomic_write_text(out / CONFIG, dump_config(config))  # it may ask for more epochs
    else:
        start_folder(config, out, hierarchy, net)
    log(
        f"{out}: {config.training.epochs} epochs of {len(data.train)} batches of "
        f"{config.training.batch_size} ({data.sampler}), {config.loss.name}, "
        f"{config.net.num_bits} bits"
    )
    fit(
        trainer,
        out,
        config.training.epochs,
        config.training.seed,
        validate=_validation(trained, frozen, data.held_out, contexts),
        monitor=config.training.monitor,
        early_stop_epochs=config.training.early_stop_epochs,
    )
    return load_run(out, contexts)


def _trainer(
    config: Config,
    levels: Hierarchy,
    data: Data,
    trained: gluon.HybridBlock,
    frozen: gluon.HybridBlock | None,
    contexts: list[mx.Context],
) -> HashTrainer:
    def encode() -> tuple[np.ndarray, np.ndarray]:
        net = _in_order(frozen, trained)
        relaxed, _, labels = run_net(net, data.refresh, contexts, "refresh centers")
        return relaxed, labels[:, 0]

    parts = config.loss.build(
        Task(levels, config.net.num_bits, data.ids, contexts, encode, config.training.seed)
    )
    if parts.head is not None:
        parts.head.initialize(ctx=contexts)
    return HashTrainer(
        trained,
        parts.loss,
        data.train,
        build_optimizer(config, trained, parts.head),
        config.optimizer.lr,
        build_schedule(config),
        parts.memory,
        contexts,
        frozen=frozen,
        head=parts.head,
        clip_gradient_norm=config.optimizer.clip_gradient_norm,
    )


def _validation(
    trained: gluon.HybridBlock,
    frozen: gluon.HybridBlock | None,
    held_out: Any,
    contexts: list[mx.Context],
) -> Callable[[], dict[str, float]] | None:
    """Metrics of the held-out images among themselves, each query left out of its own ranking."""
    if held_out is None:
        return None

    def validate() -> dict[str, float]:
        table = encode_codes(_in_order(frozen, trained), held_out, contexts, "validate")
        at = min(VALIDATION_AHP_AT, len(table) - 1)
        result = leave_one_out(table, ahp_at=at)
        return {"map": result["map"], "mahp": result[f"mahp@{at}"]}

    return validate


def _in_order(frozen: gluon.HybridBlock | None, trained: gluon.HybridBlock) -> gluon.HybridBlock:
    """Both blocks as one."""
    if frozen is None:
        return trained
    both = gluon.nn.HybridSequential()
    both.add(frozen, trained)
    return both

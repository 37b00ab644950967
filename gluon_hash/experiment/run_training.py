"""Train what a configuration says into a run folder."""

from __future__ import annotations

import json
import os
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
from gluon_hash.experiment.reference import reference_lines, warnings_of
from gluon_hash.experiment.run_folder import CONFIG, Run, check_folder, load_run, start_folder
from gluon_hash.files import replace_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import Task
from gluon_hash.progress import log
from gluon_hash.retrieval import CodeTable, Cutoffs, leave_one_out
from gluon_hash.retrieval.evaluation.health import code_health
from gluon_hash.training import HashTrainer, fit
from gluon_hash.training.saving import LOG

__all__ = ["train"]

VALIDATION_AHP_AT = 100
ONE_CODE_A_CLASS = 0.9  # of mAP: few different codes are then as it should be


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
        replace_text(out / CONFIG, dump_config(config))  # it may ask for more epochs
    else:
        start_folder(config, out, hierarchy, net)
    log(
        f"{out}: {config.training.epochs} epochs of {len(data.train)} batches of "
        f"{config.training.batch_size} ({data.sampler}), {config.loss.name}, "
        f"{config.net.num_bits} bits"
    )
    validate, lines = None, {}
    if data.held_out is not None:
        held_out, net = data.held_out, _in_order(frozen, trained)

        def validate() -> dict[str, float]:
            return _metrics(encode_codes(net, held_out, contexts, "validate"))

        lines = reference_lines(
            out, validate, _metrics, data.sample, config.net.num_bits, config.training.seed
        )
    fit(
        trainer,
        out,
        config.training.epochs,
        config.training.seed,
        validate=validate,
        monitor=config.training.monitor,
        early_stop_epochs=config.training.early_stop_epochs,
    )
    run = load_run(out, contexts)
    _say_what_came_of_it(run, data.held_out, lines, contexts)
    return run


def _trainer(
    config: Config,
    hierarchy: Hierarchy,
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
        Task(hierarchy, config.net.num_bits, data.ids, contexts, encode, config.training.seed)
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


def _metrics(table: CodeTable) -> dict[str, float]:
    """Of the held-out images among themselves, each query left out of its own ranking."""
    at = min(VALIDATION_AHP_AT, len(table) - 1)
    result = leave_one_out(table, cutoffs=Cutoffs(ahp=at))
    return {
        "map": result["map"],
        "map_tie_averaged": result["map_tie_averaged"],
        "mahp": result[f"mahp@{at}"],
    }


def _say_what_came_of_it(
    run: Run, held_out: Any, lines: dict[str, Any], contexts: list[mx.Context]
) -> None:
    """Warn of what the course of the training and the codes of the held-out images show."""
    if held_out is None:
        return
    net = run.net if run.config.data.features is None else run.net.head
    table = encode_codes(net, held_out, contexts, "codes of the held-out images")
    monitor, warnings = run.config.training.monitor, []
    if monitor != "loss":
        text = (run.path / LOG).read_text(encoding="utf-8")
        history = [json.loads(line) for line in text.splitlines()]
        warnings += warnings_of(history, lines, monitor, run.config.loss.name)
    if _metrics(table)["map_tie_averaged"] < ONE_CODE_A_CLASS:
        warnings += code_health(table.codes, table.num_bits).warnings()
    for warning in warnings:
        log(f"warning: {warning}")


def _in_order(frozen: gluon.HybridBlock | None, trained: gluon.HybridBlock) -> gluon.HybridBlock:
    """Both blocks as one."""
    if frozen is None:
        return trained
    both = gluon.nn.HybridSequential()
    both.add(frozen, trained)
    return both

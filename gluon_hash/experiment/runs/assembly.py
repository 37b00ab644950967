"""All that a configuration trains, put together: data, network, the method's parts, trainer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_hash import engine
from gluon_hash.engine import gluon, mx
from gluon_hash.experiment.data.inputs import HIERARCHY
from gluon_hash.experiment.data.loaders import Data, build_data
from gluon_hash.experiment.objects import (
    behind_neck,
    build_decoder,
    build_net,
    build_optimizer,
    build_schedule,
    in_order,
    trained_part,
)
from gluon_hash.experiment.runs.workers import run_net_together
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.losses.leaf_penalty import LeafPenalty
from gluon_hash.methods import Parts, Task
from gluon_hash.nets import FeatureInput, HashingNet, SoftTrees
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.training import HashTrainer
from gluon_hash.training.interruption import interruptible
from gluon_hash.training.workers import ALONE, Workers

__all__ = ["Assembled", "assemble"]


@dataclass(frozen=True)
class Assembled:
    """A training before its first batch.

    Parameters
    ----------
    data : Data
    net : HashingNet
    trainer : HashTrainer
        Of what is trained of ``net``.
    whole : HybridBlock
        What the loaders of ``data`` give -> code. Those of cached features standardize them.
    decoder : HybridBlock or None
        Logits -> code, of a method whose network gives logits.
    """

    data: Data
    net: HashingNet
    trainer: HashTrainer
    whole: gluon.HybridBlock
    decoder: gluon.HybridBlock | None


def assemble(config: Config, contexts: list[mx.Context], workers: Workers = ALONE) -> Assembled:
    """Build what a configuration trains, everything that is drawn from its seed.

    Parameters
    ----------
    config : Config
        Resolved (gluon_hash.experiment.data.inputs.resolve).
    contexts : list of Context
    workers : Workers, optional

    Raises
    ------
    DataError, ValueError
        If data, weights or hierarchy do not fit the configuration.
    """
    engine.seed_everything(config.training.seed)
    hierarchy = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    data = build_data(config, hierarchy, workers)
    net = build_net(config, data.hierarchy, contexts)
    trained, frozen = trained_part(config, net)
    run = trained
    if data.statistics is not None:
        net.head[0].set_statistics(*data.statistics)
        data, run = data.standardized(net.head[0]), behind_neck(net)
    parts = _parts(config, data, net, in_order(frozen, run), contexts, workers)
    decoder = build_decoder(config, data.hierarchy, parts.codewords, contexts)
    if parts.head is not None:
        parts.head.initialize(ctx=contexts)
    trainer = HashTrainer(
        trained,
        _with_leaf_penalty(parts.loss, config, net, workers),
        data.train,
        build_optimizer(config, trained, parts.head),
        config.optimizer.lr,
        build_schedule(config),
        parts.memory,
        contexts,
        frozen=frozen,
        head=parts.head,
        clip_gradient_norm=config.optimizer.clip_gradient_norm,
        workers=workers,
        precision=config.training.precision,
        kernels=config.training.kernels,
        mixup=config.training.mixup,
        run=run,
    )
    return Assembled(data, net, trainer, in_order(frozen, run, decoder), decoder)


def _with_leaf_penalty(
    loss: gluon.HybridBlock, config: Config, net: HashingNet, workers: Workers
) -> gluon.HybridBlock:
    """The loss, with the penalty of soft trees where the network ends in them.

    Each worker adds its share, as their gradients are summed.
    """
    trees = list(net.head)[-1]
    if isinstance(trees, SoftTrees):
        return LeafPenalty(loss, trees, config.net.leaf_weight / workers.count)
    return loss


def _parts(
    config: Config,
    data: Data,
    net: HashingNet,
    whole: gluon.HybridBlock,
    contexts: list[mx.Context],
    workers: Workers,
) -> Parts:
    """Loss, memory and head; ``whole``: input -> relaxed code."""

    def pass_through(
        block: gluon.HybridBlock, loader: EvalLoader | FeatureEvalLoader, doing: str
    ) -> tuple[np.ndarray, np.ndarray]:
        with interruptible():
            outputs, _, labels = run_net_together(workers, block, loader, contexts, doing)
        return outputs, labels[:, 0]

    def encode() -> tuple[np.ndarray, np.ndarray]:
        return pass_through(whole, data.refresh, "refresh centers")

    def features() -> tuple[np.ndarray, np.ndarray]:
        doing, loader = "how alike classes are", data.refresh
        if isinstance(loader, FeatureEvalLoader):
            reads = FeatureInput(net.features.num_features)
            return pass_through(reads, loader.changed(None), doing)  # not standardized
        return pass_through(net.features, loader, doing)

    levels = config.loss.levels_of(data.hierarchy)
    return config.loss.build(
        Task(
            levels,
            config.net.num_bits,
            data.ids,
            contexts,
            encode,
            config.training.seed,
            features,
        )
    )

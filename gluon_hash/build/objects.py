"""Objects from a configuration: the one table from names to classes."""
from __future__ import annotations

from gluon_hash.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import ImageTransform

import mxnet as mx
from mxnet import gluon, init

from gluon_hash.losses import HPDHLoss
from gluon_hash.nets import HashNet, Standardize, get_backbone, load_backbone
from gluon_hash.training import schedule

__all__ = ["METHODS", "build_loss", "build_net", "build_optimizer", "build_schedule", "build_transform", "new_net",
           "trained_part"]

# name in a configuration -> (loss, number of levels it uses; None: all)
METHODS: dict[str, tuple[type[HPDHLoss], int | None]] = {"hpdh": (HPDHLoss, None), "dcwh": (HPDHLoss, 1)}


def build_net(config: Config, contexts: list[mx.Context] | None = None) -> HashNet:
    """The network of a configuration before training: pretrained backbone if it names one, random hash layer."""
    net = new_net(config)
    net.initialize(init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2), ctx=contexts or [mx.cpu()])
    if config.net.weights is not None:
        load_backbone(net.features, config.net.weights, contexts)
    side = config.transform.crop
    net(mx.nd.zeros((1, 3, side, side), (contexts or [mx.cpu()])[0]))  # settles the shapes left open
    return net


def new_net(config: Config) -> HashNet:
    backbone = get_backbone(config.net.backbone)
    neck = Standardize(backbone.num_features) if config.net.standardize else None
    return HashNet(backbone, config.net.num_bits, neck=neck)


def trained_part(config: Config, net: HashNet) -> tuple[gluon.HybridBlock, gluon.HybridBlock | None]:
    """The block that is trained, and the frozen one that its input goes through (cached features: none)."""
    if config.data.features is not None:
        return net.head, None
    return (net.head, net.features) if config.net.frozen else (net, None)


def build_transform(config: Config) -> ImageTransform:
    return ImageTransform(**config.transform.model_dump())


def build_loss(config: Config, levels: Hierarchy) -> HPDHLoss:
    given = config.loss
    variances = given.inv_variances[:1] if levels.num_levels == 1 else given.inv_variances
    weights = given.level_weights[:1] if given.level_weights and levels.num_levels == 1 else given.level_weights
    if len(variances) != levels.num_levels:
        raise ValueError(f"loss.inv_variances: the hierarchy has {levels.num_levels} levels "
                         f"({', '.join(levels.level_names)}), got {len(variances)} values; give one per level, "
                         "finest first")
    return METHODS[given.name][0](config.net.num_bits, variances, weights, cubic_weight=given.cubic_weight,
                                  vertex_weight=given.vertex_weight)


def build_optimizer(config: Config, trained: gluon.HybridBlock) -> gluon.Trainer:
    given = config.optimizer
    arguments = {"learning_rate": given.lr, "wd": given.weight_decay}
    if given.name != "adam":
        arguments["momentum"] = given.momentum
    if isinstance(trained, HashNet):
        for parameter in trained.features.collect_params().values():
            parameter.lr_mult = given.backbone_lr_multiplier
    return gluon.Trainer(trained.collect_params(), given.name, arguments, kvstore="device", update_on_kvstore=False)


def build_schedule(config: Config) -> schedule.Schedule:
    given = config.optimizer
    made = {"constant": schedule.constant,
            "multi_step": lambda: schedule.multi_step(given.milestones, given.factor),
            "cosine": lambda: schedule.cosine(config.training.epochs)}[given.schedule]()
    return schedule.with_warmup(made, given.warmup_epochs)

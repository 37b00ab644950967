"""Objects from a configuration: network, transform, optimiser, schedule."""

from __future__ import annotations

from gluon_hash.engine import gluon, init, mx
from gluon_hash.experiment.config import Config
from gluon_hash.nets import HashingNet, Standardize, get_backbone, load_backbone
from gluon_hash.records import ImageTransform
from gluon_hash.training import schedule

__all__ = [
    "build_net",
    "build_optimizer",
    "build_schedule",
    "build_transform",
    "new_net",
    "trained_part",
]


def build_net(config: Config, contexts: list[mx.Context] | None = None) -> HashingNet:
    """The network of a configuration before training: pretrained backbone if it names one, random
    hash layer."""
    net = new_net(config)
    net.initialize(
        init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2), ctx=contexts or [mx.cpu()]
    )
    if config.net.weights is not None:
        load_backbone(net.features, config.net.weights, contexts)
    side = config.transform.crop
    net(
        mx.nd.zeros((1, 3, side, side), (contexts or [mx.cpu()])[0])
    )  # settles the shapes left open
    return net


def new_net(config: Config) -> HashingNet:
    backbone = get_backbone(config.net.backbone)
    neck = Standardize(backbone.num_features) if config.net.standardize else None
    return HashingNet(backbone, config.net.num_bits, neck=neck, hidden=config.net.head == "mlp")


def trained_part(
    config: Config, net: HashingNet
) -> tuple[gluon.HybridBlock, gluon.HybridBlock | None]:
    """The block that is trained, and the frozen one that its input goes through (cached features:
    none)."""
    if config.data.features is not None:
        return net.head, None
    return (net.head, net.features) if config.net.frozen else (net, None)


def build_transform(config: Config) -> ImageTransform:
    return ImageTransform(**config.transform.model_dump())


def build_optimizer(
    config: Config, trained: gluon.HybridBlock, head: gluon.Block | None
) -> gluon.Trainer:
    given = config.optimizer
    arguments = {"learning_rate": given.lr, "wd": given.weight_decay}
    if given.name != "adam":
        arguments["momentum"] = given.momentum
    if isinstance(trained, HashingNet):
        for parameter in trained.features.collect_params().values():
            parameter.lr_mult = given.backbone_lr_multiplier
    parameters = trained.collect_params()
    if head is not None:
        parameters.update(head.collect_params())
    return gluon.Trainer(
        parameters, given.name, arguments, kvstore="device", update_on_kvstore=False
    )


def build_schedule(config: Config) -> schedule.Schedule:
    given = config.optimizer
    made = {
        "constant": schedule.constant,
        "multi_step": lambda: schedule.multi_step(given.milestones, given.factor),
        "cosine": lambda: schedule.cosine(config.training.epochs),
    }[given.schedule]()
    return schedule.with_warmup(made, given.warmup_epochs)

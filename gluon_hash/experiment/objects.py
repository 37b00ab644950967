"""Objects from a configuration: network, transform, optimiser, schedule."""

from __future__ import annotations

from gluon_hash.engine import gluon, init, mx
from gluon_hash.experiment.settings.config import FEATURES, Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import Codewords
from gluon_hash.nets import (
    Backbone,
    ExpectedCodeword,
    FeatureInput,
    HashingNet,
    Hidden,
    Standardize,
    StandardizeRoots,
    Trees,
    get_backbone,
    load_backbone,
)
from gluon_hash.records import ImageTransform
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.training import schedule
from gluon_hash.training.adamw import AdamW
from gluon_hash.training.precision import scale_losses

__all__ = [
    "behind_neck",
    "build_decoder",
    "build_net",
    "build_optimizer",
    "build_schedule",
    "build_transform",
    "in_order",
    "input_shape",
    "layers_for",
    "new_decoder",
    "new_net",
    "trained_part",
]

RULES = {
    "sgd": mx.optimizer.SGD,
    "nag": mx.optimizer.NAG,
    "adam": mx.optimizer.Adam,
    "adamw": AdamW,
}


def build_net(
    config: Config, hierarchy: Hierarchy, contexts: list[mx.Context] | None = None
) -> HashingNet:
    """The network of a configuration before training, for the classes of ``hierarchy``.

    A pretrained backbone if the configuration names its weights, a random hash layer.

    Raises
    ------
    ValueError
        If there is no such backbone, or the weights do not fit it.
    """
    contexts = contexts or [mx.cpu()]
    net = new_net(config, hierarchy)
    net.initialize(init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2), ctx=contexts)
    if config.net.weights is not None:
        load_backbone(net.features, config.net.weights, contexts)
    else:
        net(mx.nd.zeros((1, *input_shape(config)), contexts[0]))  # settles the shapes left open
    return net


def new_net(
    config: Config, hierarchy: Hierarchy, backbone: Backbone | FeatureInput | None = None
) -> HashingNet:
    """The network of a configuration, not initialised, without what makes codes of logits.

    ``backbone``: one that is at hand; default: a new one.
    """
    if backbone is None and config.net.backbone == FEATURES:
        assert config.net.num_features is not None  # Config has looked
        backbone = FeatureInput(config.net.num_features)
    backbone = backbone or get_backbone(config.net.backbone)
    scaled = StandardizeRoots if config.net.square_root else Standardize
    neck = scaled(backbone.num_features) if config.net.standardize else None
    net, hidden = config.net, None
    if net.head == "mlp":
        hidden = Hidden(net.hidden_units, net.hidden_batch_norm, net.dropout)
    trees = Trees(net.tree_depth, net.num_trees) if net.head == "soft_trees" else None
    outputs = config.loss.num_outputs(hierarchy, net.num_bits)
    return HashingNet(
        backbone,
        net.num_bits,
        neck=neck,
        hidden=hidden,
        num_outputs=outputs,
        trees=trees,
        hash_init=net.hash_init,
    )


def new_decoder(config: Config, hierarchy: Hierarchy) -> ExpectedCodeword | None:
    """What makes codes of logits, not initialised; None where the network gives codes."""
    if config.loss.outputs == "code":
        return None
    return ExpectedCodeword(hierarchy.num_classes[0], config.net.num_bits)


def build_decoder(
    config: Config,
    hierarchy: Hierarchy,
    codewords: Codewords | None,
    contexts: list[mx.Context],
) -> ExpectedCodeword | None:
    """As new_decoder, with these codewords."""
    decoder = new_decoder(config, hierarchy)
    if decoder is not None:
        decoder.initialize(ctx=contexts)
        assert codewords is not None  # of every method that gives logits
        decoder.set_codewords(*codewords)
    return decoder


def in_order(*blocks: gluon.HybridBlock | None) -> gluon.HybridBlock:
    """The blocks, but for None, as one."""
    there = [block for block in blocks if block is not None]
    if len(there) == 1:
        return there[0]
    whole = gluon.nn.HybridSequential()
    whole.add(*there)
    return whole


def layers_for(
    loader: EvalLoader | FeatureEvalLoader, net: HashingNet, *layers: gluon.HybridBlock
) -> gluon.HybridBlock:
    """These layers of the head, behind the backbone unless the loader gives its features."""
    return in_order(None if isinstance(loader, FeatureEvalLoader) else net.features, *layers)


def input_shape(config: Config) -> tuple[int, ...]:
    """Of one input of the network: 3 planes, or a vector of features."""
    if config.net.num_features is not None:
        return (config.net.num_features,)
    return (3, config.transform.crop, config.transform.crop)


def trained_part(
    config: Config, net: HashingNet
) -> tuple[gluon.HybridBlock, gluon.HybridBlock | None]:
    """The block that is trained, and the frozen one that its input goes through.

    There is no frozen one where features are cached or the backbone is trained too.
    """
    if config.net.backbone == FEATURES:
        return net, None
    if config.data.features is not None:
        return net.head, None
    return (net.head, net.features) if config.net.frozen else (net, None)


def behind_neck(net: HashingNet) -> gluon.HybridBlock:
    """What comes behind the first layer of the head, which standardizes: features -> outputs."""
    return in_order(*list(net.head)[1:])


def build_transform(config: Config) -> ImageTransform:
    """The image transform of a configuration."""
    return ImageTransform(**config.transform.model_dump())


def build_optimizer(
    config: Config, trained: gluon.HybridBlock, head: gluon.Block | None
) -> gluon.Trainer:
    """The optimiser of a configuration, over the parameters of the net that is trained and a head.

    The gradients are summed here and not by the key store, so that they can be clipped.
    """
    settings = config.optimizer
    arguments = {"learning_rate": settings.lr, "wd": settings.weight_decay}
    if settings.name in ("sgd", "nag"):
        arguments["momentum"] = settings.momentum
    if isinstance(trained, HashingNet):
        for parameter in trained.features.collect_params().values():
            parameter.lr_mult = settings.backbone_lr_multiplier
    parameters = trained.collect_params()
    if head is not None:
        parameters.update(head.collect_params())
    rule = RULES[settings.name](**arguments)
    optimizer = gluon.Trainer(parameters, rule, kvstore="device", update_on_kvstore=False)
    scale_losses(optimizer, config.training.precision)
    return optimizer


def build_schedule(config: Config) -> schedule.Schedule:
    """The factor of the learning rate over the epochs that a configuration asks for."""
    settings = config.optimizer
    made = {
        "constant": schedule.constant,
        "multi_step": lambda: schedule.multi_step(settings.milestones, settings.factor),
        "cosine": lambda: schedule.cosine(config.training.epochs),
    }[settings.schedule]()
    return schedule.with_warmup(made, settings.warmup_epochs)

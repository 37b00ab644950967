"""What an experiment is: frozen pydantic models; settings.config_files reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from gluon_hash.methods import HPDH, Method, method_from
from gluon_hash.methods.table import methods_that
from gluon_hash.records.decoded import parse_bytes

__all__ = ["FEATURES", "Config"]

FEATURES = "features"  # net.backbone: none, the network reads features of another framework


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(_Section):
    """Which images, or which cached features of them, train the network."""

    root: str = Field(description="folder that `gluon-hash prepare` wrote")
    features: str | None = Field(
        None,
        description="cached features of train.rec (`gluon-hash encode --features`); the head alone "
        "is trained",
    )
    query_features: str | None = Field(
        None,
        description="cached features of query.rec by the same backbone; `compare` needs them "
        "beside `features`",
    )
    held_out: bool = Field(
        True,
        description="keep the images of validation.lst out of training and choose the best epoch "
        "on them",
    )
    tree: str | None = Field(
        None,
        description="a hierarchy.tsv over the same finest classes that is trained in place of "
        "data.root's, deeper or flatter; what is measured is data.root's",
    )
    unseen_classes: str | None = Field(
        None,
        description="names of finest classes, one a line, whose images are never trained on "
        "(`gluon-hash prepare --protocol unseen-classes` writes unseen_classes.txt)",
    )
    decode_threads: int = Field(2, ge=1, description="threads that decode images")
    upload: Literal["float32", "uint8"] = Field(
        "float32",
        description="of images in training: uint8 takes a quarter of the way to a GPU and is "
        "normalized there, to the same numbers; on CPUs it only takes longer",
    )
    cache: str = Field(
        "2GB",
        description="memory that may keep decoded images, such as 500MB, or 0; the others are "
        "decoded in every epoch",
    )

    @field_validator("cache")
    @classmethod
    def _is_size(cls, text: str) -> str:
        parse_bytes(text)
        return text


class TransformConfig(_Section):
    """Image -> input of the network; see gluon_hash.records.ImageTransform."""

    resize: int = Field(240, ge=0, description="short side in pixels; 0 leaves the image as it is")
    crop: int = Field(224, ge=1, description="side of the square that the network sees, in pixels")
    pad: int = Field(
        0, ge=0, description="zero pixels added on each side before the random crop of training"
    )
    flip: bool = Field(False, description="mirror half of the training images")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="of red, green, blue in [0, 1]"
    )
    std: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225), description="of red, green, blue in [0, 1]"
    )


class NetConfig(_Section):
    """Backbone and hash layer."""

    backbone: str = Field(
        "resnet50_v1b",
        description="a name of gluon_hash.nets.BACKBONES; features: none, the network reads "
        "features of another framework (set by itself where data.root holds them)",
    )
    num_features: int | None = Field(
        None, ge=1, description="with backbone: features alone: features of an image"
    )
    num_bits: int = Field(48, ge=1, le=1024, description="length of the code")
    weights: str | None = Field(
        None, description=".params of the backbone; without it: random weights"
    )
    frozen: bool = Field(
        False, description="train the head only; the backbone's batch norm keeps its statistics"
    )
    head: Literal["linear", "mlp", "soft_trees"] = Field(
        "linear",
        description="features -> code: linear (the paper); mlp: a hidden "
        "layer with ReLU before it (nonlinear projection); soft_trees: soft decision trees",
    )
    hash_init: Literal["xavier", "uniform"] = Field(
        "xavier",
        description="start of the last layer of linear and mlp: Xavier's rule; uniform in +-1 / "
        "sqrt(inputs), as released",
    )
    tree_depth: int = Field(5, ge=1, le=12, description="of head: soft_trees: 2^depth leaves each")
    num_trees: int = Field(8, ge=1, description="of head: soft_trees")
    leaf_weight: float = Field(
        0.1,
        ge=0,
        description="of head: soft_trees: of the terms that keep the bits of their leaves "
        "independent and balanced",
    )
    hidden_units: int | None = Field(
        None, ge=1, description="of head: mlp; without it as many as features"
    )
    hidden_batch_norm: bool = Field(False, description="of head: mlp: before the ReLU")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="of head: mlp: fraction of the hidden units left out of a step"
    )
    standardize: bool = Field(
        False, description="scale cached features to mean 0, variance 1 before the hash layer"
    )
    square_root: bool = Field(
        False, description="with standardize: of the square roots of features, with their signs"
    )


class OptimizerConfig(_Section):
    """Optimiser and its learning rate over time."""

    name: Literal["sgd", "nag", "adam", "adamw"] = Field(
        "sgd",
        description="sgd: with momentum; nag: with Nesterov's momentum; adam: a step size for each "
        "parameter; adamw: the same, with weight_decay apart from the gradient",
    )
    lr: float = Field(1e-3, gt=0, description="learning rate of the hash layer")
    backbone_lr_multiplier: float = Field(
        1.0, ge=0, description="the backbone's learning rate is lr times this"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and nag")
    weight_decay: float = Field(
        5e-4,
        ge=0,
        description="on every parameter; of adamw times the learning rate, so that it takes more",
    )
    clip_gradient_norm: float | None = Field(
        None, gt=0, description="largest norm of all gradients together; without it no clipping"
    )
    schedule: Literal["constant", "multi_step", "cosine"] = Field(
        "multi_step",
        description="constant; multi_step: the rate falls at milestones; cosine: it falls to 0 "
        "over training.epochs",
    )
    milestones: list[int] = Field(
        [50, 100], description="multi_step: the epochs after which the rate falls"
    )
    factor: float = Field(0.1, gt=0, description="multi_step: what the rate is multiplied by")
    warmup_epochs: float = Field(
        0.0, ge=0, description="epochs over which the rate rises linearly from 0 at the start"
    )


class TrainingConfig(_Section):
    """How long, how much at a time, and which epoch is kept."""

    epochs: int = Field(150, ge=1, description="passes over the training images")
    batch_size: int = Field(128, ge=2, description="images a step, over all devices")
    seed: int = Field(24, ge=0, lt=2**32, description="of everything that is drawn")
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "float32",
        description="of the network's products in training: float16 on GPUs, with a scaled loss; "
        "bfloat16 on CPUs; weights, batch norm, loss and centers stay float32",
    )
    kernels: Literal["compatible", "fast"] = Field(
        "compatible",
        description="fast: on CPUs a CIFAR ResNet trains 1.6 times as fast, and networks in "
        "bfloat16 faster; the last bits of gradients differ, so that a run is another one",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        description="above 0: each image is mixed with another of its batch, by a weight of "
        "Beta(mixup, mixup), and trained towards both classes; of methods with fixed targets",
    )
    monitor: Literal["map", "map_tie_averaged", "mahp", "map_database", "mahp_database", "loss"] = (
        Field(
            "map",
            description="map, map_tie_averaged (over all orders of equal distances), mahp: of the "
            "held-out images among themselves, never trained on; map_database, mahp_database: "
            "among as many training images; loss: lowest training loss",
        )
    )
    sampler: Literal["auto", "shuffled", "classes", "relatives"] = Field(
        "auto",
        description="classes: batches of classes_per_batch classes; relatives: half of them of one "
        "superclass; auto: what the method is best fed with (docs/methods.md)",
    )
    classes_per_batch: int = Field(
        16, ge=2, description="of the samplers classes and relatives; divides batch_size"
    )
    early_stop_epochs: int | None = Field(
        None, ge=1, description="stop after this many epochs without a better one"
    )
    checkpoint_minutes: float | None = Field(
        10.0,
        gt=0,
        description="minutes between checkpoints inside an epoch (`train --resume` goes on from "
        "the last one); null: only after an epoch, and on SIGTERM and Ctrl-C",
    )


def _method(value: Any) -> Any:
    """A method from the values of the section ``loss``; anything else as it is."""
    return method_from(value) if isinstance(value, Mapping) else value


class Config(_Section):
    """One experiment: the content of a file in configs/ and of run.yaml."""

    data: DataConfig
    transform: TransformConfig = TransformConfig()
    net: NetConfig = NetConfig()
    loss: Annotated[SerializeAsAny[Method], BeforeValidator(_method)] = Field(
        HPDH(), description="the method: its name and its numbers (docs/methods.md)"
    )
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if self.training.monitor != "loss" and not self.data.held_out:
            raise ValueError(
                f"training.monitor is {self.training.monitor!r}, measured on held-out images, but "
                "data.held_out is false; set training.monitor to loss, or data.held_out to true"
            )
        if self.training.monitor == "loss" and not self.loss.epochs_compare:
            raise ValueError(
                f"training.monitor is 'loss', but the losses of two epochs of {self.loss.name} do "
                "not compare, so the lowest is not the best; set map or mahp (measured on held-out "
                "images)"
            )
        if self.training.mixup and not self.loss.mixes:
            raise ValueError(
                f"training.mixup: {self.loss.name} cannot be trained on mixed images; methods that "
                f"can: {methods_that('mixes')}"
            )
        if self.net.standardize and self.data.features is None and self.net.backbone != FEATURES:
            raise ValueError(
                "net.standardize needs data.features: the statistics are those of the cached "
                "features"
            )
        if self.net.head != "mlp" and (
            self.net.hidden_units or self.net.hidden_batch_norm or self.net.dropout
        ):
            raise ValueError(
                "net.hidden_units, net.hidden_batch_norm and net.dropout are of a hidden layer; "
                "set net.head to mlp"
            )
        if self.net.head == "soft_trees" and self.net.hash_init != "xavier":
            raise ValueError("net.hash_init is of net.head: linear and mlp; leave it out")
        if self.net.square_root and not self.net.standardize:
            raise ValueError("net.square_root goes with net.standardize; set that too")
        if (self.net.backbone == FEATURES) != (self.net.num_features is not None):
            raise ValueError(
                f"net.num_features goes with net.backbone: {FEATURES}, the network that reads "
                f"features; got backbone {self.net.backbone!r} and num_features "
                f"{self.net.num_features}"
            )
        return self

"""What an experiment is: frozen pydantic models read from YAML; an unknown key names the nearest
valid one."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gluon_hash.errors import DataError

__all__ = ["Config", "load_config", "dump_config"]

GIVEN = "given on the command line"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(_Section):
    """Which images, or which cached features of them, train the network."""

    root: str = Field(description="folder that `gluon-hash prepare` wrote")
    features: str | None = Field(
        None,
        description="cached features of train.rec (`gluon-hash encode --features`); the head alone is trained",
    )
    query_features: str | None = Field(
        None,
        description="cached features of query.rec by the same backbone; `compare` needs them beside `features`",
    )
    held_out: bool = Field(
        True,
        description="keep the images of validation.lst out of training and choose the best epoch on them",
    )
    decode_threads: int = Field(2, ge=1, description="threads that decode images")


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

    backbone: str = Field("resnet50_v1b", description="a name of gluon_hash.nets.BACKBONES")
    num_bits: int = Field(48, ge=1, le=1024, description="length of the code")
    weights: str | None = Field(
        None, description=".params of the backbone; without it: random weights"
    )
    frozen: bool = Field(
        False, description="train the head only; the backbone's batch norm keeps its statistics"
    )
    head: Literal["linear", "mlp"] = Field(
        "linear",
        description="features -> code: linear (the paper); mlp: a hidden "
        "layer of as many units as features before it (nonlinear projection)",
    )
    standardize: bool = Field(
        False, description="scale cached features to mean 0, variance 1 before the hash layer"
    )


MethodName = Literal[
    "hpdh",
    "dcwh",
    "hpdh_coarse_to_fine",
    "idcwh",
    "dcdh",
    "dpsh",
    "dhn",
    "hashnet",
    "dsdh",
    "dsh",
    "dtsh",
    "dsrh",
    "dch",
    "dqn",
    "shdh",
    "csq",
    "dpn",
    "orthohash",
    "greedyhash",
    "ssdh",
    "softmax",
    "embedding",
    "embedding_softmax",
]


class LossConfig(_Section):
    """The method (docs/methods.md) and its numbers."""

    name: MethodName = "hpdh"
    inv_variances: list[float] = Field(
        [1.0, 0.5], description="class-wise losses: 1/sigma^2 per level, finest first"
    )
    level_weights: list[float] | None = Field(
        None,
        description="weight per level; default: the paper's (1 each, or the finest level alone for pair losses)",
    )
    options: dict[str, float | str] = Field(
        {},
        description="numbers of the other methods by name, such as quantization_weight; see docs/methods.md",
    )
    cubic_weight: float = Field(10.0, ge=0)
    vertex_weight: float = Field(0.1, ge=0)


class CentersConfig(_Section):
    """Class centers: how they start and how they follow the codes."""

    initial: Literal["random", "hierarchical"] = Field(
        "random",
        description="random: N(0, 1) at every level (released code); hierarchical: child near parent (ours)",
    )
    refresh: Literal["inference", "running"] = Field(
        "inference",
        description="inference: one more pass after the epoch; running: the epoch's own codes (ours)",
    )
    keep_initial_epochs: int = Field(
        1, ge=1, description="epochs trained on the initial centers (ours beyond 1)"
    )


class OptimizerConfig(_Section):
    """Optimiser and its learning rate over time."""

    name: Literal["sgd", "nag", "adam"] = "sgd"
    lr: float = Field(1e-3, gt=0, description="learning rate of the hash layer")
    backbone_lr_multiplier: float = Field(
        1.0, ge=0, description="the backbone's learning rate is lr times this"
    )
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0, description="on every parameter")
    clip_gradient_norm: float | None = Field(
        None, gt=0, description="global norm; default: no clipping"
    )
    schedule: Literal["constant", "multi_step", "cosine"] = "multi_step"
    milestones: list[int] = Field(
        [50, 100], description="multi_step: epochs after which the rate falls"
    )
    factor: float = Field(0.1, gt=0, description="multi_step: what the rate is multiplied by")
    warmup_epochs: float = Field(0.0, ge=0, description="linear rise from 0")


class TrainingConfig(_Section):
    """How long, how much at a time, and which epoch is kept."""

    epochs: int = Field(150, ge=1)
    batch_size: int = Field(128, ge=2)
    seed: int = Field(24, ge=0, lt=2**32)
    monitor: Literal["map", "mahp", "loss"] = Field(
        "map",
        description="map, mahp: of the held-out images among themselves; loss: lowest training loss",
    )
    sampler: Literal["auto", "shuffled", "classes", "relatives"] = Field(
        "auto",
        description="classes: batches of classes_per_batch classes; relatives: half of them of one superclass; "
        "auto: what the method is best fed with (docs/methods.md)",
    )
    classes_per_batch: int = Field(
        16, ge=2, description="of the samplers classes and relatives; divides batch_size"
    )
    early_stop_epochs: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better one"
    )


class Config(_Section):
    """One experiment: the content of a file in configs/ and of run.yaml."""

    data: DataConfig
    transform: TransformConfig = TransformConfig()
    net: NetConfig = NetConfig()
    loss: LossConfig = LossConfig()
    centers: CentersConfig = CentersConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if self.training.monitor != "loss" and not self.data.held_out:
            raise ValueError(
                f"training.monitor is {self.training.monitor!r}, measured on held-out images, but "
                "data.held_out is false; set training.monitor to loss, or data.held_out to true"
            )
        if self.net.standardize and self.data.features is None:
            raise ValueError(
                "net.standardize needs data.features: the statistics are those of the cached "
                "features"
            )
        if any(value <= 0 for value in self.loss.inv_variances):
            raise ValueError(
                "loss.inv_variances: expected values > 0 (1/sigma^2), got "
                f"{self.loss.inv_variances}"
            )
        return self


def load_config(path: str | os.PathLike, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML configuration.

    Parameters
    ----------
    path : path-like
        The file.
    overrides : sequence of str
        "section.key=value" from the command line, the value as YAML; they win over the file.

    Returns
    -------
    Config

    Raises
    ------
    DataError
        With file and line: a key that does not exist (the nearest one is named), a value of the
        wrong type.
    ValueError
        With the override: the same of an override, or one that is malformed.
    """
    text = Path(path).read_text(encoding="utf-8")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        raise DataError(
            f"not YAML: {getattr(error, 'problem', error)}", path=path, line=line
        ) from error
    if not isinstance(values, dict):
        raise DataError(
            f"expected sections (data, net, ...), got {type(values).__name__}", path=path
        )
    given = {_override(values, override): override for override in overrides}
    try:
        return Config(**values)
    except ValidationError as error:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        if location[:2] == ["loss", "options"]:
            del location[3:]  # pydantic adds the type that it tried
        message, line = _explain(first, location), _line(text, location)
        blamed = _blamed(given, location, message, line)
        if blamed:
            raise ValueError(f"{', '.join(blamed)} ({GIVEN}): {message}") from error
        raise DataError(message, path=path, line=line) from error
    except TypeError as error:  # a key that is no string
        raise DataError(f"expected sections (data, net, ...): {error}", path=path) from error


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML, every default written out; load_config reads it back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _override(values: dict[str, Any], override: str) -> str:
    """Set one value; its "section.key"."""
    key, equals, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise ValueError(
            f"{override!r} ({GIVEN}): expected section.key=value, such as optimizer.lr=0.01"
        )
    try:
        value = yaml.safe_load(text)
    except (
        yaml.YAMLError,
        ValueError,
    ) as error:  # ValueError: 2024-13-45, a date that there is not
        raise ValueError(
            f"{override!r} ({GIVEN}): the value is not YAML "
            f"({getattr(error, 'problem', None) or error}); "
            "expected section.key=value, such as 'loss.options={gamma: 10}'"
        ) from error
    if not isinstance(values.setdefault(section, {}), dict):
        raise ValueError(f"{override!r} ({GIVEN}): {section} is no section in the file")
    values[section][name] = value
    return f"{section}.{name}"


def _blamed(
    given: Mapping[str, str], location: list[str], message: str, line: int | None
) -> list[str]:
    """The overrides that an error comes from: of this key, of a section that the file lacks, or
    named in a sentence."""
    if len(location) > 1:
        return [override for key, override in given.items() if key == ".".join(location[:2])]
    if location:
        return [
            override
            for key, override in given.items()
            if line is None and key.partition(".")[0] == location[0]
        ]
    return [override for key, override in given.items() if key in message]


def _explain(error: Any, location: list[str]) -> str:
    """One sentence for the first thing that pydantic found wrong."""
    name = ".".join(location)
    if error["type"] != "extra_forbidden":
        message = error["msg"].replace("Value error, ", "")
        return f"{name}: {message}, got {error['input']!r}" if location else message
    model: type[BaseModel] = Config
    for part in location[:-1]:
        model = Config.model_fields[part].annotation  # type: ignore[assignment]
    valid = list(model.model_fields)
    near = difflib.get_close_matches(location[-1], valid, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{name}: no such key; {hint}valid keys here: {', '.join(valid)}"


def _line(text: str, location: Sequence[str]) -> int | None:
    """Line of the key at ``location``, counted from 1; None if it came from an override."""
    node, line = yaml.compose(text), None
    for part in location:
        if not isinstance(node, yaml.MappingNode):
            return line
        found = [(key, value) for key, value in node.value if key.value == part]
        if not found:
            return line
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line

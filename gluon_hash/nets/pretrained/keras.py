"""Keras-Applications' ResNet-50 in TensorFlow.js layers format -> resnet50_v1.

The format is a model.json with shards beside it.

Keras' network takes BGR pixels in 0-255 less the Caffe means, has a bias in every convolution and
batch norm with epsilon 1e-3; ours takes (rgb / 255 - mean) / std, has biases in some convolutions,
and epsilon 1e-5. All is folded into the weights, so that the result computes the same features:
exactly inside, and at the border of an image up to the difference between 255 * mean and the Caffe
mean (at most 0.13 of 255), which zero padding does not know.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from gluon_hash.errors import DataError
from gluon_hash.guard import as_schema, load_json, read_bytes
from gluon_hash.records.transforms import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["read_tfjs", "keras_resnet50_to_v1", "Converted"]

CAFFE_MEAN_RGB = np.array([123.68, 116.779, 103.939])
GLUON_EPSILON = 1e-5
STAGES = {2: 3, 3: 4, 4: 6, 5: 3}  # Keras' number of a stage -> its blocks
BRANCHES = {
    "2a": "body.0 body.1",
    "2b": "body.3 body.4",
    "2c": "body.6 body.7",
    "1": "downsample.0 downsample.1",
}
GLUON_BIAS = ("2a", "2c")  # the convolutions that have a bias in GluonCV's BottleneckV1


MODEL_LIMIT, SHARD_LIMIT = 64 << 20, 4 << 30  # bytes
Size = Annotated[int, Field(ge=0, le=1 << 31)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]


class Weight(BaseModel):
    """A tensor in the shards."""

    name: Name
    shape: Annotated[list[Size], Field(max_length=8)]
    dtype: str
    quantization: Any = None


class Group(BaseModel):
    """Tensors one after the other in shards one after the other."""

    paths: list[Name]
    weights: list[Weight]


class LayerConfig(BaseModel):
    """Of a layer, what is needed: a batch norm has an epsilon."""

    name: str = ""
    epsilon: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None


class Layer(BaseModel):
    """A layer of the network."""

    class_name: str
    config: LayerConfig


class Layers(BaseModel):
    """The layers, wherever they come in the file."""

    layers: list[Layer]


@dataclass(frozen=True)
class Converted:
    """Tensors under our names, and what became of each tensor of the source."""

    tensors: dict[str, np.ndarray]
    used: tuple[str, ...]
    left_over: tuple[str, ...]


def read_tfjs(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Weights of a TensorFlow.js layers model, and the epsilon of each batch norm.

    Parameters
    ----------
    path : path-like
        ``model.json``; the shards lie beside it.

    Raises
    ------
    DataError
        If the file is no such model, a shard is missing or too short, or weights are quantised.
    """
    path = Path(path)
    model = load_json(path, limit=MODEL_LIMIT)
    try:
        groups, layers = model["weightsManifest"], model["modelTopology"]["model_config"]["config"]
    except (KeyError, TypeError) as error:
        raise DataError(f"not a TensorFlow.js layers model: {error!r}", path=path) from error
    tensors: dict[str, np.ndarray] = {}
    for group in as_schema(groups, list[Group], path):
        missing = [name for name in group.paths if not _shard(path, name).exists()]
        if missing:
            raise DataError(f"shards are missing beside it: {', '.join(missing[:5])}", path=path)
        if len(set(group.paths)) != len(group.paths):
            raise DataError("a shard is named twice", path=path)
        shards = [read_bytes(_shard(path, name), SHARD_LIMIT) for name in group.paths]
        tensors.update(_split(b"".join(shards), group.weights, path))
    norms = [
        layer.config
        for layer in as_schema(layers, Layers, path).layers
        if layer.class_name == "BatchNormalization" and layer.config.epsilon is not None
    ]
    return tensors, {norm.name: float(norm.epsilon or 0.0) for norm in norms}


def _shard(path: Path, name: str) -> Path:
    return path.parent / Path(name).name


def keras_resnet50_to_v1(
    tensors: dict[str, np.ndarray], epsilons: dict[str, float], path: str | os.PathLike[str]
) -> Converted:
    """Fold Keras-Applications' ResNet-50 into the tensors of our ``resnet50_v1``.

    Parameters
    ----------
    tensors : dict
        "res2a_branch2a/kernel" (height, width, in, out), "bn2a_branch2a/gamma", ...
    epsilons : dict
        Of each batch norm layer.
    path : path-like
        Where they come from, for messages.

    Returns
    -------
    Converted
        The classifier (fc1000) is left over.
    """
    source = _Source(tensors, epsilons, path)
    out: dict[str, np.ndarray] = {}
    kernel, bias = source.convolution("conv1")
    std, mean = np.array(IMAGENET_STD), np.array(IMAGENET_MEAN)
    if kernel.shape[1] != len(mean):
        raise DataError(f"conv1 reads {kernel.shape[1]} colours, expected 3", path=path)
    kernel = kernel[:, ::-1]  # BGR -> RGB, (out, in, height, width)
    offset = np.einsum("oihw,i->o", kernel, 255.0 * mean - CAFFE_MEAN_RGB)
    out["body.0.weight"] = kernel * (255.0 * std)[:, None, None]
    out.update(source.batch_norm("bn_conv1", "body.1", bias + offset))
    for stage, blocks in STAGES.items():
        for block in range(blocks):
            for branch, layers in BRANCHES.items():
                if branch == "1" and block > 0:
                    continue
                name = f"{stage}{'abcdef'[block]}_branch{branch}"
                convolution, batch_norm = (
                    f"body.{stage + 2}.{block}.{layer}" for layer in layers.split()
                )
                kernel, bias = source.convolution(f"res{name}")
                out[f"{convolution}.weight"] = kernel
                if branch in GLUON_BIAS:
                    out[f"{convolution}.bias"], bias = bias, np.zeros_like(bias)
                out.update(source.batch_norm(f"bn{name}", batch_norm, bias))
    left_over = tuple(name for name in tensors if name not in source.used)
    return Converted(
        {name: value.astype(np.float32) for name, value in out.items()},
        tuple(source.used),
        left_over,
    )


class _Source:
    """Takes tensors by layer and remembers which; a missing one is an error that names it."""

    def __init__(
        self,
        tensors: dict[str, np.ndarray],
        epsilons: dict[str, float],
        path: str | os.PathLike[str],
    ) -> None:
        self._tensors, self._epsilons, self._path = tensors, epsilons, path
        self.used: dict[str, None] = {}

    def take(self, name: str, num_axes: int = 1) -> np.ndarray:
        if name not in self._tensors:
            raise DataError(
                f"tensor {name!r} is missing; expected Keras-Applications' ResNet-50, whose layers "
                "are "
                "named conv1, res2a_branch2a, ...",
                path=self._path,
            )
        self.used[name] = None
        if self._tensors[name].ndim != num_axes or not self._tensors[name].size:
            raise DataError(
                f"tensor {name!r}: expected {num_axes} axes, got the shape "
                f"{self._tensors[name].shape}",
                path=self._path,
            )
        return self._tensors[name].astype(np.float64)

    def convolution(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Kernel (out, in, height, width) and bias (out,)."""
        kernel, bias = self.take(f"{layer}/kernel", 4), self.take(f"{layer}/bias")
        if kernel.shape[3] != len(bias):
            raise DataError(
                f"{layer}: a kernel of shape {kernel.shape} and {len(bias)} biases", path=self._path
            )
        return kernel.transpose(3, 2, 0, 1), bias

    def batch_norm(self, layer: str, name: str, bias: np.ndarray) -> dict[str, np.ndarray]:
        """Our tensors of a batch norm that also adds ``bias`` to its input and has our epsilon."""
        if layer not in self._epsilons:
            raise DataError(f"batch norm {layer!r} has no epsilon", path=self._path)
        variance = self.take(f"{layer}/moving_variance") + self._epsilons[layer] - GLUON_EPSILON
        if variance.min() < 0:
            raise DataError(
                f"{layer}: epsilon {self._epsilons[layer]} is below ours ({GLUON_EPSILON}) and a "
                "variance "
                "too small to fold the difference",
                path=self._path,
            )
        mean = self.take(f"{layer}/moving_mean")
        if mean.shape != bias.shape:
            raise DataError(
                f"{layer}: {len(mean)} means after {len(bias)} convolutions", path=self._path
            )
        return {
            f"{name}.gamma": self.take(f"{layer}/gamma"),
            f"{name}.beta": self.take(f"{layer}/beta"),
            f"{name}.running_mean": mean - bias,
            f"{name}.running_var": variance,
        }


def _split(data: bytes, weights: list[Weight], path: Path) -> dict[str, np.ndarray]:
    tensors, offset = {}, 0
    for weight in weights:
        if weight.dtype != "float32" or weight.quantization is not None:
            raise DataError(
                f"{weight.name}: expected plain float32 weights, got {weight.dtype}, "
                f"quantization {weight.quantization}",
                path=path,
            )
        count = math.prod(weight.shape)
        if offset + 4 * count > len(data):
            raise DataError(
                f"{weight.name}: the shards end at byte {len(data)}, expected "
                f"{offset + 4 * count}; one was cut short",
                path=path,
            )
        tensors[weight.name] = np.frombuffer(data, "<f4", count, offset).reshape(weight.shape)
        offset += 4 * count
    if offset != len(data):
        raise DataError(
            f"the shards hold {len(data) - offset} bytes more than the weights listed", path=path
        )
    return tensors

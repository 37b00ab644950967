"""Weights of other frameworks -> a .params file of one of our backbones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_hash.archives import opened
from gluon_hash.engine import nd
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path, refuse_existing, sha256
from gluon_hash.nets.backbones import get_backbone
from gluon_hash.nets.pretrained.keras import Converted, keras_resnet50_to_v1, read_tfjs
from gluon_hash.nets.pretrained.torch import torch_resnet_to_v1b
from gluon_hash.nets.pretrained.torch_files import read_state_dict
from gluon_hash.nets.weights import check_tensors

__all__ = ["import_weights", "ImportReport"]


@dataclass(frozen=True)
class ImportReport:
    """What became of the source: how many tensors were used, which were left, what was written."""

    num_used: int
    left_over: tuple[str, ...]
    num_written: int
    sha256: str


def import_weights(
    source: str | os.PathLike[str], architecture: str, out: str | os.PathLike[str]
) -> ImportReport:
    """Convert pretrained weights; nothing is written unless every tensor of the backbone is found.

    Parameters
    ----------
    source : path-like
        A torchvision or timm state dict (.pth, .safetensors, .npz) for ``resnet*_v1b``; a
        TensorFlow.js model (model.json, its folder, or an archive with it) of Keras-Applications'
        ResNet-50 for ``resnet50_v1``.
    architecture : str
        A name of BACKBONES.
    out : path-like
        The .params file; must not exist.

    Raises
    ------
    DataError
        If the source is damaged, its tensors are not those of the architecture (each is named), or
        hold NaN or infinity.
    ValueError
        If there is no such architecture, or the output exists.
    """
    backbone = get_backbone(architecture)
    refuse_existing(out)
    converted = _convert(Path(source), architecture)
    check_tensors(
        backbone, {name: value.shape for name, value in converted.tensors.items()}, source
    )
    strange = [name for name, value in converted.tensors.items() if not np.isfinite(value).all()]
    if strange:
        raise DataError(
            f"{len(strange)} tensors hold NaN or infinity, the first is {strange[0]}; get it again",
            path=source,
        )
    with atomic_path(out) as temporary:
        nd.save(
            str(temporary),
            {
                name: nd.array(converted.tensors[name])  # in our order: same weights, same bytes
                for name in backbone._collect_params_with_prefix()
            },
        )
    return ImportReport(
        len(converted.used), converted.left_over, len(converted.tensors), sha256(out)
    )


def _convert(source: Path, architecture: str) -> Converted:
    if source.suffix in (".pth", ".pt", ".bin", ".safetensors", ".npz"):
        if not architecture.endswith("v1b"):
            raise ValueError(
                f"{source}: PyTorch's ResNets have the v1b layout (stride in the 3x3 convolution), "
                f"not {architecture}; ask for {architecture.rpartition('_')[0]}_v1b"
            )
        return torch_resnet_to_v1b(read_state_dict(source), source)
    if architecture != "resnet50_v1":
        raise ValueError(f"{source}: Keras' ResNet-50 fits resnet50_v1, got {architecture}")
    if source.name == "model.json":
        return keras_resnet50_to_v1(*read_tfjs(source), path=source)
    with opened(source, lambda name: name.endswith((".json", ".bin"))) as folder:
        models = sorted(folder.rglob("model.json"))
        if len(models) != 1:
            raise DataError(f"expected one model.json inside, found {len(models)}", path=source)
        return keras_resnet50_to_v1(*read_tfjs(models[0]), path=source)

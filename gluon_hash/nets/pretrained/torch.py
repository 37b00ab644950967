"""torchvision's and timm's ResNet tensors -> the v1b layout."""

from __future__ import annotations

import os
import re

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.nets.pretrained.keras import Converted

__all__ = ["torch_resnet_to_v1b", "COUNTER"]

COUNTER = "num_batches_tracked"  # of a batch norm: how often it was trained, which nothing needs
BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "running_mean",
    "running_var": "running_var",
}
STEM = {"conv1": "body.0", "bn1": "body.1"}
BODY = re.compile(r"(module\.)?(layer\d|conv\d|bn\d)\.")
BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv\d|bn\d|downsample\.[01])\.(\w+)$")


def torch_resnet_to_v1b(tensors: dict[str, np.ndarray], path: str | os.PathLike[str]) -> Converted:
    """The tensors of a torchvision or timm ResNet under the names of our ``resnet*_v1b``.

    Parameters
    ----------
    tensors : dict
        "conv1.weight", "layer1.0.bn1.running_mean", ... ; "module." before them is taken off.
    path : path-like
        Where they come from, for messages.

    Returns
    -------
    Converted
        Left over are the classifier (fc) and the counters num_batches_tracked.

    Raises
    ------
    DataError
        If the stem or a stage holds other tensors too (a squeeze-and-excitation part, say): another
        network; or a tensor holds no numbers.
    """
    out, used, left_over = {}, [], []
    for name, value in tensors.items():
        target = _target(name[len("module.") :] if name.startswith("module.") else name)
        if target is None:
            left_over.append(name)
        else:
            if value.dtype.kind not in "fiu":
                raise DataError(f"{name}: expected numbers, got {value.dtype}", path=path)
            out[target] = np.asarray(value, dtype=np.float32)
            used.append(name)
    strange = [name for name in left_over if BODY.match(name) and not name.endswith(COUNTER)]
    if strange:
        raise DataError(
            f"{len(strange)} tensors have no place in a ResNet: {', '.join(strange[:5])}; it is of "
            "another "
            "architecture",
            path=path,
        )
    return Converted(out, tuple(used), tuple(left_over))


def _target(name: str) -> str | None:
    """Our name of a torch tensor; None if it has no place."""
    layer, _, kind = name.rpartition(".")
    if layer in STEM:
        return _parameter(STEM[layer], layer.startswith("bn"), kind)
    match = BLOCK.match(name)
    if match is None:
        return None
    stage, block, layer, kind = match.groups()
    if layer.startswith("downsample"):
        return _parameter(f"body.{int(stage) + 3}.{block}.{layer}", layer.endswith("1"), kind)
    return _parameter(f"body.{int(stage) + 3}.{block}.{layer}", layer.startswith("bn"), kind)


def _parameter(layer: str, is_batch_norm: bool, kind: str) -> str | None:
    if is_batch_norm:
        return f"{layer}.{BATCH_NORM[kind]}" if kind in BATCH_NORM else None
    return f"{layer}.{kind}" if kind == "weight" else None

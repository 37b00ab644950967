"""A trained network under torchvision's names, for those who leave MXNet."""

from __future__ import annotations

import os
import re

import numpy as np

from gluon_hash.files import atomic_path, refuse_existing
from gluon_hash.nets.hashing_net import HashingNet, Standardize
from gluon_hash.nets.pretrained.torch import BATCH_NORM, COUNTER, STEM

__all__ = ["torch_state_dict", "write_torch_weights"]

SUFFIXES = (".npz", ".safetensors")
OUR_STEM = {ours: theirs for theirs, ours in STEM.items()}
OUR_NORM = {ours: theirs for theirs, ours in BATCH_NORM.items()}
STAGE = re.compile(r"body\.([4-7])\.(.+)")


def torch_state_dict(net: HashingNet, backbone: str) -> dict[str, np.ndarray]:
    """The state dict of torchvision's ResNet of the same depth with the hash layer as ``fc``.

    ``torchvision.models.resnet50(num_classes=num_bits).load_state_dict(...)`` takes it; the
    standardisation of features, if the network has one, goes into ``fc``.

    Parameters
    ----------
    net : HashingNet
    backbone : str
        Its name, ``resnet*_v1b``: torchvision has the other versions under no name.

    Returns
    -------
    dict of str to float32 arrays
        The counters of the batch norms, which nothing reads, are int64.

    Raises
    ------
    ValueError
        If the backbone is another, or the head has a hidden layer.
    """
    if not (backbone.startswith("resnet") and backbone.endswith("v1b")):
        raise ValueError(
            "torchvision's ResNets have the v1b layout (stride in the 3x3 convolution), "
            f"{backbone} has another; export ONNX in place of weights"
        )
    layers = list(net.head)
    if any(type(layer) is not Standardize for layer in layers[:-1]):
        raise ValueError(
            "torchvision's ResNets have no hidden layer before fc, no roots and no codewords; "
            "export ONNX"
        )
    tensors = {}
    for name, parameter in net.features._collect_params_with_prefix().items():
        layer, _, kind = name.rpartition(".")
        theirs = _layer(layer)
        tensors[f"{theirs}.{OUR_NORM.get(kind, kind)}"] = parameter.data().asnumpy()
        if kind == "gamma":
            tensors[f"{theirs}.{COUNTER}"] = np.zeros((), np.int64)
    weight = layers[-1].weight.data().asnumpy().astype(np.float64)
    bias = layers[-1].bias.data().asnumpy().astype(np.float64)
    for neck in layers[:-1]:
        weight = weight * neck.inv_std.data().asnumpy()
        bias = bias - weight @ neck.mean.data().asnumpy()
    tensors["fc.weight"], tensors["fc.bias"] = (
        value.astype(np.float32) for value in (weight, bias)
    )
    return tensors


def write_torch_weights(net: HashingNet, backbone: str, out: str | os.PathLike[str]) -> None:
    """Write torch_state_dict as .npz or .safetensors, whole or not at all.

    Raises
    ------
    ValueError
        If the name ends in neither, the file exists, or as torch_state_dict.
    """
    if not os.fspath(out).endswith(SUFFIXES):
        raise ValueError(f"{os.fspath(out)}: expected a name that ends in {' or '.join(SUFFIXES)}")
    refuse_existing(out)
    tensors = torch_state_dict(net, backbone)
    with atomic_path(out) as temporary:
        if os.fspath(out).endswith(".npz"):
            np.savez(temporary, **tensors)
        else:
            from safetensors.numpy import save

            temporary.write_bytes(save(tensors))  # its save_file lets nobody else read the file


def _layer(ours: str) -> str:
    """The name that torchvision has for a layer of the backbone."""
    if ours in OUR_STEM:
        return OUR_STEM[ours]
    stage = STAGE.fullmatch(ours)
    assert stage is not None  # the layers of a v1b are those of torchvision
    return f"layer{int(stage[1]) - 3}.{stage[2]}"

"""torchvision's and timm's ResNet state dicts (.pth, .safetensors, .npz) -> the v1b layout; no code is unpickled."""
from __future__ import annotations

import io
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.nets.keras_weights import Converted

__all__ = ["read_state_dict", "torch_resnet_to_v1b"]

STORAGES = {"FloatStorage": np.float32, "DoubleStorage": np.float64, "HalfStorage": np.float16,
            "LongStorage": np.int64, "IntStorage": np.int32}
BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean", "running_var": "running_var"}
STEM = {"conv1": "body.0", "bn1": "body.1"}
BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv\d|bn\d|downsample\.[01])\.(\w+)$")


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Named tensors of a .npz, .safetensors or .pth file.

    A .pth is a zip with a pickle: only dictionaries, tensors and numbers are rebuilt from it, by our own code; a
    pickle that names anything else is refused.

    Raises
    ------
    DataError
        If the file is none of the three, is damaged, or its pickle asks for code.
    """
    path = Path(path)
    if not path.exists():
        raise DataError("no such file", path=path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return load_file(path)
        if path.suffix in (".pth", ".pt", ".bin"):
            return _read_pth(path)
    except DataError:
        raise
    except Exception as error:  # each format's reader has errors of its own; all mean: not such a file
        raise DataError(f"cannot be read as {path.suffix}: {error}", path=path) from error
    raise DataError("expected .npz, .safetensors or .pth", path=path)


def torch_resnet_to_v1b(tensors: dict[str, np.ndarray]) -> Converted:
    """The tensors of a torchvision or timm ResNet under the names of our ``resnet*_v1b``.

    Parameters
    ----------
    tensors : dict
        "conv1.weight", "layer1.0.bn1.running_mean", ... ; "module." before them is taken off.

    Returns
    -------
    Converted
        Left over are the classifier (fc) and the counters num_batches_tracked.
    """
    out, used, left_over = {}, [], []
    for name, value in tensors.items():
        target = _target(name[len("module."):] if name.startswith("module.") else name)
        if target is None:
            left_over.append(name)
        else:
            out[target] = np.asarray(value, dtype=np.float32)
            used.append(name)
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


def _parameter(place: str, is_batch_norm: bool, kind: str) -> str | None:
    if is_batch_norm:
        return f"{place}.{BATCH_NORM[kind]}" if kind in BATCH_NORM else None
    return f"{place}.{kind}" if kind == "weight" else None


def _read_pth(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise DataError("not a zip: saved by PyTorch before 1.6 or with the old format; load and save it again with a "
                        "newer PyTorch, or convert it to .safetensors", path=path)
    with zipfile.ZipFile(path) as archive:
        inner = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(inner) != 1:
            raise DataError("no state dict inside (expected one data.pkl)", path=path)
        folder = inner[0][:-len("data.pkl")]
        state = _Unpickler(io.BytesIO(archive.read(inner[0])), archive, folder, path).load()
    for key in ("state_dict", "model"):  # training scripts wrap it
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(value, np.ndarray) for value in state.values()):
        raise DataError("expected a dictionary of tensors; save model.state_dict()", path=path)
    return dict(state)


class _Unpickler(pickle.Unpickler):
    """Rebuilds dictionaries and tensors, and nothing else."""

    def __init__(self, stream: io.BytesIO, archive: zipfile.ZipFile, folder: str, path: Path) -> None:
        super().__init__(stream)
        self._archive, self._folder, self._path = archive, folder, path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise DataError(f"its pickle asks for {module}.{name}; refused: only tensors are read, no code is run. "
                        "Save model.state_dict(), or .safetensors", path=self._path)

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, dtype, key, _, count = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), dtype, count)


def _rebuild_tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_: Any) -> np.ndarray:
    strides = tuple(step * storage.itemsize for step in stride)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride)) if all(size) else 0
    if last >= max(len(storage), 1) or min(stride, default=0) < 0 or offset < 0:
        raise ValueError("a tensor reaches beyond its storage")
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def _rebuild_parameter(data: np.ndarray, *_: Any) -> np.ndarray:
    return data

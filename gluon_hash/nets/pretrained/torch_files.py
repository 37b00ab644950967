"""Named tensors from .pth, .safetensors and .npz files: no PyTorch, no code is unpickled."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gluon_hash.errors import DataError

__all__ = ["read_state_dict"]

STORAGES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # what PyTorch wrote first in a file before 1.6


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Named tensors of a .npz, .safetensors or .pth file.

    A .pth is a pickle with storages of numbers, in a zip (PyTorch 1.6 and later) or one after the
    other (before): only dictionaries, tensors and numbers are rebuilt from it, by our own code; a
    pickle that names anything else is refused.

    Raises
    ------
    DataError
        If the file is none of the three, is damaged, holds bfloat16, or its pickle asks for code.
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
            return _tensors(
                _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path), path
            )
    except DataError:
        raise
    except (
        Exception
    ) as error:  # each format's reader has errors of its own; all mean: not such a file
        remedy = "; save it as float32" if "bfloat16" in str(error) else ""
        raise DataError(f"cannot be read as {path.suffix}: {error}{remedy}", path=path) from error
    raise DataError("expected .npz, .safetensors or .pth", path=path)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        inner = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(inner) != 1:
            raise DataError("no state dict inside (expected one data.pkl)", path=path)
        folder = inner[0][: -len("data.pkl")]

        def storage(key: str, dtype: type, count: int) -> np.ndarray:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), dtype, count)

        return _Unpickler(io.BytesIO(archive.read(inner[0])), storage, path).load()


def _read_legacy(path: Path) -> Any:
    """The pickle, read twice: its storages come after it; first their types, then their values."""
    types: dict[str, type] = {}

    def announced(key: str, dtype: type, count: int) -> np.ndarray:
        types[key] = dtype
        return np.zeros(count, dtype)

    with open(path, "rb") as stream:
        if _Unpickler(stream, announced, path).load() != LEGACY_MAGIC:
            raise DataError("no file of PyTorch", path=path)
        for _ in ("version", "machine"):
            _Unpickler(stream, announced, path).load()
        start = stream.tell()
        _Unpickler(stream, announced, path).load()
        keys = _Unpickler(stream, announced, path).load()
        storages = {key: _legacy_storage(stream, types[key], path) for key in keys}
        stream.seek(start)
        return _Unpickler(stream, lambda key, dtype, count: storages[key], path).load()


def _legacy_storage(stream: BinaryIO, dtype: type, path: Path) -> np.ndarray:
    count = int(np.frombuffer(stream.read(8), "<i8")[0])
    data = stream.read(count * np.dtype(dtype).itemsize)
    if len(data) != count * np.dtype(dtype).itemsize:
        raise DataError("was cut short inside its tensors; get it again", path=path)
    return np.frombuffer(data, dtype)


def _tensors(state: Any, path: Path) -> dict[str, np.ndarray]:
    for key in ("state_dict", "model"):  # training scripts wrap it
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(value, np.ndarray) for value in state.values()
    ):
        raise DataError("expected a dictionary of tensors; save model.state_dict()", path=path)
    return dict(state)


class _Unpickler(pickle.Unpickler):
    """Rebuilds dictionaries and tensors, and nothing else."""

    def __init__(
        self, stream: BinaryIO, storage: Callable[[str, type, int], np.ndarray], path: Path
    ) -> None:
        super().__init__(stream)
        self._storage, self._path = storage, path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if module == "torch" and name.endswith("Storage"):
            raise DataError(f"holds tensors of torch.{name}; save it as float32", path=self._path)
        raise DataError(
            f"its pickle asks for {module}.{name}; refused: only tensors are read, no code is run. "
            "Save model.state_dict(), or .safetensors",
            path=self._path,
        )

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, dtype, key, _, count = pid[
            :5
        ]  # the old format has a sixth: how a storage looks into another
        return self._storage(key, dtype, count)


def _rebuild_tensor(
    storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_: Any
) -> np.ndarray:
    strides = tuple(step * storage.itemsize for step in stride)
    last = (
        offset + sum((length - 1) * step for length, step in zip(size, stride)) if all(size) else 0
    )
    if last >= max(len(storage), 1) or min(stride, default=0) < 0 or offset < 0:
        raise ValueError("a tensor reaches beyond its storage")
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def _rebuild_parameter(data: np.ndarray, *_: Any) -> np.ndarray:
    return data

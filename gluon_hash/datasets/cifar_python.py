"""CIFAR-100 and CIFAR-10 from the Python archives, whose batches are pickles: only when asked for.

The unpickler knows lists, strings and numbers, and bytes in the place of NumPy arrays; a file that
names anything else is refused, not run.
"""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import archives
from gluon_hash.datasets import cifar
from gluon_hash.datasets.dataset import Dataset
from gluon_hash.errors import DataError
from gluon_hash.guard import check_pickle, reading

__all__ = ["cifar100_python", "cifar10_python"]

MD5_100 = "eb9058c3a382ffc7106e4002c42a8d85"
BATCH = "batch of CIFAR"
MD5_10 = "c58f30108f718f92721af3b95e74349a"


class _Dtype:
    """Stands for the dtype of a batch, which is uint8 whatever it says."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _Array:
    """Stands for an array of a batch: NumPy itself does not see what the file says."""

    def __init__(self, *_: object) -> None:
        self.values = np.empty((0, 0), np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, (rows, columns), _, is_fortran, data = state
        values = np.frombuffer(data, np.uint8)
        self.values = values.reshape((rows, columns), order="F" if is_fortran else "C")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes that Python 3 wrote for Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r:.50}")
    return text.encode("latin1")


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,  # in numpy._core from NumPy 2 on
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Finds what a pickled uint8 array needs, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR batch needs")
        return ALLOWED[module, name]


def cifar100_python(source: str | os.PathLike[str]) -> Dataset:
    """CIFAR-100 from cifar-100-python.tar.gz or its folder; as gluon_hash.datasets.cifar100.

    Raises
    ------
    DataError
        If a file is missing, is not a batch of CIFAR, or holds labels that are not in the official
        table.
    """
    with archives.opened(source) as folder:
        inner = cifar.folder_with(folder, "train", source)
        hierarchy = cifar.named_hierarchy(inner / "meta", *_names(inner / "meta"))
        train, query = (
            cifar.make_split(
                _rows(inner / name, (b"coarse_labels", b"fine_labels")),
                1,
                hierarchy,
                inner / name,
                name,
            )
            for name in ("train", "test")
        )
    described = cifar.describe_source(source, MD5_100)
    return Dataset("cifar100", hierarchy, train, query, source=described, in_order=True)


def cifar10_python(source: str | os.PathLike[str]) -> Dataset:
    """CIFAR-10 from cifar-10-python.tar.gz or its folder, under three levels of ours."""
    hierarchy = cifar.cifar10_hierarchy()
    with archives.opened(source) as folder:
        inner = cifar.folder_with(folder, "test_batch", source)
        batches = [_rows(inner / f"data_batch_{number}", (b"labels",)) for number in range(1, 6)]
        train = cifar.make_split(
            np.concatenate(batches), 0, hierarchy, inner / "data_batch", "train"
        )
        query = cifar.make_split(
            _rows(inner / "test_batch", (b"labels",)), 0, hierarchy, inner / "test_batch", "test"
        )
    described = cifar.describe_source(source, MD5_10)
    return Dataset("cifar10", hierarchy, train, query, source=described, in_order=True)


def _names(path: Path) -> list[list[str]]:
    """The names of fine and coarse classes."""
    meta = _load(path)
    with reading(path, BATCH):
        return [
            [name.decode() for name in meta[f"{level}_label_names".encode()]]
            for level in ("fine", "coarse")
        ]


def _rows(path: Path, label_keys: tuple[bytes, ...]) -> np.ndarray:
    """A batch in the layout of the binary version: label bytes, then 3,072 pixels."""
    batch = _load(path)
    missing = [key.decode() for key in (b"data", *label_keys) if key not in batch]
    if missing:
        raise DataError(f"not a batch of CIFAR: {', '.join(missing)} missing", path=path)
    data = batch[b"data"]
    for key in label_keys:
        values = batch[key]
        if not isinstance(values, list) or any(
            type(value) is not int or not 0 <= value < 256 for value in values
        ):
            raise DataError(f"{key.decode()}: expected a list of numbers below 256", path=path)
    if not isinstance(data, _Array) or any(
        data.values.shape != (len(batch[key]), cifar.PIXELS) for key in label_keys
    ):
        raise DataError(
            f"data: expected {len(batch[label_keys[0]])} rows of {cifar.PIXELS} bytes, one for "
            "each label",
            path=path,
        )
    labels = [np.array(batch[key], np.uint8) for key in label_keys]
    return np.column_stack([*labels, data.values])


def _load(path: Path) -> dict[bytes, Any]:
    if not path.exists():
        raise DataError("missing from the archive", path=path)
    with reading(path, BATCH):
        data = path.read_bytes()
        check_pickle(data)
        batch = _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise DataError(f"expected a dictionary, got {type(batch).__name__}", path=path)
    return batch

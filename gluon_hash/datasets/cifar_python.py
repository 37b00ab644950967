"""CIFAR-100 and CIFAR-10 from the Python archives, whose batches are pickles: only when asked for.

The unpickler knows NumPy arrays, lists, strings and numbers; a file that names anything else is
refused, not run.
"""

from __future__ import annotations

import codecs
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

__all__ = ["cifar100_python", "cifar10_python"]

MD5_100 = "eb9058c3a382ffc7106e4002c42a8d85"
MD5_10 = "c58f30108f718f92721af3b95e74349a"
MAKE_ARRAY = np.empty(0).__reduce__()[0]  # in numpy.core until NumPy 1, in numpy._core from 2
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): MAKE_ARRAY,
    ("numpy._core.multiarray", "_reconstruct"): MAKE_ARRAY,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
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
        meta = _load(inner / "meta")
        names = [
            [name.decode() for name in meta[f"{level}_label_names".encode()]]
            for level in ("fine", "coarse")
        ]
        hierarchy = cifar.cifar100_hierarchy(*names)
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


def _rows(path: Path, label_keys: tuple[bytes, ...]) -> np.ndarray:
    """A batch in the layout of the binary version: label bytes, then 3,072 pixels."""
    batch = _load(path)
    try:
        data = np.asarray(batch[b"data"], np.uint8)
        labels = np.stack([np.asarray(batch[key], np.uint8) for key in label_keys], axis=1)
        return np.concatenate([labels, data.reshape(len(labels), cifar.PIXELS)], axis=1)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            "not a batch of CIFAR: expected data and "
            f"{', '.join(key.decode() for key in label_keys)}: {error!r}",
            path=path,
        ) from error


def _load(path: Path) -> dict[bytes, Any]:
    if not path.exists():
        raise DataError("missing from the archive", path=path)
    try:
        batch = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
    ) as error:
        raise DataError(
            f"not a readable batch of CIFAR, or cut short: {error}", path=path
        ) from error
    if not isinstance(batch, dict):
        raise DataError(f"expected a dictionary, got {type(batch).__name__}", path=path)
    return batch

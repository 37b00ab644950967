"""Named tensors from .pth, .safetensors and .npz files: no PyTorch, no code is unpickled."""

from __future__ import annotations

import io
import math
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.guard import open_npz, reading

__all__ = ["read_state_dict"]

STORAGES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # what PyTorch wrote first in a file before 1.6
PICKLE_LIMIT = 64 << 20  # bytes; that of a ResNet-152 has 100,000
MOST_AXES = 32
# What a pickle of tensors is made of: numbers, texts, lists, tuples, dictionaries, references to
# what came before, and calls, which _TensorUnpickler looks at. Others could ask for memory at will.
OPCODES = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.MEMOIZE),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT, pickle.LONG1),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2),
    *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.SHORT_BINSTRING),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS, pickle.EMPTY_LIST),
    *(pickle.APPEND, pickle.APPENDS, pickle.EMPTY_TUPLE, pickle.TUPLE),
    *(pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.GLOBAL, pickle.STACK_GLOBAL),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.BINPERSID, pickle.REDUCE, pickle.BUILD),
)
Storages = Callable[[str], bytes | memoryview]  # of a key: its bytes


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
    remedy = "get it again, or save it as float32"
    with reading(path, path.suffix or "file of tensors", remedy):
        if path.suffix == ".npz":
            with open_npz(path) as arrays:
                return {name: arrays.read(name) for name in arrays.names}
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return load_file(path)
        if path.suffix in (".pth", ".pt", ".bin"):
            return _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
    raise DataError("expected .npz, .safetensors or .pth", path=path)


@dataclass(frozen=True)
class _Storage:
    """Where a pickle says that numbers are: under a key, ``count`` of them from ``start``."""

    key: str
    dtype: np.dtype
    start: int
    count: int


@dataclass(frozen=True)
class _Tensor:
    """What a pickle says of a tensor; sizes and strides are counted in numbers, not bytes."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self, data: bytes | memoryview) -> np.ndarray:
        """Its values in the bytes of its storage, which are not copied."""
        storage, whole = self.storage, np.frombuffer(data, np.uint8)
        start, end = storage.start, storage.start + storage.count
        if not 0 <= start <= end <= len(whole) // storage.dtype.itemsize:
            raise ValueError(f"storage {storage.key!r} was cut short")
        numbers = np.frombuffer(data, storage.dtype, storage.count, start * storage.dtype.itemsize)
        size, stride = self.size, self.stride
        if len(size) != len(stride) or len(size) > MOST_AXES or min(size, default=1) < 0:
            raise ValueError(f"a tensor has the shape {size} and strides {stride}")
        if 0 in size:
            return np.zeros(size, storage.dtype)
        last = self.offset + sum((length - 1) * step for length, step in zip(size, stride))
        reaches = self.offset < 0 or min(stride, default=0) < 0 or last >= storage.count
        if reaches or math.prod(size) > storage.count:
            raise ValueError("a tensor reaches beyond its storage")
        strides = tuple(step * numbers.itemsize for step in stride)
        view = np.lib.stride_tricks.as_strided
        return view(numbers[self.offset :], size, strides, writeable=False)


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    left = os.path.getsize(path)
    with zipfile.ZipFile(path) as archive:

        def member(name: str) -> bytes:
            nonlocal left
            info = archive.getinfo(name)
            left -= info.file_size
            if info.compress_type != zipfile.ZIP_STORED or left < 0:
                raise ValueError(f"{name} is packed, or shares its bytes with another")
            return archive.read(info)

        inner = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(inner) != 1:
            raise DataError("no state dict inside (expected one data.pkl)", path=path)
        if archive.getinfo(inner[0]).file_size > PICKLE_LIMIT:
            raise ValueError(f"its pickle has more than {PICKLE_LIMIT} bytes")
        folder = inner[0][: -len("data.pkl")]
        state = _TensorUnpickler(io.BytesIO(member(inner[0])), path).load()
        return _tensors(state, lambda key: member(f"{folder}data/{key}"), path)


def _read_legacy(path: Path) -> dict[str, np.ndarray]:
    """Pickles one after the other, then the storages: each its count and its numbers."""
    data = path.read_bytes()
    stream = io.BytesIO(data)

    sizes: dict[str, int] = {}

    def unpickled() -> Any:
        unpickler = _TensorUnpickler(stream, path)
        value = unpickler.load()
        sizes.update(unpickler.sizes)
        return value

    if unpickled() != LEGACY_MAGIC:
        raise DataError("no file of PyTorch", path=path)
    _version, _machine, state, keys = (unpickled() for _ in range(4))
    storages, position = {}, stream.tell()
    for key in keys:
        if key not in sizes:
            raise ValueError(f"it stores {key!r:.40}, which no tensor is of")
        count = int.from_bytes(data[position : position + 8], "little")
        start, position = position + 8, position + 8 + count * sizes[key]
        if position > len(data):
            raise DataError("was cut short inside its tensors; get it again", path=path)
        storages[key] = memoryview(data)[start:position]
    return _tensors(state, storages.__getitem__, path)


def _named(state: Any, path: Path) -> dict[str, _Tensor]:
    for key in ("state_dict", "model"):  # training scripts wrap it
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, _Tensor) for name, value in state.items()
    ):
        raise DataError("expected a dictionary of tensors; save model.state_dict()", path=path)
    return state


def _tensors(state: Any, storages: Storages, path: Path) -> dict[str, np.ndarray]:
    found: dict[str, bytes | memoryview] = {}
    arrays = {}
    for name, tensor in _named(state, path).items():
        key = tensor.storage.key
        if key not in found:
            found[key] = storages(key)
        arrays[name] = tensor.array(found[key])
    return arrays


class _TensorUnpickler(pickle._Unpickler):
    """Rebuilds dictionaries and tensors, and nothing else.

    It is the one in Python: that in C fills an array up to the highest number that a pickle
    remembers something by, 32 GB for five bytes.
    """

    dispatch: ClassVar[dict[int, Any]] = {}  # by opcode, as the class above has it
    stack: list[Any]

    def __init__(self, stream: io.BytesIO, path: Path) -> None:
        super().__init__(stream)
        self._path = path
        self.sizes: dict[str, int] = {}  # of a number in each storage, in bytes

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

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage; the format before 1.6 says too how it looks into the one with its key."""
        _, dtype, key, _, count, *view = pid
        start = 0
        if view and view[0] is not None:
            _, start, count = view[0]
        if (
            dtype not in STORAGES.values()
            or not isinstance(key, str)
            or not _are_ints(start, count)
        ):
            raise ValueError(f"a storage is {pid!r:.80}")
        self.sizes[key] = np.dtype(dtype).itemsize
        return _Storage(key, np.dtype(dtype), start, count)

    def load_reduce(self) -> None:
        """A call: of the three functions that find_class knows, and of no type."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function not in (OrderedDict, _rebuild_tensor, _rebuild_parameter):
            raise ValueError("it calls what makes no tensor")
        self.stack.append(function(*arguments))

    def load_build(self) -> None:
        """Attributes of a dictionary (PyTorch's _metadata), which nobody needs."""
        self.stack.pop()
        if not isinstance(self.stack[-1], OrderedDict):
            raise ValueError("it gives attributes to what has none")


_TensorUnpickler.dispatch.update({code[0]: pickle._Unpickler.dispatch[code[0]] for code in OPCODES})
_TensorUnpickler.dispatch[pickle.REDUCE[0]] = _TensorUnpickler.load_reduce
_TensorUnpickler.dispatch[pickle.BUILD[0]] = _TensorUnpickler.load_build


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    fits = isinstance(storage, _Storage) and isinstance(size, tuple) and isinstance(stride, tuple)
    if not fits or not _are_ints(offset, *size, *stride):
        raise ValueError(f"a tensor is of {storage!r:.80}, {offset!r:.40}, {size!r:.80}")
    return _Tensor(storage, offset, size, stride)


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _are_ints(*values: Any) -> bool:
    return all(type(value) is int for value in values)

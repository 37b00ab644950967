"""MXNet, imported first in this one place: what it needs before it, contexts and seed after it.

Before it: threads, CUDA libraries, and the names that newer Pythons and NumPys no longer have.
Every other file takes ``mx``, ``nd``, ``gluon`` ... from here, so that nobody can import MXNet
unprepared. Without MXNet the import raises MissingPackageError, which says how to get it.
"""

from __future__ import annotations

import ctypes
import mmap
import random
import sys
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

import numpy as np

from gluon_hash import compatibility, environment
from gluon_hash.errors import MissingPackageError

__all__ = [
    "Block",
    "HybridBlock",
    "Loss",
    "Tensor",
    "amp",
    "autograd",
    "contexts",
    "gluon",
    "init",
    "mx",
    "nd",
    "new_batch",
    "nn",
    "preload_cuda",
    "seed_everything",
]

HUGE_PAGE = 1 << 21  # bytes
DRIVER = "libcuda.so.1"
CUDA_BUILD = "mxnet-cu112"
MISSING = (
    "MXNet is not installed; training, networks and their encoding need it: "
    "pip install 'gluon_hash[mxnet]'"
)
CUDA_LIBRARIES = (
    "libcudart.so.11.0",
    "libnvrtc.so.11.2",
    "libnvToolsExt.so.1",
    "libcublasLt.so.11",
    "libcublas.so.11",
    "libcufft.so.10",
    "libcurand.so.10",
    "libcusparse.so.11",
    "libcusolver.so.11",
    "libnccl.so.2",
    "libcudnn.so.8",
)


def preload_cuda(site_folders: list[Path]) -> list[str]:
    """Load the CUDA 11 libraries of the nvidia-*-cu11 packages: no LD_LIBRARY_PATH is needed.

    Parameters
    ----------
    site_folders : list of Path
        Where packages lie; the libraries are in nvidia/*/lib below.

    Returns
    -------
    list of str
        The libraries loaded, in the order of their dependencies.

    Raises
    ------
    RuntimeError
        If the driver (libcuda.so.1) is missing, which mxnet-cu112 needs even for CPU work, or a
        library is.
    """
    _load(
        DRIVER,
        f"the NVIDIA driver ({DRIVER}) is missing; mxnet-cu112 needs it even for CPU work: install "
        "the driver, or the CPU build (pip uninstall mxnet-cu112; pip install mxnet==1.9.1)",
    )
    loaded = []
    for name in CUDA_LIBRARIES:
        files = [
            path for folder in site_folders for path in sorted(folder.glob(f"nvidia/*/lib/{name}"))
        ]
        library = str(files[0]) if files else name
        _load(library, f"{name} is missing; pip install 'gluon_hash[cu112]'")
        loaded.append(name)
    return loaded


def _load(library: str, message: str) -> None:
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise RuntimeError(f"{message} ({error})") from error


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


environment.set_threads()
if "mxnet" not in sys.modules and _is_installed(CUDA_BUILD):
    preload_cuda([Path(folder) for folder in sys.path])
compatibility.provide_distutils()
compatibility.restore_numpy_names()

try:
    import mxnet as mx
except ModuleNotFoundError as error:
    if error.name != "mxnet":
        raise
    raise MissingPackageError(MISSING) from error
from mxnet import autograd, gluon, init, nd
from mxnet.contrib import amp
from mxnet.gluon import Block, HybridBlock, nn
from mxnet.gluon.loss import Loss

Tensor: TypeAlias = mx.nd.NDArray | mx.sym.Symbol


def contexts(device: str) -> list[mx.Context]:
    """The MXNet contexts that ``device`` names: "cpu", "gpu:0", "gpu:0,1" or "cpu:0,cpu:1".

    Several of the CPU do not make it faster: they show that several devices train what one does.

    Raises
    ------
    ValueError
        If the text is none of these, or a GPU is named that MXNet does not see or has no kernels
        for.
    """
    if device == "cpu":
        return [mx.cpu()]
    kind = device.partition(":")[0]
    numbers = [part.removeprefix(f"{kind}:") for part in device.removeprefix(f"{kind}:").split(",")]
    if (
        kind not in ("cpu", "gpu")
        or not all(number.isdecimal() and number.isascii() for number in numbers)
        or len(set(map(int, numbers))) < len(numbers)
    ):
        raise ValueError(
            f"device: expected cpu, gpu:0 or gpu:0,1, each number once, got {device!r}"
        )
    wanted = [int(number) for number in numbers]
    if kind == "cpu":
        return [mx.cpu(number) for number in wanted]
    seen = mx.context.num_gpus()
    if max(wanted) >= seen:
        raise ValueError(
            f"device: {device!r} asks for GPU {max(wanted)}, but MXNet sees {seen} GPUs; "
            "`gluon-hash doctor` says what is missing"
        )
    named = [mx.gpu(number) for number in wanted]
    for context in named:
        _try_out(context)
    return named


def _try_out(context: mx.Context) -> None:
    """Run one kernel: a card without any for its architecture fails here, not hours later."""
    try:
        (mx.nd.ones((1,), ctx=context) + 1).wait_to_read()
    except mx.base.MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"device: {context} does not run MXNet's kernels ({reason}); "
            "`gluon-hash doctor` says what is missing"
        ) from error


def new_batch(shape: tuple[int, ...], dtype: str = "float32") -> tuple[nd.NDArray, np.ndarray]:
    """An array of the CPU, and its memory, to be filled before MXNet works with it.

    A large one is given huge pages, where the system has them to give: at the first touch they cost
    a quarter of what as many bytes of small ones do, which is as long as a JPEG takes to decode.
    """
    array = nd.empty(shape, ctx=mx.cpu(), dtype=dtype)
    address = ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    num_bytes = array.size * np.dtype(dtype).itemsize
    block = (ctypes.c_uint8 * num_bytes).from_address(address.value)
    block.owner = array  # which lives as long as anyone can write to its memory
    memory = np.frombuffer(block, dtype).reshape(shape)
    begin = -(-memory.ctypes.data // HUGE_PAGE) * HUGE_PAGE
    end = (memory.ctypes.data + memory.nbytes) // HUGE_PAGE * HUGE_PAGE
    if begin < end:  # advice: that it cannot be followed is no error
        advise = ctypes.CDLL(None).madvise
        advise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_HUGEPAGE)
    return array, memory


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet (initialisation, dropout): for commands, not for libraries."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    mx.random.seed(seed)

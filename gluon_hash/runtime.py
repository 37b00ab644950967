"""What must be decided before MXNet starts: threads, CUDA libraries, contexts, seed, versions."""
from __future__ import annotations

import os
import platform
import random
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Union

from gluon_hash import __version__

if TYPE_CHECKING:
    import mxnet as mx

    Tensor = Union[mx.nd.NDArray, mx.sym.Symbol]

__all__ = ["prepare", "contexts", "seed_everything", "version_report"]


def prepare(threads: int | None = None) -> None:
    """Set what MXNet reads once, when it is first imported; call it before. Idempotent.

    Every package of ours that imports MXNet calls this first, so a user need not. OMP_NUM_THREADS that
    the user has set wins.

    Parameters
    ----------
    threads : int, optional
        OpenMP threads. Default: the processors this process may run on.
    """
    if "mxnet" in sys.modules:
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(threads or len(os.sched_getaffinity(0))))


def contexts(device: str) -> list[mx.Context]:
    """The MXNet contexts that ``device`` names: "cpu", "gpu:0" or "gpu:0,1".

    Raises
    ------
    ValueError
        If the text is none of these, or a GPU is named that MXNet does not see.
    """
    import mxnet as mx

    if device == "cpu":
        return [mx.cpu()]
    kind, _, numbers = device.partition(":")
    if kind != "gpu" or not all(number.isdigit() for number in numbers.split(",")):
        raise ValueError(f"device: expected cpu, gpu:0 or gpu:0,1, got {device!r}")
    wanted = [int(number) for number in numbers.split(",")]
    seen = mx.context.num_gpus()
    if max(wanted) >= seen:
        raise ValueError(f"device: {device!r} asks for GPU {max(wanted)}, but MXNet sees {seen} GPUs; "
                         "`gluon-hash doctor` says what is missing")
    return [mx.gpu(number) for number in wanted]


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet (initialisation, dropout). Commands call it; libraries do not."""
    import mxnet as mx
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    mx.random.seed(seed)


def version_report() -> dict[str, Any]:
    """What a result depends on besides its configuration, as JSON values: versions, machine, threads."""
    packages = ("mxnet", "mxnet-cu112", "gluoncv", "numpy", "scipy", "numba", "faiss-cpu", "scikit-learn", "Pillow")
    return {"gluon_hash": __version__, "python": platform.python_version(),
            "packages": {name: _version(name) for name in packages}, "machine": platform.platform(),
            "processors": len(os.sched_getaffinity(0)), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

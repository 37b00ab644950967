"""What must be decided before MXNet starts: threads, CUDA libraries, contexts, seed, versions."""
from __future__ import annotations

import ctypes
import os
import platform
import random
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from gluon_hash import __version__

if TYPE_CHECKING:
    import mxnet as mx

    Tensor = Union[mx.nd.NDArray, mx.sym.Symbol]

__all__ = ["prepare", "contexts", "seed_everything", "version_report", "diagnose"]

DRIVER = "libcuda.so.1"
CUDA_LIBRARIES = ("libcudart.so.11.0", "libnvrtc.so.11.2", "libnvToolsExt.so.1", "libcublasLt.so.11", "libcublas.so.11",
                  "libcufft.so.10", "libcurand.so.10", "libcusparse.so.11", "libcusolver.so.11", "libnccl.so.2",
                  "libcudnn.so.8")
SYSTEM_LIBRARIES = {"libgomp.so.1": "libgomp1", "libquadmath.so.0": "libquadmath0"}
ARCHITECTURES = (5, 6, 7, 8)  # compute capabilities with kernels in mxnet-cu112: P100 to A100, T4, RTX 20 to 40


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
    if _version("mxnet-cu112") is not None:
        preload_cuda([Path(folder) for folder in sys.path])


def preload_cuda(site_folders: list[Path]) -> list[str]:
    """Load the CUDA 11 libraries of the nvidia-*-cu11 packages, so that no LD_LIBRARY_PATH is needed.

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
        If the driver (libcuda.so.1) is missing, which mxnet-cu112 needs even for CPU work, or a library is.
    """
    _load(DRIVER, f"the NVIDIA driver ({DRIVER}) is missing; mxnet-cu112 needs it even for CPU work: install the "
                  "driver, or the CPU build (pip uninstall mxnet-cu112; pip install mxnet==1.9.1)")
    loaded = []
    for name in CUDA_LIBRARIES:
        found = [path for folder in site_folders for path in sorted(folder.glob(f"nvidia/*/lib/{name}"))]
        _load(str(found[0]) if found else name, f"{name} is missing; pip install 'gluon_hash[cu112]'")
        loaded.append(name)
    return loaded


def _load(library: str, message: str) -> None:
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise RuntimeError(f"{message} ({error})") from error


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


def diagnose() -> tuple[dict[str, Any], list[str]]:
    """version_report with devices and libraries, and one sentence, with its remedy, for each thing that is wrong."""
    report, problems = version_report(), []
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            problems.append(f"{library} is missing; MXNet needs it: sudo apt-get install {package}")
    try:
        import mxnet as mx

        report["GPUs that MXNet sees"] = mx.context.num_gpus()
        report["oneDNN"] = mx.runtime.Features().is_enabled("MKLDNN")
    except Exception as error:  # whatever the import of a broken installation raises is the finding
        problems.append(f"MXNet cannot be imported: {error}")
    report["GPUs"] = _gpus()
    for name, capability in report["GPUs"]:
        if int(capability.split(".")[0]) not in ARCHITECTURES:
            problems.append(f"{name}: compute capability {capability}, but mxnet-cu112 has kernels for 5.x to 8.x only "
                            "(P100 to A100, T4, RTX 20 to 40, L4); use another card or the CPU")
    if (report["OMP_NUM_THREADS"] or "1").isdigit() and int(report["OMP_NUM_THREADS"] or 1) > report["processors"]:
        problems.append(f"OMP_NUM_THREADS is {report['OMP_NUM_THREADS']}, but there are {report['processors']} "
                        "processors: training is slower so")
    return report, problems


def _gpus() -> list[list[str]]:
    """Name and compute capability of each NVIDIA card; none without the driver."""
    command = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [[field.strip() for field in line.split(",")] for line in printed.splitlines() if line.strip()]

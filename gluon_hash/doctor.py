"""Versions, devices, libraries, surroundings: what a result depends on, and what is wrong."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from gluon_hash import __version__, environment

__all__ = ["diagnose", "version_report"]

CUDA_BUILD = "mxnet-cu112"
PACKAGES = (
    "mxnet",
    CUDA_BUILD,
    "gluoncv",
    "numpy",
    "scipy",
    "numba",
    "faiss-cpu",
    "scikit-learn",
    "matplotlib",
    "Pillow",
    "pymilvus",
)
NEEDED = (
    "numpy",
    "scipy",
    "matplotlib",
    "sklearn",
    "faiss",
    "numba",
    "PIL",
    "pydantic",
    "yaml",
    "safetensors",
    "jinja2",
    "rich",
)
SYSTEM_LIBRARIES = {"libgomp.so.1": "libgomp1", "libquadmath.so.0": "libquadmath0"}
REPAIR = "install it again: pip install --force-reinstall 'gluon_hash[mxnet]'"
FREE_GIGABYTES = 1.0
# compute capabilities with kernels in mxnet-cu112: P100 to A100, T4, RTX 20 to 40
ARCHITECTURES = (5, 6, 7, 8)
# from this Python on there are no wheels of a NumPy that MXNet's own requirements allow
NEWER_PYTHON = (3, 13)
GET_MXNET = "pip install 'gluon_hash[mxnet]'"
GET_MXNET_ON_NEWER = (
    "pip install --no-deps mxnet==1.9.1 gluoncv==0.10.5.post0, then pip install requests "
    "graphviz tqdm portalocker yacs pandas autocfg"
)


def version_report() -> dict[str, Any]:
    """What a result depends on besides its configuration, as JSON values: versions, machine."""
    return {
        "gluon_hash": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "machine": platform.platform(),
        "processor": _processor(),
        "processors": environment.processors(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout with this file, -dirty if files differ; None if installed."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    describe = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return _printed("git", "-C", str(root), *describe) or None


def _processor() -> str:
    """The processor's name, as Linux has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _printed(*command: str) -> str:
    """What a program prints; nothing if it is missing or fails."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def diagnose() -> tuple[dict[str, Any], list[str]]:
    """A version_report with parts, devices and folders; and a sentence for each thing wrong.

    Returns
    -------
    report : dict
        Its "parts" says of each extra of the installation whether it works, or how to get it.
    problems : list of str
        Each says what is wrong and its remedy. A part that was never installed is not wrong.
    """
    report = version_report()
    report["parts"] = {}
    report["GB free here"] = round(shutil.disk_usage(".").free / 1e9, 1)
    findings = (
        _wrong_packages(report),
        _wrong_mxnet(report),
        _wrong_gpus(report),
        _wrong_surroundings(report),
    )
    return report, [problem for problems in findings for problem in problems]


def _wrong_packages(report: dict[str, Any]) -> list[str]:
    """Packages of the core that are missing or broken; adds core and milvus to the parts."""
    problems = []
    for module in NEEDED:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever the import of a broken installation raises
            problems.append(
                f"{module} cannot be imported: {error}; install it again: pip install "
                "--force-reinstall gluon_hash"
            )
    report["parts"]["core"] = "broken" if problems else "works"
    milvus = importlib.util.find_spec("pymilvus") is not None
    report["parts"]["milvus"] = (
        "installed" if milvus else "not installed: pip install 'gluon_hash[milvus]'"
    )
    return problems


def _wrong_mxnet(report: dict[str, Any]) -> list[str]:
    """Whether MXNet and the networks start, and how MXNet was built; adds to the report."""
    packages = report["packages"]
    installed = packages["mxnet"] or packages[CUDA_BUILD]
    if not installed and importlib.util.find_spec("mxnet") is None:
        newer = sys.version_info[:2] >= NEWER_PYTHON
        how = GET_MXNET_ON_NEWER if newer else GET_MXNET
        report["parts"]["mxnet"] = f"not installed: {how}"
        return []
    problems = _wrong_libraries()
    if packages["mxnet"] and packages[CUDA_BUILD]:
        problems.append(
            f"mxnet and {CUDA_BUILD} are both installed and overwrite each other: pip uninstall -y "
            f"mxnet {CUDA_BUILD}, then install the one you want"
        )
    problems += _does_not_start(report)
    with_numpy = f"with NumPy {packages['numpy']}"
    report["parts"]["mxnet"] = f"broken {with_numpy}" if problems else f"works {with_numpy}"
    return problems


def _wrong_libraries() -> list[str]:
    """Libraries of the system that are missing."""
    problems = []
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            problems.append(f"{library} is missing; MXNet needs it: sudo apt-get install {package}")
    return problems


def _does_not_start(report: dict[str, Any]) -> list[str]:
    """MXNet and GluonCV, imported as the library does; adds what MXNet says of itself."""
    try:
        importlib.import_module("gluon_hash.engine")  # gets everything ready, then imports it
        mx = importlib.import_module("mxnet")
        features = mx.runtime.Features()
        report["GPUs that MXNet sees"] = mx.context.num_gpus()
        report["oneDNN"] = features.is_enabled("MKLDNN")
        report["OpenMP"] = features.is_enabled("OPENMP")
    except Exception as error:  # whatever the import of a broken installation raises
        return [f"MXNet cannot be imported: {error}"]
    try:
        importlib.import_module("gluoncv.model_zoo")
    except Exception as error:
        return [f"GluonCV cannot be imported: {error}; {REPAIR}"]
    return [
        f"MXNet was built without {name}, so the CPU is slow: install mxnet==1.9.1 from PyPI"
        for name in ("oneDNN", "OpenMP")
        if not report[name]
    ]


def _wrong_gpus(report: dict[str, Any]) -> list[str]:
    """Cards that MXNet cannot use; adds them to the report."""
    report["GPUs"] = _gpus()
    problems = [
        f"{name}: compute capability {capability}, but {CUDA_BUILD} has kernels for 5.x to 8.x "
        "only (P100 to A100, T4, RTX 20 to 40, L4; not H100 or newer): use another card or the CPU"
        for name, capability in report["GPUs"]
        if int(capability.split(".")[0]) not in ARCHITECTURES
    ]
    if report["packages"][CUDA_BUILD] and not report.get("GPUs that MXNet sees"):
        problems.append(
            f"{CUDA_BUILD} is installed, but sees no GPU: look at nvidia-smi and "
            "CUDA_VISIBLE_DEVICES"
        )
    return problems


def _gpus() -> list[list[str]]:
    """Name and compute capability of each NVIDIA card; none without the driver."""
    printed = _printed("nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader")
    return [
        [field.strip() for field in line.rsplit(",", 1)]
        for line in printed.splitlines()
        if line.strip()
    ]


def _wrong_surroundings(report: dict[str, Any]) -> list[str]:
    """Threads, disk, and the folder for compiled code; adds that to the report."""
    problems = []
    threads, processors = report["OMP_NUM_THREADS"] or "1", report["processors"]
    if not threads.isdigit() or not 1 <= int(threads) <= processors:
        problems.append(
            f"OMP_NUM_THREADS is {threads}, but there are {processors} processors, which slows "
            "training down: unset it"
        )
    if report["GB free here"] < FREE_GIGABYTES:
        problems.append(
            f"only {report['GB free here']} GB are free here, records and runs need "
            f"{FREE_GIGABYTES}: make room"
        )
    compiled = environment.compiled_folder()
    report["compiled code is kept in"] = None if compiled is None else str(compiled)
    if compiled is None:
        problems.append(
            "compiled code can be kept nowhere, so that each run compiles again for some seconds: "
            "let NUMBA_CACHE_DIR name a folder that can be written"
        )
    return problems

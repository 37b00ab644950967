"""Versions, devices, libraries, surroundings: what a result depends on, and what is wrong with an
installation."""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from gluon_hash import __version__

__all__ = ["diagnose", "version_report"]

CUDA_BUILD = "mxnet-cu112"
SYSTEM_LIBRARIES = {"libgomp.so.1": "libgomp1", "libquadmath.so.0": "libquadmath0"}
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
)
FREE_GIGABYTES = 1.0
ARCHITECTURES = (
    5,
    6,
    7,
    8,
)  # compute capabilities with kernels in mxnet-cu112: P100 to A100, T4, RTX 20 to 40


def version_report() -> dict[str, Any]:
    """What a result depends on besides its configuration, as JSON values: versions, machine,
    threads."""
    packages = (
        "mxnet",
        CUDA_BUILD,
        "gluoncv",
        "numpy",
        "scipy",
        "numba",
        "faiss-cpu",
        "scikit-learn",
        "Pillow",
    )
    return {
        "gluon_hash": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "machine": platform.platform(),
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that this file is in, with -dirty if files differ from it; None if
    installed."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    return (
        _printed(
            "git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"
        )
        or None
    )


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
    """version_report with devices and libraries, and one sentence, with its remedy, for each thing
    that is wrong."""
    report = version_report()
    report["GB free here"] = round(shutil.disk_usage(".").free / 1e9, 1)
    findings = (
        _wrong_packages(report),
        _wrong_libraries(),
        _wrong_mxnet(report),
        _wrong_gpus(report),
        _wrong_surroundings(report),
    )
    return report, [problem for found in findings for problem in found]


def _wrong_packages(report: dict[str, Any]) -> list[str]:
    """Packages that are missing, broken, or stand in each other's place."""
    problems = []
    if not (3, 8) <= sys.version_info[:2] <= (3, 11):
        problems.append(
            f"Python is {report['python']}, MXNet 1.9.1 works with 3.8 to 3.11; use one of them"
        )
    packages = report["packages"]
    if packages["mxnet"] and packages[CUDA_BUILD]:
        problems.append(
            f"mxnet and {CUDA_BUILD} are both installed and overwrite each other: pip uninstall -y "
            "mxnet "
            f"{CUDA_BUILD}, then install the one you want"
        )
    for module in NEEDED:
        try:
            importlib.import_module(module)
        except (
            Exception
        ) as error:  # whatever the import of a broken installation raises is the finding
            problems.append(
                f"{module} cannot be imported: {error}; install anew: pip install -c "
                "constraints.txt ."
            )
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


def _wrong_mxnet(report: dict[str, Any]) -> list[str]:
    """Whether MXNet starts, what it was built with, and whether the networks start; adds to the
    report."""
    try:
        importlib.import_module("gluon_hash.engine")
        mx = importlib.import_module("mxnet")

        features = mx.runtime.Features()
        report["GPUs that MXNet sees"] = mx.context.num_gpus()
        report["oneDNN"], report["OpenMP"] = (
            features.is_enabled("MKLDNN"),
            features.is_enabled("OPENMP"),
        )
    except Exception as error:  # whatever the import of a broken installation raises is the finding
        return [f"MXNet cannot be imported: {error}"]
    try:
        importlib.import_module("gluoncv.model_zoo")
    except Exception as error:
        return [
            f"GluonCV cannot be imported: {error}; install anew: pip install -c constraints.txt ."
        ]
    return [
        f"MXNet was built without {name}, the CPU is slow so: install mxnet==1.9.1 from PyPI"
        for name in ("oneDNN", "OpenMP")
        if not report[name]
    ]


def _wrong_gpus(report: dict[str, Any]) -> list[str]:
    """Cards that MXNet cannot use; adds them to the report."""
    report["GPUs"] = _gpus()
    problems = [
        f"{name}: compute capability {capability}, but {CUDA_BUILD} has kernels for 5.x to 8.x "
        "only (P100 to "
        "A100, T4, RTX 20 to 40, L4; not H100 or newer): use another card or the CPU"
        for name, capability in report["GPUs"]
        if int(capability.split(".")[0]) not in ARCHITECTURES
    ]
    if report["packages"][CUDA_BUILD] and not report.get("GPUs that MXNet sees"):
        problems.append(
            f"{CUDA_BUILD} is installed, but sees no GPU: look at nvidia-smi and "
            "CUDA_VISIBLE_DEVICES"
        )
    return problems


def _wrong_surroundings(report: dict[str, Any]) -> list[str]:
    """Threads and disk."""
    problems = []
    threads, processors = report["OMP_NUM_THREADS"] or "1", report["processors"]
    if not threads.isdigit() or not 1 <= int(threads) <= processors:
        problems.append(
            f"OMP_NUM_THREADS is {threads}, but there are {processors} processors, training is "
            "slower so: "
            "unset it"
        )
    if report["GB free here"] < FREE_GIGABYTES:
        problems.append(
            f"only {report['GB free here']} GB are free here, records and runs need "
            f"{FREE_GIGABYTES}: "
            "make room"
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

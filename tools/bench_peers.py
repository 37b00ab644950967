"""Make the environments of the rivals of `make bench`, each its own: `make bench-peers`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import venv

from bench_processes import PEERS as FOLDER
from bench_processes import ROOT

__all__ = ["PEERS"]

OURS, SETUP = "gluon_hash_fast", ROOT / "setup.py"
# torch's build for the CPU; the others are the newest that pip finds
TORCH = ("--extra-index-url", "https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu")
PEERS = {
    "dali": ("nvidia-dali-cuda120", "numpy"),
    "faiss": ("faiss-cpu", "numpy"),
    OURS: ("-e", f"{ROOT}[fast]"),  # ours, with the engines that are chosen by name
    "metric_learning": (*TORCH, "pytorch-metric-learning", "faiss-cpu", "numpy"),
    "onnxruntime": ("onnxruntime", "numpy"),
    "opentsne": ("openTSNE", "numpy"),
    "openvino": ("openvino", "numpy"),
    "torch": (*TORCH, "numpy"),
    "torchmetrics": (*TORCH, "torchmetrics", "numpy"),
    "usearch": ("usearch", "numpy"),
}


def make(name: str) -> bool:
    """Make an environment unless it is there; False, with pip's words, if it cannot be."""
    python = FOLDER / name / "bin" / "python"
    done = FOLDER / name / ".installed"
    ours = name == OURS and done.exists()  # it needs what setup.py asks for now
    if done.exists() and not (ours and done.stat().st_mtime < SETUP.stat().st_mtime):
        return True
    print(f"{name}: pip install {' '.join(PEERS[name])}", flush=True)
    venv.create(FOLDER / name, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--retries=1", "--disable-pip-version-check"]
    if subprocess.run([*pip, *PEERS[name]], check=False).returncode:
        python.unlink()  # a rival without an interpreter is left out of the table
        return False
    done.touch()
    return True


def main() -> None:
    """Make those that are named, or all; exit 1 if one could not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(PEERS)} [default: all, about 5 GB and as many minutes]",
    )
    names = parser.parse_args().names or list(PEERS)
    if unknown := set(names) - set(PEERS):
        parser.error(f"expected some of {', '.join(PEERS)}, got {', '.join(sorted(unknown))}")
    started, made = time.perf_counter(), {}
    for name in names:
        made[name] = make(name)
        said = FOLDER / name if made[name] else "not made, pip says why above; its rows lack it"
        print(f"{name}: {said}, {time.perf_counter() - started:.0f} s so far", flush=True)
    sys.exit(not all(made.values()))


if __name__ == "__main__":
    main()

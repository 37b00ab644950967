"""Make the environments of the rivals of `make bench`, each its own: `make bench-peers`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv

from bench_measuring import PEERS as FOLDER

PYTORCH = ("--extra-index-url", "https://download.pytorch.org/whl/cpu")
# what pip is asked for; torch is the build for the CPU, the others' newest
PEERS = {
    "faiss": ("faiss-cpu", "numpy"),
    "usearch": ("usearch", "numpy"),
    "torch": (*PYTORCH, "torch==2.13.0+cpu", "torchvision", "numpy"),
    "metric_learning": (
        *PYTORCH,
        "torch==2.13.0+cpu",
        "pytorch-metric-learning",
        "faiss-cpu",
        "numpy",
    ),
    "onnxruntime": ("onnxruntime", "numpy"),
    "openvino": ("openvino", "numpy"),
    "dali": ("--extra-index-url", "https://pypi.nvidia.com", "nvidia-dali-cuda120", "numpy"),
}


def make(name: str) -> bool:
    """Make an environment unless it is there; False, with pip's words, if it cannot be."""
    python = FOLDER / name / "bin" / "python"
    done = FOLDER / name / ".installed"
    if done.exists():
        return True
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
    parser.add_argument("names", nargs="*", choices=[*PEERS, []], metavar="NAME")
    names = parser.parse_args().names or list(PEERS)
    made = {name: make(name) for name in names}
    for name, there in made.items():
        print(f"{name}: {FOLDER / name if there else 'not made; its rows have no rival'}")
    sys.exit(not all(made.values()))


if __name__ == "__main__":
    main()

"""Installation of gluon_hash; `make install` does it in a virtual environment, with constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
MILVUS = ["pymilvus>=2.5,<4", "milvus-lite>=2.5,<3"]  # Lite 3 was not tried


def version() -> str:
    """The version that gluon_hash/__init__.py states, read without importing it."""
    for line in (ROOT / "gluon_hash" / "__init__.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("__version__ = "):
            return line.split('"')[1]
    raise RuntimeError(f'{ROOT / "gluon_hash" / "__init__.py"}: no line __version__ = "..."')


setup(
    name="gluon_hash",
    version=version(),
    description="Hierarchical deep hashing with MXNet/Gluon: learn, evaluate and serve binary codes for images",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["gluon_hash", "gluon_hash.*"]),
    python_requires=">=3.8,<3.12",  # numpy<1.24 has no wheels beyond 3.11
    install_requires=[
        "mxnet==1.9.1",  # the last release; Linux x86_64
        "numpy>=1.21,<1.24",  # MXNet 1.9.1 uses names that NumPy 1.24 took away
        "gluoncv==0.10.5.post0",  # the last release; brings opencv-python, which we never import (it needs libGL)
        "scipy>=1.7",
        "matplotlib>=3.5",
        "scikit-learn>=1.0,<1.8",  # 1.8 asks for a newer NumPy
        "faiss-cpu>=1.7.4,<1.9",  # later wheels bring NumPy 2
        "numba>=0.57",
        "jinja2>=3",
        "opencv-python<4.12",  # later wheels bring NumPy 2
        "pandas<2.4",  # of gluoncv; later ones bring NumPy 2
        "Pillow>=9.1",  # Image.Resampling
        "pydantic>=2",
        "PyYAML>=6",
        "rich>=13",
        "safetensors>=0.3",
        "typer>=0.9",
        "typing-extensions>=4",
    ],
    extras_require={
        # MXNet for CUDA 11.2 takes the place of `mxnet` (both are the module mxnet): `make install MXNET=cu112`, or
        # pip install '.[cu112]', then pip uninstall -y mxnet mxnet-cu112, then pip install mxnet-cu112==1.9.1.
        "cu112": [
            "mxnet-cu112==1.9.1",
            # the libraries it is linked with, in the versions of CUDA 11 that were tried; runtime.py loads them
            "nvidia-cuda-runtime-cu11==11.8.89",
            "nvidia-cuda-nvrtc-cu11==11.8.89",
            "nvidia-cublas-cu11==11.11.3.6",
            "nvidia-cufft-cu11==10.9.0.58",
            "nvidia-curand-cu11==10.3.0.86",
            "nvidia-cusolver-cu11==11.4.1.48",
            "nvidia-cusparse-cu11==11.7.5.86",
            "nvidia-nvtx-cu11==11.8.86",
            "nvidia-nccl-cu11==2.21.5",
            "nvidia-cudnn-cu11<9",  # MXNet is linked with libcudnn.so.8
        ],
        "milvus": MILVUS,
        "dev": ["pytest>=7", "pytest-timeout", "ruff", "mypy", "types-PyYAML", *MILVUS],
    },
    entry_points={"console_scripts": ["gluon-hash = gluon_hash.cli.app:main"]},
)

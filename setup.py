"""Installation of gluon_hash; `make install` does it in a virtual environment of the checkout."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# folders beside the package that the wheel carries inside it
CARRIED = {"configs": "*.yaml", "data": "*/*.tsv", "zoo": "*/*.*"}

MXNET = [
    # The last releases of both, retired in 2023; Linux x86_64. MXNet asks for NumPy below 2, which
    # has no wheels for Python 3.13; `gluon-hash doctor` says how to install it there all the same.
    "mxnet==1.9.1; python_version < '3.13'",
    "gluoncv==0.10.5.post0; python_version < '3.13'",
    # gluoncv brings these; loaders decode small PNGs by OpenCV where it is installed. Their newer
    # wheels ask for NumPy 2
    "opencv-python<4.12; python_version < '3.13'",
    "pandas<2.4; python_version < '3.13'",
]
CU112 = [
    # MXNet for CUDA 11.2 takes the place of `mxnet`: both are the module mxnet, and where both
    # are installed they overwrite each other.
    "mxnet-cu112==1.9.1; python_version < '3.13'",
    # The libraries it is linked with, in the versions of CUDA 11 that were tried; engine.py loads
    # them.
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
]
# the versions that MXNet's exporter was tried with
ONNX = ["onnx>=1.14,<1.18", "onnxruntime>=1.18"]
# engines that encode faster than MXNet on a CPU, and what a run is exported with for them
FAST = [*ONNX, "openvino>=2024.4"]
MILVUS = [
    "pymilvus>=2.5,<4",
    "milvus-lite>=2.5,<3",  # 3 brings a pyarrow that asks for NumPy 2
    "setuptools<80.9",  # milvus-lite 2.5 imports pkg_resources; later ones warn of it, or lack it
]
SERVE = [
    "fastapi>=0.115",  # a pydantic model of query parameters
    "uvicorn>=0.30",
    "python-multipart>=0.0.13",  # called python_multipart since
]
TEST = ["pytest>=7.4", "pytest-timeout"]
TOOLS = ["mypy", "ruff", "types-PyYAML"]


class BuildWithFolders(build_py):
    """Puts configurations, hierarchy tables and the zoo into the package of a wheel."""

    def run(self) -> None:
        """Build, then copy what lies beside the package."""
        super().run()
        if self.editable_mode:  # the checkout has them
            return
        for folder, pattern in CARRIED.items():
            for file in sorted((ROOT / folder).glob(pattern)):
                target = Path(self.build_lib) / "gluon_hash" / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(file), str(target))


def version() -> str:
    """The version that gluon_hash/__init__.py states, read without importing it."""
    for line in (ROOT / "gluon_hash" / "__init__.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("__version__ = "):
            return line.split('"')[1]
    raise RuntimeError(f'{ROOT / "gluon_hash" / "__init__.py"}: no line __version__ = "..."')


setup(
    name="gluon_hash",
    version=version(),
    description="Hierarchical deep hashing: learn, evaluate and serve binary codes for images",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    project_urls={"Paper": "https://arxiv.org/abs/1901.11259"},
    keywords="hashing hierarchical image-retrieval hamming binary-codes mxnet gluon faiss",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["gluon_hash", "gluon_hash.*"]),
    package_data={"gluon_hash": ["py.typed", "report/assets/*", "serve/page/*"]},
    cmdclass={"build_py": BuildWithFolders},
    python_requires=">=3.10",
    # No upper bounds: nothing here is known to break the core. The lower ones are the oldest
    # that the tests ran with (Python 3.10); constraints*.txt have the newest.
    install_requires=[
        "faiss-cpu>=1.8",  # 1.14 and newer, which check damaged files, ask for NumPy 1.25
        "jinja2>=3",
        "matplotlib>=3.7",  # legends outside of the axes
        "numba>=0.57",
        "numpy>=1.22",
        "packaging>=21",
        "Pillow>=9.1",  # Image.Resampling
        "pydantic>=2",
        "PyYAML>=6",
        "rich>=13",
        "safetensors>=0.3.3",
        "scikit-learn>=1.0.2",
        "scipy>=1.7.3",
        "typer>=0.12.5",  # options of type X | None
    ],
    extras_require={
        "mxnet": MXNET,
        "cu112": [*MXNET[1:], *CU112],
        "fast": FAST,
        "milvus": MILVUS,
        "onnx": ONNX,
        "serve": SERVE,
        "test": TEST,
        "umap": ["umap-learn>=0.5"],
        # trackers of trainings; mlflow itself for a database in place of a server
        "tensorboard": ["tensorboardX>=2.5"],
        "mlflow": ["mlflow-skinny>=2.9"],
        "wandb": ["wandb>=0.16"],
        "dev": [*TEST, *MILVUS, *ONNX, *SERVE, *TOOLS],
    },
    entry_points={"console_scripts": ["gluon-hash = gluon_hash.cli.app:main"]},
)

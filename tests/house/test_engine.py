"""CUDA libraries, contexts, seeds, versions: what is decided before MXNet starts."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_hash import __version__, doctor, engine

CUDA_FILES = {
    "cuda_runtime": ["libcudart.so.11.0"],
    "cuda_nvrtc": ["libnvrtc.so.11.2"],
    "nvtx": ["libnvToolsExt.so.1"],
    "cublas": ["libcublas.so.11", "libcublasLt.so.11"],
    "cufft": ["libcufft.so.10"],
    "curand": ["libcurand.so.10"],
    "cusparse": ["libcusparse.so.11"],
    "cusolver": ["libcusolver.so.11"],
    "nccl": ["libnccl.so.2"],
    "cudnn": ["libcudnn.so.8"],
}
# a library -> those that it is linked with (readelf -d of the pinned wheels), which must be loaded
# before it
LINKED_WITH = {
    "libcublas.so.11": ["libcublasLt.so.11"],
    "libcusolver.so.11": ["libcublas.so.11", "libcublasLt.so.11"],
}


def has_driver():
    try:
        ctypes.CDLL(engine.DRIVER)
    except OSError:
        return False
    return True


@pytest.fixture
def site(tmp_path):
    """A folder like site-packages after `pip install gluon_hash[cu112]`, with empty libraries."""
    for package, names in CUDA_FILES.items():
        folder = tmp_path / "nvidia" / package / "lib"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    return tmp_path


@pytest.fixture
def loaded(monkeypatch):
    """Collects what ctypes is asked to load; what is in `absent` cannot be loaded."""
    asked, absent = [], set()

    def load(name, mode=0):
        if name in absent:
            raise OSError(f"{name}: cannot open shared object file")
        asked.append((name, mode))

    monkeypatch.setattr(ctypes, "CDLL", load)
    return asked, absent


def test_cuda_libraries_are_loaded_globally_from_the_packages(site, loaded):
    asked, _ = loaded
    names = engine.preload_cuda([Path("/nowhere"), site])
    assert sorted(names) == sorted(name for files in CUDA_FILES.values() for name in files)
    assert asked[0] == (engine.DRIVER, ctypes.RTLD_GLOBAL)
    assert {mode for _, mode in asked} == {ctypes.RTLD_GLOBAL}
    assert all(Path(name).is_file() and site in Path(name).parents for name, _ in asked[1:])


def test_a_library_is_loaded_after_those_it_is_linked_with(site, loaded):
    asked, _ = loaded
    engine.preload_cuda([site])
    order = [Path(name).name for name, _ in asked]
    for library, earlier in LINKED_WITH.items():
        assert all(order.index(name) < order.index(library) for name in earlier), library


def test_a_library_of_the_system_serves_where_no_package_has_it(site, loaded):
    asked, _ = loaded
    (site / "nvidia" / "nccl" / "lib" / "libnccl.so.2").unlink()
    engine.preload_cuda([site])
    assert ("libnccl.so.2", ctypes.RTLD_GLOBAL) in asked


def test_missing_driver_is_said_with_the_way_out(site, loaded):
    loaded[1].add(engine.DRIVER)
    with pytest.raises(
        RuntimeError, match=r"NVIDIA driver.*even for CPU work.*pip install mxnet==1\.9\.1"
    ):
        engine.preload_cuda([site])


def test_missing_library_names_itself_and_the_extra(site, loaded):
    (site / "nvidia" / "cudnn" / "lib" / "libcudnn.so.8").unlink()
    loaded[1].add("libcudnn.so.8")
    with pytest.raises(RuntimeError, match=r"libcudnn\.so\.8 is missing.*gluon_hash\[cu112\]"):
        engine.preload_cuda([site])


@pytest.mark.skipif(has_driver(), reason="this machine has the NVIDIA driver")
def test_cuda_build_without_driver_stops_only_what_needs_mxnet(tmp_path):
    """With a distribution called mxnet-cu112 in sight, `import gluon_hash.nets` ends clearly,
    --version works."""
    information = tmp_path / "mxnet_cu112-1.9.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mxnet-cu112\nVersion: 1.9.1\n"
    )
    root = str(Path(engine.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True
        )

    assert python("-m", "gluon_hash", "--version").returncode == 0
    nets = python("-c", "import gluon_hash.nets")
    assert nets.returncode == 1 and "needs it even for CPU work" in nets.stderr
    doctor = python("-m", "gluon_hash", "doctor")
    assert (
        doctor.returncode == 1
        and "WRONG: MXNet cannot be imported: the NVIDIA driver" in doctor.stdout
    )
    assert "WRONG: mxnet and mxnet-cu112 are both installed" in doctor.stdout


def test_contexts_of_the_cpu():
    assert [str(context) for context in engine.contexts("cpu")] == ["cpu(0)"]
    for device in ("cpu:0,1", "cpu:0,cpu:1"):
        assert [str(context) for context in engine.contexts(device)] == ["cpu(0)", "cpu(1)"]


@pytest.mark.parametrize(
    "device",
    ["", "cuda", "gpu", "gpu:", "gpu:a", "gpu:0,", "cpu:", "cpu:0,gpu:0", "gpu:0,0", "gpu:-1"],
)
def test_malformed_device_is_refused(device):
    with pytest.raises(ValueError, match="expected cpu, gpu:0 or gpu:0,1"):
        engine.contexts(device)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="asks for GPU 98, but MXNet sees .* `gluon-hash doctor`"):
        engine.contexts("gpu:0,98")


def test_a_card_that_runs_no_kernel_is_refused_at_once(monkeypatch):
    """The CPU build has no GPU kernels at all, so any card it is told of stands for one that is too
    new."""
    import mxnet as mx

    if mx.runtime.Features().is_enabled("CUDA"):
        pytest.skip("this is the CUDA build")
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 1)
    with pytest.raises(ValueError, match=r"gpu\(0\) does not run MXNet's kernels"):
        engine.contexts("gpu:0")


def test_seed_repeats_the_numbers_of_all_three_generators():
    import random

    import mxnet as mx

    def draw(seed):
        engine.seed_everything(seed)
        return random.random(), np.random.rand(), mx.nd.random.uniform(shape=(1,)).asscalar()

    first = draw(5)
    assert draw(5) == first
    assert all(a != b for a, b in zip(draw(6), first))


def test_version_report_is_json_and_names_what_a_result_depends_on():
    import json

    report = json.loads(json.dumps(doctor.version_report()))
    assert report["gluon_hash"] == __version__ and report["packages"]["numpy"] == np.__version__
    assert report["python"] == ".".join(map(str, sys.version_info[:3]))
    assert report["processor"] and report["processors"] >= 1


def test_version_report_names_the_commit_of_a_checkout(monkeypatch, tmp_path):
    """A repository of one commit, with this file's twin in it; then a changed file; then no
    repository."""
    (tmp_path / "gluon_hash").mkdir()
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "gluon_hash" / "engine.py"))
    assert doctor.version_report()["commit"] is None

    def git(*arguments):
        return subprocess.run(
            [
                "git",
                "-C",
                str(tmp_path),
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                *arguments,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    (tmp_path / "file").write_text("1")
    git("init", "-q")
    git("add", "file")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD")
    assert len(commit) == 40 and doctor.version_report()["commit"] == commit
    (tmp_path / "file").write_text("2")
    assert doctor.version_report()["commit"] == f"{commit}-dirty"

"""The doctor: silent on a sound machine; a sentence with a remedy for each thing that is wrong."""

import ctypes
import importlib
import json
import shutil
import sys
from collections import namedtuple

import pytest

from gluon_hash import doctor as library
from gluon_hash.cli.app import main


@pytest.fixture
def sound(monkeypatch):
    """Everything that a test machine may lack is there: threads as processors, disk, no cards."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(library, "_gpus", lambda: [])
    disk(monkeypatch, free=50e9)
    return monkeypatch


def disk(monkeypatch, free):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: namedtuple("Usage", "total used free")(1e12, 0, free)
    )


def run_doctor(capsys, *flags):
    with pytest.raises(SystemExit) as stop:
        main(["doctor", *flags])
    return stop.value.code or 0, capsys.readouterr().out


def only_problem():
    _, problems = library.diagnose()
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.mxnet
def test_nothing_is_wrong_here(sound, capsys):
    code, out = run_doctor(capsys)
    assert code == 0 and out.endswith("nothing is wrong\n")
    for name in (
        "gluon_hash",
        "python",
        "packages",
        "processors",
        "OMP_NUM_THREADS",
        "oneDNN",
        "OpenMP",
        "GPUs",
    ):
        assert f"{name}: " in out


@pytest.mark.mxnet
def test_json_is_one_object(sound, capsys):
    sound.setenv("OMP_NUM_THREADS", "4096")
    code, out = run_doctor(capsys, "--json")
    report = json.loads(out)
    assert code == 1 and len(report["problems"]) == 1 and report["packages"]["mxnet"] == "1.9.1"


@pytest.mark.parametrize("threads", ["4096", "0", "many"])
def test_threads_beyond_the_processors(sound, threads):
    sound.setenv("OMP_NUM_THREADS", threads)
    assert f"OMP_NUM_THREADS is {threads}" in only_problem()


def test_full_disk(sound):
    disk(sound, free=3e8)
    assert "only 0.3 GB are free" in only_problem()


@pytest.mark.parametrize(
    "name, capability, right",
    [
        ("Tesla P100", "6.0", True),
        ("Tesla T4", "7.5", True),
        ("NVIDIA A100-SXM4-80GB", "8.0", True),
        ("NVIDIA L4", "8.9", True),
        ("NVIDIA H100 PCIe", "9.0", False),
        ("NVIDIA GeForce RTX 5090", "12.0", False),
        ("Tesla K80", "3.7", False),
    ],
)
def test_cards_without_kernels(sound, name, capability, right):
    sound.setattr(library, "_gpus", lambda: [[name, capability]])
    report, problems = library.diagnose()
    assert report["GPUs"] == [[name, capability]]
    if right:
        assert not problems
    else:
        assert problems[0].startswith(f"{name}: compute capability {capability}")


def test_cards_are_read_from_nvidia_smi(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A100-SXM4-40GB, 8.0'\necho 'Tesla T4, 7.5'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert library._gpus() == [["NVIDIA A100-SXM4-40GB", "8.0"], ["Tesla T4", "7.5"]]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert library._gpus() == []


@pytest.mark.mxnet
def test_missing_system_library(sound):
    whole = ctypes.CDLL

    def load(name, *arguments, **options):
        if name == "libquadmath.so.0":
            raise OSError(name)
        return whole(name, *arguments, **options)

    sound.setattr(ctypes, "CDLL", load)
    assert (
        "libquadmath.so.0 is missing" in only_problem()
        and "apt-get install libquadmath0" in only_problem()
    )


@pytest.mark.parametrize(
    "module, message",
    [
        ("faiss", "faiss cannot be imported"),
        pytest.param("gluoncv.model_zoo", "GluonCV cannot be", marks=pytest.mark.mxnet),
        pytest.param("mxnet", "MXNet cannot be imported", marks=pytest.mark.mxnet),
    ],
)
def test_broken_package(sound, module, message):
    sound.setitem(sys.modules, module, None)  # so Python refuses to import it
    assert message in only_problem()


def test_a_part_that_was_never_installed_is_not_wrong(sound, capsys):
    version, spec = library._version, importlib.util.find_spec
    absent = ("mxnet", "mxnet-cu112", "pymilvus")
    sound.setattr(library, "_version", lambda name: None if name in absent else version(name))
    sound.setattr(importlib.util, "find_spec", lambda name: None if name in absent else spec(name))
    for python, remedy in (((3, 12), "'gluon_hash[mxnet]'"), ((3, 13), "--no-deps mxnet==1.9.1")):
        sound.setattr(sys, "version_info", (*python, 0))
        code, out = run_doctor(capsys)
        assert code == 0 and out.startswith("part core: works\n")
        assert f"part mxnet: not installed: pip install {remedy}" in out
        assert "part milvus: not installed: pip install 'gluon_hash[milvus]'" in out


@pytest.mark.mxnet
def test_what_is_installed_works(sound):
    parts = library.diagnose()[0]["parts"]
    assert parts["core"] == "works" and parts["mxnet"].startswith("works with NumPy ")
    sound.setitem(sys.modules, "mxnet", None)
    assert library.diagnose()[0]["parts"]["mxnet"].startswith("broken with NumPy ")


def test_nowhere_to_keep_compiled_code(sound):
    sound.setattr(library.environment, "compiled_folder", lambda: None)
    assert "let NUMBA_CACHE_DIR name a folder that can be written" in only_problem()


@pytest.mark.mxnet
def test_both_builds_of_mxnet(sound):
    version = library._version
    sound.setattr(
        library,
        "_version",
        lambda package: "1.9.1" if package == "mxnet-cu112" else version(package),
    )
    importlib.import_module("mxnet")
    _, problems = library.diagnose()
    assert [problem.partition(" ")[0] for problem in problems] == ["mxnet", "mxnet-cu112"]
    assert "both installed" in problems[0] and "sees no GPU" in problems[1]

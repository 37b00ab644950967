"""Installation files agree with each other, with what is installed, and with the make targets."""

import importlib.util
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gluon_hash

ROOT = Path(__file__).parents[2]
CONSTRAINTS = {
    "constraints.txt": ["mxnet", "dev"],
    "constraints-newer.txt": ["mxnet", "test", "milvus", "serve"],
    "constraints-core.txt": ["test", "serve"],
}
SETUP_WITHOUT_IMPORTS = """
import json, sys, setuptools
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mxnet", "gluon_hash", "numpy"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
setuptools.setup = lambda **given: print(json.dumps(given, default=str))
sys.argv = ["setup.py"]
program = compile(open("setup.py").read(), "setup.py", "exec")
exec(program, {"__file__": "setup.py", "__name__": "__main__"})
"""


@pytest.fixture(scope="module")
def built():
    """What setup.py states, from a run of it in which nothing of ours can be imported."""
    pytest.importorskip("setuptools")
    done = subprocess.run(
        [sys.executable, "-c", SETUP_WITHOUT_IMPORTS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def constraints(name):
    """Package -> version of a file of constraints, as this Python reads it."""
    requirements = pytest.importorskip("packaging.requirements")
    lines = (ROOT / name).read_text().splitlines()
    read = [requirements.Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        plain(one.name): str(one.specifier).removeprefix("==")
        for one in read
        if one.marker is None or one.marker.evaluate()
    }


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_version_has_one_source(built):
    assert built["version"] == gluon_hash.__version__
    assert (ROOT / "CHANGELOG.md").read_text().count(f"## {gluon_hash.__version__}") == 1


def test_every_package_of_the_library_is_installed(built):
    def folders(pattern):
        return {
            ".".join(path.parent.relative_to(ROOT).parts)
            for path in (ROOT / "gluon_hash").rglob(pattern)
        }

    assert set(built["packages"]) == folders("__init__.py") == folders("*.py")


def test_the_command_is_the_function_that_exists(built):
    from gluon_hash.cli import app

    assert built["entry_points"]["console_scripts"] == ["gluon-hash = gluon_hash.cli.app:main"]
    assert callable(app.main)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_are_exact_and_allowed_by_setup(built, name):
    requirements = pytest.importorskip("packaging.requirements")
    exact = constraints(name)
    asked = [text for extra in CONSTRAINTS[name] for text in built["extras_require"][extra]]
    for text in built["install_requires"] + asked:
        requirement = requirements.Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"python_version": "3.11"}):
            version = exact[plain(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), text


def test_the_tests_run_with_the_versions_of_constraints():
    """Of the file that this environment was made with: NumPy's and FAISS's versions tell it."""
    own = {name: metadata.version(name) for name in ("numpy", "faiss-cpu")}
    for name in CONSTRAINTS:
        wanted = constraints(name)
        if own.items() <= wanted.items() and (importlib.util.find_spec("mxnet") is not None) == (
            "mxnet" in wanted
        ):
            break
    else:
        pytest.skip("an environment that make did not make")
    differing = {
        package: (version, metadata.version(package))
        for package, version in wanted.items()
        if metadata.version(package) != version
    }
    assert not differing


def test_the_core_asks_for_no_mxnet_and_sets_no_upper_bounds(built):
    core = " ".join(built["install_requires"])
    assert "mxnet" not in core and "gluoncv" not in core and "<" not in core and "==" not in core
    assert built["python_requires"] == ">=3.10"


def test_both_builds_of_mxnet_are_pinned_and_never_installed_together(built):
    extras = built["extras_require"]
    for extra, package in (("mxnet", "mxnet"), ("cu112", "mxnet-cu112")):
        names = [re.split(r"[=<>; ]", text)[0] for text in extras[extra]]
        assert [name for name in names if name.startswith("mxnet")] == [package]
        assert f"{package}==1.9.1; python_version < '3.13'" in extras[extra]
        assert "gluoncv==0.10.5.post0; python_version < '3.13'" in extras[extra]


@pytest.mark.mxnet
def test_the_cuda_extra_brings_every_library_that_is_preloaded(built):
    from gluon_hash.engine import CUDA_LIBRARIES

    names = {text.split("=")[0].split("<")[0] for text in built["extras_require"]["cu112"]}
    brings = {
        "cudart": "cuda-runtime",
        "nvrtc": "cuda-nvrtc",
        "nvToolsExt": "nvtx",
        "cublasLt": "cublas",
    }
    for library in CUDA_LIBRARIES:
        word = library[len("lib") :].split(".")[0]
        assert f"nvidia-{brings.get(word, word)}-cu11" in names, library


def test_make_has_the_promised_targets_and_ci_runs_the_tests():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("install", "demo", "test", "docs", "lint", "bench", "bench-peers", "clean"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 and script.read_text().rstrip().endswith("make test")


def test_pre_commit_runs_what_make_lint_runs():
    import yaml

    lint = re.search(r"^lint:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [line.strip().replace("$(PYTHON) -m ", "") for line in lint.group(1).splitlines()]
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook["entry"] for group in configuration["repos"] for hook in group["hooks"]]
    assert [entry.partition(" -m ")[2] for entry in hooks] == commands and len(commands) == 3

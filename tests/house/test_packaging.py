"""Installation files agree with each other and with what is installed."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gluon_hash

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The requirements and the packages that setup.py states, from a run of it where MXNet cannot
    be imported."""
    program = """
import json, sys, setuptools
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mxnet", "gluon_hash", "numpy"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
setuptools.setup = lambda **given: print(json.dumps(given))
sys.argv = ["setup.py"]
exec(compile(open("setup.py").read(), "setup.py", "exec"), {"__file__": "setup.py", "__name__": "__main__"})
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


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


def test_constraints_are_exact_and_allowed_by_setup(built):
    requirements = pytest.importorskip("packaging.requirements")
    exact = {plain(name): version for name, version in constraints().items()}
    for text in built["install_requires"] + built["extras_require"]["dev"]:
        requirement = requirements.Requirement(text)
        assert requirement.specifier.contains(exact[plain(requirement.name)], prereleases=True), (
            text
        )


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="constraints.txt is for Python 3.11")
def test_the_tests_run_with_the_versions_of_constraints():
    differing = {
        name: (version, metadata.version(name))
        for name, version in constraints().items()
        if metadata.version(name) != version
    }
    assert not differing


def test_pins_that_matter_are_kept(built):
    """Each of these would bring NumPy 2 or another MXNet, and `import mxnet` would fail."""
    stated = set(built["install_requires"])
    assert {"mxnet==1.9.1", "numpy>=1.21,<1.24", "gluoncv==0.10.5.post0"} <= stated
    assert built["python_requires"] == ">=3.8,<3.12"


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
    assert "mxnet-cu112" in names


def test_make_has_the_promised_targets_and_ci_runs_the_tests():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("install", "demo", "test", "lint", "bench", "clean"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 and script.read_text().rstrip().endswith("make test")


def test_commands_of_the_readme_exist():
    from gluon_hash.cli.app import COMMANDS

    text = (ROOT / "README.md").read_text()
    used = set(re.findall(r"gluon-hash ([a-z][a-z-]+)", text))
    assert used <= set(COMMANDS) and set(COMMANDS) <= used


def test_python_of_the_readme_runs(tmp_path):
    """The first Python block of the README, as a user would paste it."""
    block = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    assert len([line for line in block.splitlines() if line.strip()]) <= 15
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr

"""A wheel alone, outside of a checkout: what it carries, and the documentation's road from it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    "gluon_hash configs data docs symbols tests tools setup.py pyproject.toml MANIFEST.in README.md"
    " LICENSE CHANGELOG.md CONTRIBUTING.md Makefile constraints.txt constraints-newer.txt"
    " constraints-core.txt constraints-docs.txt .ci .github .pre-commit-config.yaml mkdocs.yml"
    " notebooks zoo CITATION.cff SECURITY.md CODE_OF_CONDUCT.md"
).split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder with the wheel and the sdist of a copy of this checkout."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.partition(".")[0]) < 71:
        pytest.skip("this setuptools makes no wheels by itself")
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("made")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
        else:
            shutil.copy(source, copy / name)
    command = [sys.executable, "setup.py", "-q", "sdist", "-d", out, "bdist_wheel", "-d", out]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def installed(made, tmp_path_factory):
    """The wheel unpacked, as pip does it; it is on the path before any checkout."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(next(made.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site


@pytest.fixture
def command(installed, tmp_path):
    """Runs gluon-hash of the wheel in an empty folder: exit code, stdout, stderr."""

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "gluon_hash", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_wheel_carries_configurations_tables_and_types(installed):
    package = installed / "gluon_hash"
    assert (package / "py.typed").is_file()
    for folder, pattern in (("configs", "*.yaml"), ("data", "*/*.tsv"), ("zoo", "*/*.*")):
        ours = sorted(path.relative_to(ROOT) for path in (ROOT / folder).glob(pattern))
        assert ours
        for path in ours:
            assert (package / path).read_bytes() == (ROOT / path).read_bytes()
    assert not (installed / "tests").exists() and not (installed / "tools").exists()


def test_the_sdist_carries_what_its_tests_need(made):
    archive = next(made.glob("*.tar.gz"))
    import tarfile

    with tarfile.open(archive) as opened:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in opened.getnames()}
    for name in SOURCES:
        source = ROOT / name
        files = [source] if source.is_file() else source.rglob("*")
        missing = {
            path.relative_to(ROOT).as_posix()
            for path in files
            if path.is_file() and "__pycache__" not in path.parts
        } - names
        assert not missing


def test_configurations_are_listed_shown_and_found_by_name(command, tmp_path):
    code, out, _ = command("config", "list")
    listed = [line.split()[0] for line in out.splitlines()]
    assert code == 0 and "synthetic" in listed and "cifar100/hierarchy.tsv" in listed
    code, out, _ = command("config", "show", "synthetic")
    assert code == 0 and out == (ROOT / "configs" / "synthetic.yaml").read_text()
    code, out, _ = command("config", "show", "cifar10/hierarchy.tsv")
    assert code == 0 and out == (ROOT / "data" / "cifar10" / "hierarchy.tsv").read_text()
    code, out, err = command("config", "show", "sinthetic")
    assert code == 2 and not out and "did you mean synthetic?" in err and err.count("\n") == 1


@pytest.mark.mxnet
def test_the_road_of_the_documentation_from_a_wheel(command, tmp_path):
    """Its commands, on a smaller data set, with a configuration named, not pointed at."""
    for words in (
        "prepare synthetic --out prepared/synthetic --train-per-class 6 --query-per-class 2",
        "train synthetic --out runs/synthetic --set training.epochs=1 --set training.batch_size=16",
        "encode runs/synthetic --records prepared/synthetic/query.rec --out query.npz",
        "encode runs/synthetic --records prepared/synthetic/train.rec --out database.npz",
        "evaluate --query query.npz --database database.npz "
        "--hierarchy prepared/synthetic/hierarchy.tsv",
        "index build database.npz --out index",
    ):
        code, _, err = command(*words.split())
        assert code == 0, (words, err)

"""Without MXNet: what imports, which commands work, and what the others say.

MXNet is hidden from a process of its own; in an environment that has none, nothing is hidden.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.retrieval import CodeTable

ROOT = Path(__file__).parents[2]
HIDDEN = "import sys\nsys.modules['mxnet'] = sys.modules['gluoncv'] = None\n"
COMMAND = f"{HIDDEN}from gluon_hash.cli.app import main\nmain(sys.argv[1:])"


def python(program, *words, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def codes(tmp_path):
    """Codes of 40 images in four classes of two groups: q.npz and d.npz; the classes: h.tsv."""
    rng = np.random.RandomState(0)
    fine = np.arange(40) % 4
    packed = (np.array([0, 3, 240, 255])[fine] ^ (rng.rand(40) < 0.2)).astype(np.uint8)[:, None]
    labels = np.stack([fine, fine // 2], axis=1).astype(np.int32)
    CodeTable(np.arange(40), packed, labels, 8).save(tmp_path / "d.npz")
    CodeTable(np.arange(8), packed[:8], labels[:8], 8).save(tmp_path / "q.npz")
    lines = ["# gluon_hash hierarchy 1", "fine\tgroup", "a\tx", "b\tx", "c\ty", "d\ty"]
    (tmp_path / "h.tsv").write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


@pytest.mark.parametrize(
    "module",
    [
        "gluon_hash",
        "gluon_hash.hierarchy",
        "gluon_hash.records",
        "gluon_hash.datasets",
        "gluon_hash.retrieval",
        "gluon_hash.retrieval.baselines",
        "gluon_hash.plots",
        "gluon_hash.experiment",
        "gluon_hash.cli.app",
        "gluon_hash.doctor",
    ],
)
def test_imports(module):
    done = python(f"{HIDDEN}import {module}\nassert sys.modules['mxnet'] is None")
    assert done.returncode == 0, done.stderr


def test_a_room_that_needs_it_says_how_to_get_it():
    done = python(f"{HIDDEN}import gluon_hash.nets")
    assert done.returncode == 1
    assert "MissingPackageError: MXNet is not installed" in done.stderr.splitlines()[-1]
    assert "pip install 'gluon_hash[mxnet]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        "train synthetic --out run",
        "import-weights w.npz --arch resnet18_v1b --out w.params",
        "export run --out e/net",
        "compare synthetic --out c",
    ],
)
def test_a_command_that_needs_it_says_so_in_one_line(words, tmp_path):
    done = python(COMMAND, *words.split(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "pip install 'gluon_hash[mxnet]'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_data_are_prepared_and_checked(tmp_path):
    words = "prepare synthetic --out data --train-per-class 4 --query-per-class 1"
    for line in (words, "check data/train.rec"):
        done = python(COMMAND, *line.split(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_codes_are_evaluated_indexed_and_drawn(codes):
    def run(words):
        done = python(COMMAND, *words.split(), cwd=codes)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    measured = json.loads(run("evaluate --query q.npz --database d.npz --json"))
    assert 0 < measured["map"] <= 1 and measured["num_database"] == 40
    run("index build d.npz --out index")
    run("index search index --codes q.npz -k 3 --json")
    run("index check index --codes q.npz")
    run("evaluate --query q.npz --database d.npz --curves curves.json")
    run("plot curves curves.json --out curves.svg")
    run("plot tsne d.npz --hierarchy h.tsv --out tsne.png")
    assert (codes / "tsne.png").stat().st_size and (codes / "curves.svg").stat().st_size


def test_a_baseline_is_fitted_to_features(tmp_path):
    from gluon_hash.retrieval import FeatureTable

    features = np.random.RandomState(0).randn(60, 12).astype(np.float32)
    labels = (np.arange(60) % 3).astype(np.int32)[:, None]
    FeatureTable(np.arange(60), features, labels, {}).save(tmp_path / "f.npz")
    for words in (
        "fit itq --features f.npz --out itq.npz --bits 8",
        "encode itq.npz --records f.npz --out codes.npz",
        "evaluate --query f.npz --database f.npz",
    ):
        done = python(COMMAND, *words.split(), cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)


def test_config_and_doctor_work(tmp_path):
    done = python(COMMAND, "config", "show", "synthetic", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("# Reproduces")
    done = python(COMMAND, "doctor", cwd=tmp_path)
    assert done.stdout.startswith("part core: works\n"), done.stderr

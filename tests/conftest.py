"""Fixtures for all tests: small prepared data, and a seed that can be replayed.

Without MXNet what needs it is skipped: test files that import it, fixtures that train, and tests
with the mark `mxnet`.
"""

import importlib.util
import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from gluon_hash import compatibility

compatibility.provide_distutils()  # a test file may import MXNet before gluon_hash does
compatibility.restore_numpy_names()
HAS_MXNET = importlib.util.find_spec("mxnet") is not None
WITHOUT = ("No module named 'mxnet'", "MissingPackageError: MXNet is not installed")
SYNTHETIC = Path(__file__).parent.parent / "configs" / "synthetic.yaml"
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tools")]
collect_ignore_glob = ["*/conftest.py"]  # no doctests there, and one module name for two files
DATASETS = Path(
    os.environ.get(
        "GLUON_HASH_DATASETS", Path(__file__).parent.parent.parent / "shared" / "datasets"
    )
)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A test file that imports MXNet is skipped where there is none, not broken."""
    report = yield
    if not HAS_MXNET and report.failed and any(text in str(report.longrepr) for text in WITHOUT):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, "Skipped: no MXNet")
    return report


def pytest_collection_modifyitems(items):
    if not HAS_MXNET:
        for item in items:
            if item.get_closest_marker("mxnet"):
                item.add_marker(pytest.mark.skip(reason="no MXNet"))


@pytest.fixture
def rng(request):
    """Random numbers, the same at every run; GLUON_HASH_TEST_SEED=random (or a number) for others.

    Each test has a seed of its own, from its name; the seed is in the report, to be replayed.
    """
    wanted = os.environ.get("GLUON_HASH_TEST_SEED", str(zlib.crc32(request.node.nodeid.encode())))
    seed = np.random.SeedSequence().entropy % 2**32 if wanted == "random" else int(wanted)
    request.node.user_properties.append(("seed", seed))
    print(f"GLUON_HASH_TEST_SEED={seed}")
    return np.random.RandomState(seed)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A small synthetic data set: 27 classes, 6 training and 2 query images of each."""
    from gluon_hash.datasets import synthetic

    out = tmp_path_factory.mktemp("data") / "synthetic"
    synthetic(train_per_class=6, query_per_class=2, seed=1).write(out, seed=1)
    return out


@pytest.fixture(scope="session")
def datasets():
    """Real data sets; the test is skipped where they are absent."""
    if not DATASETS.exists():
        pytest.skip(f"no data sets in {DATASETS}")
    return DATASETS


@pytest.fixture
def run(capsys):
    """Runs a command as the command line does: exit code, stdout, stderr."""
    from gluon_hash.cli.app import main

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def trained(prepared, tmp_path_factory):
    """A run folder after six epochs, and the codes of query and database."""
    pytest.importorskip("mxnet")
    from gluon_hash.cli.app import main

    out = tmp_path_factory.mktemp("run")
    for arguments in (
        [
            "train",
            SYNTHETIC,
            "--out",
            out / "run",
            "--set",
            f"data.root={prepared}",
            "--set",
            "training.epochs=6",
            "--set",
            "training.batch_size=16",
            "--set",
            "loss.center_refresh=running",
            "--set",
            "optimizer.lr=0.003",
        ],
        ["encode", out / "run", "--records", prepared / "query.rec", "--out", out / "query.npz"],
        ["encode", out / "run", "--records", prepared / "train.rec", "--out", out / "database.npz"],
        ["export", out / "run", "--out", out / "export" / "net"],
        ["index", "build", out / "database.npz", "--out", out / "index"],
    ):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        assert not stop.value.code, arguments
    return out


@pytest.fixture(scope="session")
def features(prepared, tmp_path_factory):
    """A configuration on cached features of a random network, for training and query images."""
    pytest.importorskip("mxnet")
    from gluon_hash.cli.app import main
    from gluon_hash.engine import mx
    from gluon_hash.nets import get_backbone, save_backbone

    folder = tmp_path_factory.mktemp("features")
    backbone = get_backbone("cifar_resnet20_v1")
    backbone.initialize()
    backbone(mx.nd.zeros((1, 3, 32, 32)))
    save_backbone(backbone, folder / "b.params")
    config = folder / "small.yaml"
    config.write_text(
        f"data: {{root: {prepared}, features: {folder}/f.npz, query_features: {folder}/q.npz}}\n"
        "transform: {resize: 32, crop: 32}\n"
        f"net: {{backbone: cifar_resnet20_v1, weights: {folder}/b.params, num_bits: 12,\n"
        "      standardize: true}\n"
        "loss: {inv_variances: [1, 0.67, 0.5]}\noptimizer: {name: adam, lr: 0.01}\n"
        "training: {epochs: 2, batch_size: 32, classes_per_batch: 8}\n"
    )
    for records, out in (("train.rec", "f.npz"), ("query.rec", "q.npz")):
        with pytest.raises(SystemExit) as stop:
            main(
                [
                    "encode",
                    str(config),
                    "--features",
                    "--records",
                    str(prepared / records),
                    "--out",
                    str(folder / out),
                ]
            )
        assert not stop.value.code
    return config

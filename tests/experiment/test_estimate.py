"""What a training would take: steps and disk by hand, nothing written, what is wrong is said."""

import shutil

import numpy as np
import pytest

pytest.importorskip("mxnet")

import gluon_hash as gh  # noqa: E402
from gluon_hash.engine import mx  # noqa: E402
from gluon_hash.experiment import recommended, train  # noqa: E402
from gluon_hash.experiment.runs import dry_run  # noqa: E402
from gluon_hash.experiment.runs import estimate as estimating  # noqa: E402
from gluon_hash.nets import get_backbone, save_backbone  # noqa: E402

CPU = [mx.cpu()]


@pytest.fixture
def features(tmp_path):
    """A prepared folder: 240 images of 8 classes, 16 features each."""
    rng = np.random.RandomState(0)
    fine = np.arange(240) % 8
    values = rng.randn(8, 16)[fine] + 0.3 * rng.randn(240, 16)
    gh.datasets.features(values, labels=fine).write(tmp_path / "data", seed=1)
    return tmp_path / "data"


def everything(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_steps_are_counted_and_nothing_is_written(features, tmp_path):
    config, before = recommended(features, num_bits=32, epochs=7), everything(tmp_path)
    found = estimating.estimate(config, CPU, 0.0)
    held_out = len((features / "validation.lst").read_text().splitlines())
    train_lst = len((features / "train.lst").read_text().splitlines())
    per_epoch = (train_lst - held_out) // config.training.batch_size  # the rest is left out
    assert found.num_batches == per_epoch and found.num_steps == 7 * per_epoch
    assert found.num_parameters == 17 * 32 + 33 * 8  # the hash layer, SSDH's classifier of 8
    assert 0 < found.step_seconds < 5 and found.pass_seconds > 0 and found.memory > 50e6
    assert found.seconds == pytest.approx(7 * (per_epoch * found.step_seconds + found.pass_seconds))
    assert everything(tmp_path) == before


def test_the_disk_that_is_said_is_what_a_run_takes(features, tmp_path):
    config = recommended(features, num_bits=64, epochs=1)
    found = estimating.estimate(config, CPU, 0.0)
    train(config, tmp_path / "run", CPU)
    arrays = [
        path.stat().st_size
        for name in ("best.ckpt", "last.ckpt")
        for path in (tmp_path / "run" / name).iterdir()
        if path.suffix != ".json"
    ]
    # the files have headers, and momentum's names, beside the numbers
    assert found.kept <= sum(arrays) <= found.kept + 20_000
    assert found.disk == 2 * found.kept  # one inside an epoch and one being written too


def test_a_training_after_an_estimate_is_that_without_one(features, tmp_path):
    config = recommended(features, num_bits=16, epochs=2)
    alone = train(config, tmp_path / "one", CPU).net.head.collect_params()
    estimating.estimate(config, CPU, 0.0)
    again = train(config, tmp_path / "two", CPU).net.head.collect_params()
    for one, other in zip(alone.values(), again.values()):
        np.testing.assert_array_equal(one.data().asnumpy(), other.data().asnumpy())


def test_features_that_are_to_be_computed_are_counted(prepared, tmp_path):
    backbone = get_backbone("cifar_resnet20_v1")
    backbone.initialize()
    backbone(mx.nd.zeros((1, 3, 32, 32)))
    save_backbone(backbone, tmp_path / "b.params")
    data = shutil.copytree(prepared, tmp_path / "data")
    config = recommended(data, backbone="cifar_resnet20_v1", weights=tmp_path / "b.params")
    before = everything(tmp_path)
    found = dry_run.estimate_features(config, CPU, tmp_path / "run")
    assert found.num_images == 27 * 6 + 27 * 2  # training and query images
    assert found.num_bytes == 2 * 64 * found.num_images  # float16
    steps = config.training.epochs * (27 * 6 // config.training.batch_size)
    assert found.num_steps == steps and found.seconds > 0
    assert everything(tmp_path) == before
    lines = dry_run.dry_run(config, tmp_path / "run", CPU)
    assert lines[0].startswith("features: 216 images are encoded once")


def test_what_a_training_would_refuse_is_refused(features, tmp_path):
    config = recommended(features)
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="exists already"):
        dry_run.dry_run(config, tmp_path / "there", CPU)
    with pytest.raises(ValueError, match="nothing to resume"):
        dry_run.dry_run(config, tmp_path / "there", CPU, resume=True)


def test_a_resumed_training_has_the_epochs_that_are_left(features, tmp_path):
    config = recommended(features, num_bits=16, epochs=2)
    train(config, tmp_path / "run", CPU)
    more = config.model_copy(update={"training": config.training.model_copy(update={"epochs": 5})})
    first, *_ = dry_run.dry_run(more, tmp_path / "run", CPU, resume=True)
    assert "(3 epochs of" in first


def test_the_commands_print_it(features, tmp_path, run):
    code, out, err = run(
        "train", "--data", features, "--bits", "16", "--out", tmp_path / "r", "--dry-run"
    )
    assert code == 0 and not (tmp_path / "r").exists()
    words = [line.partition(":")[0] for line in out.splitlines()]
    assert words == ["steps", "time", "parameters", "memory", "disk"]


def test_a_comparison_is_the_sum_of_its_networks(features, tmp_path, run):
    config = recommended(features, num_bits=16, epochs=3)
    from gluon_hash.experiment import dump_config

    (tmp_path / "c.yaml").write_text(dump_config(config))
    before = everything(tmp_path)
    code, out, err = run(
        *("compare", tmp_path / "c.yaml", "--out", tmp_path / "cmp", "--dry-run"),
        *("--vary", "loss.name=[ssdh,csq]", "--choose", "optimizer.lr=[0.01,0.02]"),
    )
    assert code == 0, err
    assert everything(tmp_path) == before
    assert out.startswith("networks to train: 4, of 2 kinds that were tried\n")
    found = estimating.estimate(config, CPU, 0.0)
    assert f"steps: {4 * found.num_steps:,}, in 12 epochs" in out

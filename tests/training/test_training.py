"""Centers, schedules, the trainer, checkpoints: closed forms, exact resume, determinism, clear
failures."""

import json
import shutil

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon

from gluon_hash.deploy.encode import run_net
from gluon_hash.errors import DataError
from gluon_hash.losses import HPDHLoss
from gluon_hash.records.loaders import FeatureEvalLoader, FeatureTrainLoader
from gluon_hash.training import (
    CenterMemory,
    DivergedError,
    HashTrainer,
    InferenceRefresh,
    RunningRefresh,
    centers,
    fit,
    schedule,
)
from gluon_hash.training.adamw import AdamW

PARENTS = np.repeat(np.arange(3), 4)  # 3 superclasses of 4 classes
NUM_BITS = 16


def mixture(seed=0, per_class=20, num_features=10):
    """Features of 12 classes in 3 groups: class mean = group mean + smaller shift, plus noise."""
    rng = np.random.RandomState(seed)
    means = 3 * rng.randn(3, num_features)[PARENTS] + rng.randn(12, num_features)
    fine = np.tile(np.arange(12), per_class)
    features = (means[fine] + 0.4 * rng.randn(len(fine), num_features)).astype(np.float32)
    return features, np.stack([fine, PARENTS[fine]], axis=1).astype(np.int32), np.arange(len(fine))


def make(data=None, *, num_epochs=6, lr=0.02, running=False, optimizer="sgd", clip=None):
    mx.random.seed(3)
    np.random.seed(3)
    features, labels, ids = data or mixture()
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(NUM_BITS, in_units=features.shape[1]), gluon.nn.Dropout(0.1))
    net.initialize(mx.init.Xavier())
    arguments = {
        "learning_rate": lr,
        **({"momentum": 0.9, "wd": 5e-4} if optimizer == "sgd" else {}),
    }
    rule = (
        AdamW(**arguments) if optimizer == "adamw" else mx.optimizer.create(optimizer, **arguments)
    )
    trainer = gluon.Trainer(net.collect_params(), rule, kvstore="device", update_on_kvstore=False)

    def encode():
        codes, _, found = run_net(net, FeatureEvalLoader(features, labels, ids, 64), [mx.cpu()])
        return codes, found[:, 0]

    refresh = RunningRefresh(12, NUM_BITS, [mx.cpu()]) if running else InferenceRefresh(encode, 12)
    initial = centers.random_centers((12, 3), NUM_BITS, np.random.RandomState(0))
    return HashTrainer(
        net,
        HPDHLoss(NUM_BITS, [1.0, 0.5]),
        FeatureTrainLoader(features, labels, ids, 32, 5),
        trainer,
        lr,
        schedule.cosine(num_epochs),
        CenterMemory(initial, [PARENTS], refresh),
        [mx.cpu()],
        clip_gradient_norm=clip,
    )


def state(trainer):
    return [
        value.data().asnumpy() for value in trainer.net.collect_params().values()
    ] + trainer.memory.centers


def accuracy(trainer):
    """Part of the images whose nearest fine center is that of their class."""
    features, labels, ids = mixture()
    codes, _, _ = run_net(trainer.net, FeatureEvalLoader(features, labels, ids, 64), [mx.cpu()])
    distance = ((codes[:, None] - trainer.memory.centers[0][None]) ** 2).sum(axis=2)
    return (distance.argmin(axis=1) == labels[:, 0]).mean()


def test_class_means_and_parents_in_closed_form():
    codes, labels = np.array([[1.0, 0], [3, 0], [0, 6]]), np.array([0, 0, 2])
    previous = np.full((4, 2), 9, np.float32)
    fine, empty = centers.class_means(*centers.class_sums(codes, labels, 4), previous)
    assert fine.tolist() == [[2, 0], [9, 9], [0, 6], [9, 9]] and empty.tolist() == [1, 3]
    # the parent is the unweighted mean of child centers, not of images: ((2, 0) + (9, 9) + (0, 6))
    # / 3
    levels = centers.parent_centers(fine, [np.array([0, 0, 0, 1])])
    np.testing.assert_allclose(levels[1], [[11 / 3, 5], [9, 9]])


def test_hierarchical_centers_put_relatives_together():
    fine, coarse = centers.hierarchical_centers(
        [PARENTS], (12, 3), 64, np.random.RandomState(0), child_scale=0.3
    )
    distance = np.linalg.norm(fine[:, None] - coarse[None], axis=2)
    assert (distance.argmin(axis=1) == PARENTS).all()


def test_schedules():
    step = schedule.multi_step([2, 4], 0.1)
    assert [step(epoch) for epoch in (0, 1.99, 2, 4.5)] == pytest.approx([1, 1, 0.1, 0.01])
    assert schedule.cosine(10)(10) == pytest.approx(0)
    warm = schedule.with_warmup(schedule.constant(), 2)
    assert [warm(epoch) for epoch in (0, 1, 2, 3)] == [0, 0.5, 1, 1]
    with pytest.raises(ValueError, match="milestones must rise"):
        schedule.multi_step([4, 2], 0.1)


@pytest.mark.parametrize("arguments", [{}, {"running": True}, {"clip": 1.0}, {"optimizer": "adam"}])
def test_training_learns_the_classes(tmp_path, arguments):
    trainer = make(**arguments)
    before = accuracy(trainer)
    fit(trainer, tmp_path, 6, 0)
    assert before < 0.3
    assert accuracy(trainer) > 0.8


def test_running_refresh_is_the_mean_of_the_codes_seen():
    rng = np.random.RandomState(0)
    codes, labels = rng.randn(20, 4).astype(np.float32), rng.randint(0, 3, 20)
    refresh = RunningRefresh(5, 4, [mx.cpu()])
    for part in (slice(0, 8), slice(8, 20)):
        refresh.observe(mx.nd.array(codes[part]), mx.nd.array(labels[part]))
    sums, counts = refresh.finish()
    expected = centers.class_sums(codes, labels, 5)
    np.testing.assert_allclose(sums, expected[0], rtol=1e-5, atol=1e-6)
    assert counts.tolist() == expected[1].tolist()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_operators_started_together_give_the_bits_of_those_started_one_by_one(
    monkeypatch, optimizer
):
    together = make(optimizer=optimizer, clip=0.5)
    together.train_epoch(0)
    monkeypatch.setattr("gluon_hash.training.step.OPERATORS_TOGETHER", 0)
    apart, unclipped = make(optimizer=optimizer, clip=0.5), make(optimizer=optimizer)
    apart.train_epoch(0)
    unclipped.train_epoch(0)
    for one, other in zip(state(together), state(apart)):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(state(apart)[0], state(unclipped)[0])  # there was much to clip


def test_a_refresh_with_a_pass_of_its_own_is_given_no_codes(monkeypatch):
    trainer = make()
    monkeypatch.setattr(InferenceRefresh, "observe", lambda *arguments: pytest.fail("was given"))
    trainer.train_epoch(0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_resume_is_exact_and_a_seed_gives_the_same_run_twice(tmp_path, optimizer):
    whole, again, half = (make(optimizer=optimizer) for _ in range(3))
    fit(whole, tmp_path / "whole", 4, 0)
    fit(again, tmp_path / "again", 4, 0)
    fit(half, tmp_path / "half", 2, 0)
    resumed = make(optimizer=optimizer)
    fit(resumed, tmp_path / "half", 4, 0)
    for other in (again, resumed):
        for expected, found in zip(state(whole), state(other)):
            np.testing.assert_array_equal(expected, found)
    losses = [
        [
            json.loads(line)["loss"]
            for line in (tmp_path / name / "log.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "half")
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_adamw_takes_the_steps_of_its_formula():
    rng = np.random.RandomState(0)
    weight, gradients = rng.randn(5), rng.randn(6, 5)
    rule = AdamW(learning_rate=0.1, wd=0.05, rescale_grad=0.5)
    array = mx.nd.array(weight)
    state = rule.create_state(0, array)
    first, second = np.zeros(5), np.zeros(5)
    for count, gradient in enumerate(gradients / 2, start=1):
        rate = rule.learning_rate
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        scaled = (first / (1 - 0.9**count)) / np.sqrt(second / (1 - 0.999**count))
        weight = weight - rate * (scaled + 0.05 * weight)
        rule.update(0, array, mx.nd.array(2 * gradient), state)
        np.testing.assert_allclose(array.asnumpy(), weight, rtol=1e-4, atol=1e-6)
        rule.set_learning_rate(rate / 2)


def test_best_epoch_and_early_stop(tmp_path):
    values = iter([0.1, 0.5, 0.3, 0.4, 0.2])
    progress = fit(
        make(),
        tmp_path,
        5,
        0,
        validate=lambda: {"map": next(values)},
        monitor="map",
        early_stop_epochs=2,
    )
    assert progress.best_epoch == 2 and progress.best_value == 0.5 and progress.epochs_done == 4


def test_divergence_stops_with_advice_and_keeps_the_last_epoch(tmp_path):
    fit(make(num_epochs=4), tmp_path, 1, 0)
    features, labels, ids = mixture()
    with pytest.raises(
        DivergedError, match=r"epoch 2, batches 1-7: the loss is (nan|inf) .*optimizer\.lr"
    ):
        fit(make((features * 1e30, labels, ids)), tmp_path, 4, 0)
    assert json.loads((tmp_path / "last.ckpt" / "state.json").read_text())["epochs_done"] == 1


def test_an_interrupted_swap_is_finished(tmp_path):
    fit(make(), tmp_path, 1, 0)
    (tmp_path / "last.ckpt").rename(tmp_path / "last.ckpt.old")
    fit(make(), tmp_path, 2, 0)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_damaged_checkpoints_are_named_and_passed_over(tmp_path, capsys):
    fit(make(), tmp_path, 1, 0)
    shutil.copytree(tmp_path, tmp_path / "all")
    (tmp_path / "last.ckpt" / "net.params").write_bytes(b"damaged")
    fit(make(), tmp_path, 2, 0)
    said = capsys.readouterr().err
    assert "last.ckpt/net.params: missing or damaged" in said
    assert "going on from best.ckpt, after epoch 1" in said
    for name in ("last.ckpt", "best.ckpt"):
        (tmp_path / "all" / name / "net.params").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"net\.params: missing or damaged"):
        fit(make(), tmp_path / "all", 2, 0)


def test_a_newer_checkpoint_is_named_not_passed_over(tmp_path):
    fit(make(), tmp_path, 1, 0)
    path = tmp_path / "last.ckpt" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 3}))
    with pytest.raises(DataError, match="expected checkpoint version 2, got 3"):
        fit(make(), tmp_path, 2, 0)

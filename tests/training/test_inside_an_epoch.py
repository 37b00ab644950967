"""A training that ends inside an epoch goes on there, bit for bit; signals are answered where
nothing is half done."""

import json
import os
import signal
import time

import mxnet as mx
import pytest
from training_cases import Killed, assert_same, make, train

from gluon_hash.errors import DataError, Terminated
from gluon_hash.methods import METHODS
from gluon_hash.training import read_state
from gluon_hash.training.draws import Draws
from gluon_hash.training.interruption import interruptible

ALWAYS = {"checkpoint_minutes": 1e-9}


def killed():
    raise Killed


def send(number):
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_goes_on_from_inside_an_epoch(name, tmp_path):
    whole = train(make(name), tmp_path / "whole")
    with pytest.raises(Killed):
        train(make(name, stop=(1, 3, killed)), tmp_path / "part", **ALWAYS)
    state = read_state(tmp_path / "part" / "inside.ckpt")
    assert (state.progress.epochs_done, state.begun.batches_done) == (1, 3)
    assert_same(whole, train(make(name), tmp_path / "part"))


@pytest.mark.parametrize("stop", [(0, 1), (1, 0), (1, 4)])
@pytest.mark.parametrize(
    "settings", [{"dropout": 0.4}, {"dropout": 0.4, "center_refresh": "running", "rule": "adam"}]
)
def test_a_net_that_draws_goes_on_after_any_batch(settings, stop, tmp_path, capsys):
    whole = train(make(**settings), tmp_path / "whole", **ALWAYS)  # saving changes nothing
    with pytest.raises(Killed):
        train(make(stop=(*stop, killed), **settings), tmp_path / "part", **ALWAYS)
    capsys.readouterr()
    assert_same(whole, train(make(**settings), tmp_path / "part"))
    batches = f" and batch {stop[1]} of the next" if stop[1] else ""
    assert f"resumed after epoch {stop[0]}{batches}" in capsys.readouterr().err
    assert not (tmp_path / "part" / "inside.ckpt").exists()


def test_every_batch_has_random_numbers_of_its_own():
    """Were a net that draws given the same ones for every batch, it would go on exactly too."""
    trainer, sums = make(dropout=0.5, lr=1e-30), []
    (batch, *_) = trainer._loader.epoch(0)
    trainer._loader = [batch] * 5  # with these weights and this batch only the draws differ
    trainer._batches = lambda epoch, start: trainer._loader[start:]
    for epoch in (0, 1):
        draws = Draws(24, [mx.cpu()])
        sums.append(0.0)
        trainer.train_epoch(
            epoch, draws=draws, after_batch=lambda so_far: sums.append(so_far.begun().waiting)
        )
    losses = [value for waiting in sums if waiting for value in waiting[-1:]]
    assert len(losses) == 8 and len({round(loss, 4) for loss in losses}) == 8


@pytest.mark.parametrize(
    "number, raised", [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_ends_the_batch_and_saves(number, raised, tmp_path, capsys):
    whole = train(make(), tmp_path / "whole")
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(raised):  # without checkpoint_minutes too
        train(make(stop=(1, 2, send(number))), tmp_path / "part")
    assert before == [
        signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]
    assert "saved after epoch 1 and batch 3 of the next" in capsys.readouterr().err
    assert_same(whole, train(make(), tmp_path / "part"))


def test_a_signal_in_the_validation_saves_what_was_trained(tmp_path):
    values = {"validate": lambda: {"map": 0.5}, "monitor": "map"}
    whole = train(make(), tmp_path / "whole", **values)

    def ended():
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal ends the validation where it is")

    with pytest.raises(Terminated):
        train(make(), tmp_path / "part", validate=ended, monitor="map")
    trained = []
    again = make(stop=(0, 0, lambda: trained.append(0)))
    assert_same(whole, train(again, tmp_path / "part", **values))
    assert not trained


def test_a_signal_in_a_destructor_is_not_swallowed(tmp_path, capsys):
    class Array:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):  # the handler is called here
                pass

    def ended():
        Array()
        time.sleep(10)
        raise AssertionError("the signal ends the validation where it is")

    with pytest.raises(Terminated):
        train(make(), tmp_path, validate=ended, monitor="map")
    assert "Traceback" not in capsys.readouterr().err
    assert read_state(tmp_path / "inside.ckpt").trained is not None


def test_a_signal_in_a_pass_for_the_centers_saves_what_was_trained(tmp_path):
    whole = train(make(), tmp_path / "whole")

    def ended():
        with interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal ends the pass where it is")

    with pytest.raises(Terminated):
        train(make(on_refresh=ended), tmp_path / "part")
    assert read_state(tmp_path / "part" / "inside.ckpt").begun.batches_done == 6
    assert_same(whole, train(make(), tmp_path / "part"))


def test_a_second_signal_is_answered_at_once(tmp_path):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one ends the training where it is")

    with pytest.raises(KeyboardInterrupt):
        train(make(stop=(0, 2, twice)), tmp_path)
    assert not (tmp_path / "inside.ckpt").exists()


def test_a_damaged_checkpoint_inside_an_epoch_is_passed_over(tmp_path, capsys):
    whole = train(make(), tmp_path / "whole")
    with pytest.raises(Killed):
        train(make(stop=(1, 3, killed)), tmp_path / "part", **ALWAYS)
    (tmp_path / "part" / "inside.ckpt" / "memory.npz").write_bytes(b"")
    assert_same(whole, train(make(), tmp_path / "part"))
    said = capsys.readouterr().err
    assert "inside.ckpt/memory.npz: missing or damaged" in said
    assert "going on from last.ckpt, after epoch 1" in said


def test_a_checkpoint_of_an_epoch_that_was_finished_since_is_not_used(tmp_path):
    with pytest.raises(Killed):
        train(make(stop=(0, 3, killed)), tmp_path / "part", **ALWAYS)
    (tmp_path / "part" / "inside.ckpt").rename(tmp_path / "older.ckpt")
    train(make(), tmp_path / "part", 1)
    (tmp_path / "older.ckpt").rename(tmp_path / "part" / "inside.ckpt")
    assert_same(train(make(), tmp_path / "whole"), train(make(), tmp_path / "part"))


@pytest.mark.parametrize("cut", [0, 1, 30, -1], ids=["killed before it", "{", "half", "no end"])
def test_the_log_is_completed_from_the_checkpoint(cut, tmp_path):
    whole = train(make(), tmp_path / "whole", 3)
    train(make(), tmp_path / "part", 2)
    log = tmp_path / "part" / "log.jsonl"
    first, second = log.read_text().splitlines(keepends=True)
    log.write_text(first + second[:cut])  # a power cut: the checkpoint is there, the line is not
    assert_same(whole, train(make(), tmp_path / "part", 3))
    assert log.read_text().startswith(first + second)


def test_a_damaged_line_of_the_log_is_named_before_the_training(tmp_path):
    train(make(), tmp_path, 2)
    log = tmp_path / "log.jsonl"
    log.write_text("{" + log.read_text())
    with pytest.raises(DataError, match=r"log\.jsonl:1: "):
        train(make(stop=(2, 0, lambda: pytest.fail("it has begun"))), tmp_path, 3)


def test_the_number_of_threads_is_compared(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    train(make(), tmp_path, 1)
    train(make(), tmp_path, 2)
    assert "OMP_NUM_THREADS" not in capsys.readouterr().err
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    train(make(), tmp_path, 3)
    assert "trained with OMP_NUM_THREADS=2 so far, now 4" in capsys.readouterr().err
    assert json.loads((tmp_path / "last.ckpt" / "state.json").read_text())["threads"] == 4

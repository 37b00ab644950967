"""Who listens to a training hears all of it and changes none of it; a loss is the sum of its
terms."""

import json

import method_cases
import numpy as np
import pytest
from method_cases import NUM_BITS, build
from training_cases import Killed, assert_same, come_to, make, train

from gluon_hash.engine import mx, nd
from gluon_hash.methods import METHODS
from gluon_hash.training import fit
from gluon_hash.training.callbacks import Callback
from gluon_hash.training.lines import EpochLines, _explain
from gluon_hash.training.terms import LossTerms, is_sampled


class Noted(Callback):
    """Keeps what it hears."""

    def __init__(self):
        self.heard = []

    def on_start(self, start):
        self.heard.append(("start", start.epochs_done, start.num_epochs, start.num_batches))

    def on_steps(self, steps):
        self.heard.append(("steps", steps.epoch, steps.batch, steps.step))
        self.last = steps

    def on_epoch(self, values, is_best):
        self.heard.append(("epoch", values["epoch"], is_best))

    def on_end(self, progress, error):
        self.heard.append(("end", progress.epochs_done, type(error).__name__))


def test_all_is_heard_in_its_order(tmp_path):
    noted = Noted()  # 48 images in batches of 8: 6 batches, the losses are read after the last
    losses = iter([0.3, 0.5, 0.4])
    fit(
        make(),
        tmp_path,
        3,
        24,
        validate=lambda: {"map": next(losses)},
        monitor="map",
        callbacks=[noted],
        settings={"net": {"num_bits": NUM_BITS}},
    )
    steps = [("steps", epoch, 6, 6 * epoch) for epoch in (1, 2, 3)]
    best = [("epoch", 1, True), ("epoch", 2, True), ("epoch", 3, False)]
    expected = [event for pair in zip(steps, best) for event in pair]
    assert noted.heard == [("start", 0, 3, 6), *expected, ("end", 3, "NoneType")]


def test_the_loss_that_is_heard_is_that_of_the_log(tmp_path):
    noted = Noted()
    _, log = train(make(), tmp_path, callbacks=[noted])
    assert noted.last.loss == log[-1]["loss"] and noted.last.lr == log[-1]["lr"]
    sums = [log[-1][name] for name in noted.last.terms]
    assert set(noted.last.terms) == {f"loss_{n}" for n in ("level_0", "level_1", "level_2")} | {
        "loss_cubic",
        "loss_vertex",
    }
    assert sum(sums) == pytest.approx(log[-1]["loss"], rel=1e-5)  # all 6 batches are sampled


def test_a_training_that_is_listened_to_comes_to_the_same(tmp_path):
    class Draws(Callback):
        """Draws from every generator of random numbers that a training might share."""

        def on_steps(self, steps):
            np.random.rand(3)
            mx.nd.random.uniform(shape=(3,)).wait_to_read()

    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    alone = train(make(dropout=0.2), tmp_path / "one")
    assert_same(train(make(dropout=0.2), tmp_path / "other", callbacks=[Draws()]), alone)


def test_terms_are_those_of_an_uninterrupted_run(tmp_path):
    whole = train(make(), tmp_path / "whole")
    folder, options = tmp_path / "part", {"checkpoint_minutes": 1e-9}

    def kill():
        raise Killed

    with pytest.raises(Killed):
        train(make(stop=(1, 4, kill)), folder, **options)
    kept = json.loads((folder / "inside.ckpt" / "state.json").read_text())["begun"]["terms"]
    assert {len(values) for values in kept.values()} == {4}  # those of the four batches before it
    assert_same(train(make(), folder, **options), whole)


def test_what_stops_a_training_is_heard(tmp_path):
    noted = Noted()

    def kill():
        raise Killed

    with pytest.raises(Killed):
        train(make(stop=(1, 2, kill)), tmp_path, callbacks=[noted])
    assert noted.heard[-1] == ("end", 1, "Killed")
    resumed = Noted()
    train(make(), tmp_path, callbacks=[resumed])
    assert resumed.heard[0] == ("start", 1, 2, 6) and resumed.heard[-1] == ("end", 2, "NoneType")


def test_an_error_of_a_callback_ends_the_training_and_nothing_is_lost(tmp_path, capsys):
    class Wrong(Callback):
        def on_epoch(self, values, is_best):
            raise KeyError("no such thing")

        def on_end(self, progress, error):
            raise ValueError("cannot close")

    noted, trainer = Noted(), make()
    with pytest.raises(KeyError, match="no such thing"):
        train(trainer, tmp_path, callbacks=[Wrong(), noted])
    assert "warning: Wrong: cannot close" in capsys.readouterr().err
    assert noted.heard[-1] == ("end", 1, "KeyError")  # heard though one before it failed
    assert len(come_to(trainer, tmp_path)[1]) == 1
    train(make(), tmp_path)


@pytest.mark.parametrize("name", METHODS)
def test_a_loss_is_the_sum_of_its_terms(name):
    terms = LossTerms(build(name).loss)
    for inputs, losses in zip(*method_cases.train(name)):
        values, whole = terms.of(*map(nd.array, inputs)), losses.mean()
        if values is None:  # of one name, or none
            assert len(terms.names) < 2
            return
        *each, total = values.asnumpy()
        assert len(each) == len(terms.names) == len(set(terms.names))
        assert total == pytest.approx(whole, rel=1e-5)
        assert sum(each) == pytest.approx(whole, rel=1e-4, abs=1e-5)


def test_a_few_batches_are_sampled_whatever_their_number():
    for count in (1, 5, 8, 9, 100, 391):
        sampled = [batch for batch in range(count) if is_sampled(batch, count)]
        assert 1 <= len(sampled) <= 8 and len(sampled) >= min(count, 8) // 2
    assert is_sampled(0, 1)


def test_words_are_explained_once(tmp_path, capsys):
    _explain.cache_clear()
    train(make(), tmp_path / "one")
    said = capsys.readouterr().err
    assert said.count("center shift: mean distance") == 1 and said.count("epoch ") >= 2
    assert "terms that the loss is the sum of" in said
    train(make(), tmp_path / "two")
    assert "mean distance" not in capsys.readouterr().err


def test_the_time_left_is_that_of_the_epochs_to_go(capsys):
    from gluon_hash.training.callbacks import Start

    lines = EpochLines("loss")
    lines.on_start(Start(None, 4, 6))
    values = {"loss": 1.0, "lr": 0.1, "images_per_second": 5.0, "refresh_seconds": 10.0}
    lines.on_epoch({"epoch": 1, "seconds": 50.0, **values}, True)
    lines.on_epoch({"epoch": 2, "seconds": 70.0, **values}, False)
    lines.on_epoch({"epoch": 4, "seconds": 70.0, **values}, False)
    first, second, last = [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")
    ]
    assert first.endswith("3 min left *")  # 3 epochs of 60 s
    assert second.endswith("2 min left")  # 2 of 70 s, the mean of 60 and 80
    assert last.endswith("80.0 s")

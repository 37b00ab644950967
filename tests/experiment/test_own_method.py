"""A method from outside the package: the example of docs/methods.md, in Python and in YAML."""

from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from pydantic import ValidationError

from gluon_hash.errors import DataError
from gluon_hash.experiment import load_config, load_run, train
from gluon_hash.methods import METHODS, Task, method_from
from gluon_hash.methods.memory.targets import hadamard_targets

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("## A method of your own")[1].split("```python\n")[1].split("```")[0]


@pytest.fixture
def mine(monkeypatch):
    """The class of the example, in METHODS until the end of the test."""
    monkeypatch.delitem(METHODS, "mine", raising=False)  # and put back as it was: not there
    names = {"__name__": "mine"}
    exec(compile(EXAMPLE, "docs/methods.md", "exec"), names)
    yield names["Mine"]
    METHODS.pop("mine", None)


@pytest.fixture
def config(features, tmp_path):
    """A configuration with this section ``loss``, on cached features, for an epoch."""

    def config(loss, *changes):
        path = tmp_path / "mine.yaml"
        path.write_text(
            features.read_text().replace("loss: {inv_variances: [1, 0.67, 0.5]}", f"loss: {loss}")
        )
        return load_config(path, ["training.epochs=1", *changes])

    return config


def test_its_loss_is_what_it_says(mine):
    code = np.random.RandomState(0).randn(4, 8).astype(np.float32)
    labels = np.array([[0, 0], [3, 1], [2, 1], [3, 1]])
    hierarchy = load_tree()
    task = Task(hierarchy, 8, np.arange(4), [mx.cpu()], lambda: None, seed=7)
    parts = mine(pull=0.5).build(task)
    target = hadamard_targets(4, 8, np.random.RandomState(7))
    losses = parts.loss(
        nd.array(code), nd.array(labels), *parts.memory.arrays(mx.cpu(), np.arange(4))
    )
    expected = ((code - target[labels[:, 0]]) ** 2 + 0.5 * (abs(code) - 1) ** 2).mean(axis=1)
    np.testing.assert_allclose(losses.asnumpy(), expected, rtol=1e-5)
    assert parts.head is None and parts.memory.state() == {}


def load_tree():
    from gluon_hash.hierarchy import Hierarchy

    return Hierarchy(("fine", "coarse"), (tuple("abcd"), tuple("xy")), (np.array([0, 0, 1, 1]),))


def test_it_is_trained_from_a_file_and_its_run_is_read_again(mine, config, tmp_path):
    wanted = config("{name: mine, pull: 0.3}")
    assert wanted.loss == mine(pull=0.3)
    run = train(wanted, tmp_path / "run", [mx.cpu()])
    assert run.config.loss == mine(pull=0.3)
    assert "name: mine\n  pull: 0.3\n" in (tmp_path / "run" / "run.yaml").read_text()
    again = load_run(tmp_path / "run")
    assert again.config == run.config
    features = nd.random.normal(shape=(3, 64))
    assert (again.net.head(features) == run.net.head(features)).asnumpy().all()
    longer = train(
        config("{name: mine, pull: 0.3}", "training.epochs=2"),
        tmp_path / "run",
        [mx.cpu()],
        resume=True,
    )
    assert longer.config.training.epochs == 2


def test_its_mistakes_are_named_as_those_of_any_other(mine, config):
    with pytest.raises(DataError, match=r"mine\.yaml.*loss\.pul: .*mean 'pull'\? mine has pull"):
        config("{name: mine, pul: 0.3}")
    with pytest.raises(DataError, match=r"loss\.pull: .*greater than or equal to 0, got -1"):
        config("{name: mine, pull: -1}")
    with pytest.raises(ValueError, match=r"loss\.name=min .* did you mean mine"):
        config("{name: mine}", "loss.name=min")
    with pytest.raises(ValidationError, match="pull"):
        mine(pull="much")
    assert config("{name: csq}", "loss.name=mine").loss == method_from({"name": "mine"}) == mine()


def test_a_run_of_a_method_that_is_not_there_names_it(mine, config, tmp_path):
    train(config("{name: mine}"), tmp_path / "run", [mx.cpu()])
    del METHODS["mine"]
    with pytest.raises(DataError, match=r"run\.yaml:\d+: loss\.name: no method is called 'mine'"):
        load_run(tmp_path / "run")

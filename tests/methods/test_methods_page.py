"""docs/methods.md says what METHODS holds: every name, its options and defaults, files that
exist."""

import inspect
import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluon_hash.experiment import METHODS
from gluon_hash.experiment.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.parts import Task
from gluon_hash.methods.table import build_parts

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
ROWS = {
    row[0].strip("`"): row
    for line in PAGE.read_text().splitlines()
    if line.startswith("| `")
    for row in [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]]
}
TREE = Hierarchy(("fine", "coarse"), (tuple("abcd"), tuple("xy")), (np.array([0, 0, 1, 1]),))


def parts_of(name, **loss):
    config = Config(data={"root": "nowhere"}, net={"num_bits": 8}, loss={"name": name, **loss})
    levels = TREE.keep_levels(METHODS[name].levels or 2)
    return build_parts(Task(config, levels, np.arange(16), [mx.cpu()], lambda: None))


def test_every_method_has_its_row_and_no_other():
    assert list(ROWS) == list(dict.fromkeys(ROWS)) and set(ROWS) == set(METHODS)
    assert all(len(row) == 6 and row[2] for row in ROWS.values())


@pytest.mark.parametrize("name", METHODS)
def test_options_and_defaults_are_those_of_the_table(name):
    found = dict(re.findall(r"`(\w+)=([^`]+)`", ROWS[name][4]))
    assert found == {
        option: value if isinstance(value, str) else f"{value:g}"
        for option, value in METHODS[name].options.items()
    }
    assert bool(found) != ROWS[name][4].startswith("none")


@pytest.mark.parametrize("name", METHODS)
def test_files_exist_and_the_first_holds_the_loss(name):
    files = re.findall(r"`([\w/]+\.py)`", ROWS[name][3])
    assert files and all((PAGE.parent.parent / "gluon_hash" / file).exists() for file in files)
    assert inspect.getfile(type(parts_of(name).loss)).endswith(files[0])


@pytest.mark.parametrize("name", METHODS)
def test_a_default_is_the_same_in_the_table_and_in_the_loss(name):
    parameters = inspect.signature(type(parts_of(name).loss).__init__).parameters
    for option, value in METHODS[name].options.items():
        if option in parameters:
            assert parameters[option].default == value


@pytest.mark.parametrize("name", METHODS)
def test_loss_memory_and_head_fit_each_other(name, rng):
    parts = parts_of(name)
    code, labels, ids = (
        nd.array(rng.randn(6, 8)),
        nd.array(TREE.ancestors[rng.randint(0, 4, 6)]),
        np.arange(6),
    )
    parts.memory.start(0)
    outputs = []
    if parts.head is not None:
        parts.head.initialize()
        outputs = parts.head(code)
    loss = parts.loss(code, labels, *parts.memory.arrays(mx.cpu(), ids), *outputs)
    assert loss.shape == (6,) and np.isfinite(loss.asnumpy()).all()
    parts.memory.observe(code, labels, ids)


def test_settings_that_the_page_names_exist():
    for section, key in re.findall(r"`(loss|centers|training|net)\.(\w+)", PAGE.read_text()):
        assert key in Config.model_fields[section].annotation.model_fields

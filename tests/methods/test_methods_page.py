"""docs/methods.md says what METHODS holds: every name, its settings, files that exist."""

import inspect
import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluon_hash import methods
from gluon_hash.experiment.settings import describe
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import METHODS, Task

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
BY_HAND, PRINTED = PAGE.read_text(encoding="utf-8").split("<!-- gluon-hash config methods -->\n")
ROWS = {
    row[0].strip("`"): row
    for line in BY_HAND.splitlines()
    if line.startswith("| `")
    for row in [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]]
}
TREE = Hierarchy(("fine", "coarse"), (tuple("abcd"), tuple("xy")), (np.array([0, 0, 1, 1]),))


def parts_of(name):
    method = METHODS[name]()
    return method.build(
        Task(method.levels_of(TREE), 8, np.arange(16), [mx.cpu()], lambda: None, seed=24)
    )


def test_every_method_has_its_row_and_no_other():
    assert list(ROWS) == list(dict.fromkeys(ROWS)) and set(ROWS) == set(METHODS)
    assert all(len(row) == 5 and row[2] for row in ROWS.values())


def test_the_settings_are_those_that_the_command_prints():
    assert PRINTED.strip() == describe.methods_table()


def test_every_method_is_exported():
    assert {cls.__name__ for cls in METHODS.values()} <= set(methods.__all__)
    assert all(getattr(methods, cls.__name__) is cls for cls in METHODS.values())


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_its_name_and_what_it_is(name):
    method = METHODS[name]
    assert method.model_fields["name"].default == name and method.__doc__
    assert (f"`{name}`" in PRINTED) and method().name == name


@pytest.mark.parametrize("name", METHODS)
def test_files_exist_and_the_first_holds_the_loss(name):
    files = re.findall(r"`([\w/]+\.py)`", ROWS[name][3])
    assert files and all((PAGE.parent.parent / "gluon_hash" / file).exists() for file in files)
    assert inspect.getfile(type(parts_of(name).loss)).endswith(files[0])


@pytest.mark.parametrize("name", METHODS)
def test_loss_memory_and_head_fit_each_other(name, rng):
    parts = parts_of(name)
    code, labels, ids = (
        nd.array(rng.randn(6, METHODS[name]().num_outputs(TREE, 8))),
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
    of_methods = {setting for method in METHODS.values() for setting in method.model_fields}
    named = re.findall(r"`(\w+)\.(\w+)", BY_HAND)
    assert ("loss", "level_weights") in named and ("training", "sampler") in named
    for section, key in named:
        if section in Config.model_fields and section != "loss":
            assert key in Config.model_fields[section].annotation.model_fields
        elif section == "loss":
            assert key in of_methods

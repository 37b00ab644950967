"""Whether a method says that it uses the hierarchy is whether another tree changes its training."""

import numpy as np
import pytest
from method_cases import TWO, build, train

from gluon_hash.experiment.cards.run_files import hierarchical_lines
from gluon_hash.experiment.comparison.summary import RowSummary
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import METHODS, method_from

# the same finest classes with other relatives: 0 1 | 2 3 | ... becomes 0 4 | 1 5 | ...
OTHER = Hierarchy(TWO.level_names, TWO.class_names, (np.arange(8) % 4,))
SETTINGS = [
    *((name, {}) for name in METHODS),
    *((name, {"level_weights": [1.0, 0.5]}) for name in ("hpdh", "dcwh", "dch", "softmax")),
    *((name, {"level_weights": [1.0, 0.0]}) for name in ("hpdh", "dsh", "softmax", "dsrh")),
    *((name, {"targets": "tree"}) for name in ("csq", "dpn", "orthohash")),
    *((name, {"targets": "annealed"}) for name in ("csq", "dpn", "orthohash")),
    *((name, {"targets": "balanced"}) for name in ("csq", "expected_codeword")),
    *(
        ("expected_codeword", {"targets": targets, "level_weights": [1.0, 0.0]})
        for targets in ("annealed", "balanced")
    ),
    *(
        (name, {"initial_centers": placed, "level_weights": [1.0, 0.0]})
        for name in ("hpdh", "dcwh")
        for placed in ("random", "hierarchical", "annealed")
    ),
]


@pytest.mark.parametrize("name, settings", SETTINGS)
def test_another_tree_changes_what_uses_it_and_nothing_else(name, settings):
    found = []
    for tree in (TWO, OTHER):
        codewords = build(name, tree, **settings).codewords
        drawn = [] if codewords is None else list(codewords)
        found.append([train(name, tree, **settings)[1], *drawn])
    same = all(np.array_equal(ours, theirs) for ours, theirs in zip(*found))
    assert method_from({"name": name, **settings}).uses_hierarchy() is not same


def test_lines_of_a_comparison_by_what_it_noted(tmp_path):
    rows = [RowSummary(name, 48, {}, 1, [], {}) for name in ("a", "a, weighted", "b")]
    assert hierarchical_lines(tmp_path, rows, {"hierarchical": ["a"]}) == {"a", "a, weighted"}


@pytest.mark.parametrize(
    "loss, uses",
    [
        ("{name: hpdh, level_weights: null}", True),
        ("{name: hpdh, level_weights: [1, 0]}", False),
        ("{name: csq, targets: annealed}", True),
        ("{name: csq, targets: hadamard}", False),
        ("{name: dch, level_weights: [1, 0.5]}", True),
        ("{name: dch, level_weights: null}", False),
    ],
)
def test_lines_of_an_older_comparison_by_their_configurations(loss, uses, tmp_path):
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/run.yaml").write_text(f"loss: {loss}\n")
    rows = [RowSummary("a", 48, {}, 1, ["a"], {})]
    assert hierarchical_lines(tmp_path, rows, {}) == ({"a"} if uses else set())

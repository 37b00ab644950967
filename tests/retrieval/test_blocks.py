"""Queries measured some at a time give the numbers of all at once, and show how far they are."""

import importlib
from functools import partial

import numpy as np
import pytest

from gluon_hash import progress
from gluon_hash.retrieval import CodeTable, Cutoffs, curves, feature_distances, measure
from gluon_hash.retrieval.evaluation import blocks
from gluon_hash.retrieval.evaluation.evaluate import measure_by_distance

RNG = np.random.RandomState(0)
LABELS = RNG.randint(0, 4, (60, 1)).astype(np.int32) // np.array(
    [[1, 2]], np.int32
)  # 4 classes in 2
TABLE = CodeTable(np.arange(60), RNG.randint(0, 256, (60, 2)).astype(np.uint8), LABELS, 16)
QUERY, DATABASE = (TABLE.take(rows) for rows in (np.arange(13), np.arange(13, 60)))


@pytest.fixture
def in_blocks(monkeypatch):
    """Five queries at a time, of a database of 47."""
    small = partial(blocks.query_blocks, pairs_at_a_time=5 * 47)
    for name in ("evaluate", "curves"):
        module = importlib.import_module(f"gluon_hash.retrieval.evaluation.{name}")
        monkeypatch.setattr(
            module, "query_blocks", lambda q, n, name, pairs=None: small(q, n, name)
        )
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)


def test_blocks_give_the_same(request, capsys):
    floats = RNG.randn(60, 3).astype(np.float32)

    def distances(block):
        return feature_distances(floats[:13], floats[13:], "l2")(block)

    def all_of_it():
        by_distance = measure_by_distance(
            distances, QUERY.level_labels, DATABASE.level_labels, cutoffs=Cutoffs(ahp=20)
        )
        codes = measure(QUERY, DATABASE, cutoffs=Cutoffs(ahp=20))
        return codes.values, by_distance.values, curves(QUERY, DATABASE).to_dict()

    whole = all_of_it()
    assert capsys.readouterr().err == ""  # a single block
    request.getfixturevalue("in_blocks")
    parts = all_of_it()
    np.testing.assert_array_equal(parts[0], whole[0])
    np.testing.assert_array_equal(parts[1], whole[1])
    assert parts[2] == whole[2]
    said = capsys.readouterr().err
    assert "measure: 5/13 queries" in said and "count hits: 13/13 queries" in said

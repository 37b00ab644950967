"""tools/demo.py: the lines that its training has to beat."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

import demo
from gluon_hash.retrieval import CodeTable


def test_untrained_codes_are_of_the_network_before_training(prepared, trained, tmp_path):
    records = prepared / "query.rec"
    demo.untrained_codes(trained / "run", records, tmp_path / "untrained.npz")
    untrained = CodeTable.load(tmp_path / "untrained.npz")
    learned = CodeTable.load(trained / "query.npz")
    assert untrained.num_bits == learned.num_bits and len(untrained) == 54
    assert (untrained.codes != learned.codes).any()
    demo.random_codes(tmp_path / "untrained.npz", tmp_path / "random.npz", seed=3)
    drawn = CodeTable.load(tmp_path / "random.npz")
    np.testing.assert_array_equal(drawn.level_labels, untrained.level_labels)
    assert drawn.codes.shape == untrained.codes.shape and (drawn.codes != untrained.codes).any()

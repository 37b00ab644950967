"""Class probabilities compared by the tree: in floats, in bits, in a comparison."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from method_cases import TWO, build

from gluon_hash.hierarchy.similarity import lcs_height
from gluon_hash.retrieval.evaluation import bilinear_distances


def test_golden_distances():
    """Two parents of two classes each: S is 1 for a class, 1/2 for siblings, 0 for others."""
    siblings = np.array([[1, 0.5, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0.5, 1]])
    query = np.array([[1, 0, 0, 0], [0.5, 0, 0.5, 0]])
    database = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0.5, 0.5, 0, 0]])
    found = bilinear_distances(query, database, siblings)
    expected = [[0, 0.5, 1, 0.25], [0.5, 0.75, 0.75, 0.625]]
    np.testing.assert_allclose(found(slice(0, 2)), expected)
    np.testing.assert_allclose(found(slice(1, 2)), expected[1:])
    assert found(slice(0, 2)).dtype == np.float32


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="one number of classes, got probabilities of 3 and 4"):
        bilinear_distances(np.zeros((1, 3)), np.zeros((1, 4)), np.eye(4))


def test_bits_differ_as_often_as_the_angle_under_the_similarity():
    """20,000 random hyperplanes: the standard deviation of a fraction is at most .0036."""
    similarity = lcs_height(TWO)
    codewords, thresholds = build("semantic_indexing", num_bits=20_000).codewords
    assert (thresholds == 0).all() and codewords.shape == (8, 20_000)
    rng = np.random.RandomState(1)
    for p, q in [*np.eye(8)[[[0, 1], [0, 2]]], *rng.dirichlet(np.full(8, 0.3), (4, 2))]:
        cosine = p @ similarity @ q / np.sqrt(p @ similarity @ p * (q @ similarity @ q))
        differing = ((p @ codewords >= 0) != (q @ codewords >= 0)).mean()
        assert differing == pytest.approx(np.arccos(cosine) / np.pi, abs=0.015)


def test_a_comparison_has_both_float_rankings_and_the_codes(features, tmp_path):
    """Values against average precisions of a ranking sorted here."""
    from gluon_hash.experiment import compare
    from gluon_hash.experiment.models.run_encoder import RunEncoder
    from gluon_hash.experiment.settings.config_files import load_config

    rows = compare([features], tmp_path / "out", changes=["loss.name=semantic_indexing"])
    names = ["small, bilinear", "small, posterior", "small"]
    assert [row.name for row in rows] == names
    noted = json.loads((tmp_path / "out/comparison.json").read_text())
    assert noted["hierarchical"] == ["small"]
    encoder = RunEncoder(next((tmp_path / "out/runs").glob("small*")))
    data = load_config(features).data
    tables = [encoder.posteriors_file(path) for path in (data.query_features, data.features)]
    query, database = (table.features for table in tables)
    np.testing.assert_allclose(query.sum(axis=1), 1.0, rtol=1e-5)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (query, database)]
    expected = [query @ lcs_height(encoder.hierarchy) @ database.T, unit[0] @ unit[1].T]
    labels = [table.level_labels[:, 0] for table in tables]
    for row, similarity in zip(rows, expected):
        found = np.mean([precision(*each, labels[1]) for each in zip(similarity, labels[0])])
        assert row.metrics["map"].mean == pytest.approx(found, abs=1e-3)  # ties of rounding


def precision(similarity, label, labels):
    """Average precision of one query."""
    relevant = labels[np.argsort(-similarity, kind="stable")] == label
    return (np.cumsum(relevant) / np.arange(1, len(labels) + 1))[relevant].mean()


def test_codes_have_no_probabilities():
    from gluon_hash.experiment.models.run_encoder import RunEncoder
    from gluon_hash.methods import CSQ

    run = SimpleNamespace(path="runs/a", run=SimpleNamespace(config=SimpleNamespace(loss=CSQ())))
    with pytest.raises(ValueError, match="runs/a: csq has no class probabilities"):
        RunEncoder.posteriors_file(run, "any.npz")

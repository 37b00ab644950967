"""A fitted baseline as a network gives the codes that the baseline gives."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy.baselines import as_network
from gluon_hash.engine import nd
from gluon_hash.experiment import load_model
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.retrieval import FeatureTable
from gluon_hash.retrieval.baselines import BASELINES, fit


@pytest.fixture
def table(rng):
    labels = np.arange(300)[:, None] % 5
    features = rng.randn(5, 12)[labels[:, 0]] + 0.4 * rng.randn(300, 12)
    return FeatureTable(
        np.arange(300), features.astype(np.float32), labels.astype(np.int32), {"source": "drawn"}
    )


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"pq"}))
def test_the_network_computes_the_projection(table, name):
    fitted = fit(name, table.features, table.level_labels[:, 0], 8, seed=3)
    expected = fitted.project(table.features)
    computed = as_network(fitted)(nd.array(table.features)).asnumpy()
    np.testing.assert_allclose(computed, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_it_is_exported_and_encodes(table, tmp_path):
    fit("itq", table.features, None, 8, seed=3).save(tmp_path / "itq.npz")
    export_model(tmp_path / "itq.npz", tmp_path / "itq")
    exported, baseline = load_model(tmp_path / "itq"), load_model(tmp_path / "itq.npz")
    assert exported.fingerprint == baseline.fingerprint
    agree = exported.encode(table.features) == baseline.encode(table.features)
    assert agree.mean() > 0.999  # a bit may lie at 0 exactly


def test_product_quantisation_has_no_codes(table, tmp_path):
    fit("pq", table.features, None, 8, seed=3).save(tmp_path / "pq.npz")
    with pytest.raises(ValueError, match="no codes for Hamming search"):
        export_model(tmp_path / "pq.npz", tmp_path / "pq")

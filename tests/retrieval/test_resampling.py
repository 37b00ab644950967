"""Means over other draws of the queries: against one draw at a time."""

import numpy as np
import pytest

from gluon_hash.retrieval.evaluation import confidence


def one_by_one(values, num_resamples, seed):
    """Slow twin: every resample by itself, rows repeated as often as they are drawn."""
    rng, means = np.random.RandomState(seed), []
    for _ in range(num_resamples):
        drawn = rng.multinomial(len(values), np.full(len(values), 1 / len(values)))
        repeated = np.repeat(values, drawn, axis=0)
        means.append([column[~np.isnan(column)].mean() for column in repeated.T])
    return np.array(means)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kept", [10, 1000])
def test_as_each_draw_by_itself(missing, kept, monkeypatch):
    monkeypatch.setattr(confidence, "KEPT", kept)
    rng = np.random.RandomState(7)
    values = rng.rand(40, 3)
    values[rng.rand(40, 3) < missing] = np.nan
    expected = one_by_one(values, 130, seed=5)  # more than two blocks
    for _ in range(2):  # the second time with draws that are kept
        means = confidence.resampled_means(values, num_resamples=130, seed=5)
        np.testing.assert_allclose(means, expected, rtol=1e-12)
    assert not np.allclose(confidence.resampled_means(values, num_resamples=130, seed=6), expected)

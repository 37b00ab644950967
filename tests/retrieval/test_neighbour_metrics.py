"""Measures of the neighbours (HAPPIER, DyML, metric learning): closed forms, limits, protocols."""

import numpy as np
import pytest
import reference
from reference import random_table as table

from gluon_hash.retrieval import CodeTable, Cutoffs, codes, evaluate, measure, metrics

GAINS = np.array([[2, 0, 1, 2]])  # the worked case of the method, K = 2


def ranked_table(gains):
    """A query and a database: item r at distance r, agreeing at the coarsest gains[r] levels."""
    num_levels, count = 3, len(gains)
    base = codes.pack(np.tril(np.full((count, count), -2), -1) + 1)
    labels = np.array(
        [[0 if gain >= 3 - k else 10 + r for k in range(3)] for r, gain in enumerate(gains)]
    )
    query = CodeTable(np.array([99]), base[:1], np.zeros((1, num_levels), np.int32), count)
    return query, CodeTable(np.arange(count), base, labels.astype(np.int32), count)


def test_closed_forms_of_one_ranking():
    # H-AP: relevances 2/2/2, 0, 1/2/1, 2/2/2 = 1/2 each; hierarchical ranks 1/2, 1, 3/2 at 1, 3, 4
    assert metrics.hap(GAINS)[0] == pytest.approx((1 / 2 + 1 / 3 + 3 / 8) / (3 / 2))
    # with the query counted too, gain 2 has relevance 1/3 and gain 1 keeps 1/2
    total = 1 / 3 + (1 / 3 + 1 / 2) / 3 + (1 / 3 + 1 / 3 + 1 / 3) / 4
    assert metrics.hap(GAINS, num_added=1)[0] == pytest.approx(total / (2 / 3 + 1 / 2))
    # ASI: of the ideal 2, 2, 1 the first three hold 1, 1 and 2
    assert metrics.asi(GAINS)[0] == pytest.approx((1 / 1 + 1 / 2 + 2 / 3) / 3)
    discounts = 1 / np.log2([2, 3, 4, 5])
    exponential = (np.array([3, 0, 1, 3]) * discounts).sum() / (
        np.array([3, 3, 1, 0]) * discounts
    ).sum()
    assert metrics.ndcg_exponential(GAINS)[0] == pytest.approx(exponential)
    relevant = GAINS == 2
    assert metrics.r_precision(relevant)[0] == 0.5  # one of the first two
    assert metrics.hit_at(relevant, 1)[0] == 1.0
    assert metrics.hit_at(np.array([[False, False, True]]), 2)[0] == 0.0


def test_of_one_level_h_ap_is_ap_and_asi_the_mean_of_precisions(rng):
    relevant = rng.rand(50, 30) < 0.3
    relevant[0] = False
    np.testing.assert_allclose(metrics.hap(relevant), metrics.average_precision(relevant))
    for row, value in zip(relevant, metrics.asi(relevant)):
        count = row.sum()
        precisions = [row[:r].mean() for r in range(1, count + 1)]
        assert value == pytest.approx(np.mean(precisions)) if count else np.isnan(value)


def test_levels_of_equal_relevance_count_once():
    """Two perfect items and one half as good have relevance 1/2 all: AP of three relevant items."""
    gains = np.array([[1, 2, 0, 2]])
    assert metrics.hap(gains)[0] == pytest.approx((1 + 1 + 3 / 4) / 3)


@pytest.mark.parametrize("metric", [metrics.hap, metrics.asi, metrics.ndcg_exponential])
def test_bounds_and_the_empty_case(rng, metric):
    """1 in ideal order; nowhere less than in the opposite order. As many items of each gain, so
    that H-AP's relevances ascend with the gain."""
    gains = np.array([rng.permutation(np.repeat([0, 1, 2, 3], 6)) for _ in range(100)])
    values = metric(gains)
    assert values.min() > 0 and values.max() <= 1
    np.testing.assert_allclose(metric(-np.sort(-gains, axis=1)), 1.0)
    assert (metric(np.sort(gains, axis=1)) <= values + 1e-12).all()
    assert np.isnan(metric(np.zeros((1, 5), int)))[0]


def test_the_best_order_of_h_ap_is_that_of_relevance():
    """One item that half agrees is worth more (1/2) than each of four that agree (1/4)."""
    assert metrics.hap(np.array([[1, 2, 2, 2, 2]]))[0] == pytest.approx(1.0)
    assert metrics.hap(np.array([[2, 2, 2, 2, 1]]))[0] < 1


def test_the_empty_case_of_the_binary_ones():
    nothing = np.zeros((1, 5), bool)
    assert np.isnan(metrics.r_precision(nothing))[0] and np.isnan(metrics.hit_at(nothing, 3))[0]


@pytest.mark.parametrize("name", ["hap", "asi", "ndcg_exponential", "r_precision", "hit@1"])
def test_ties_are_ranked_by_database_position(rng, name):
    """All codes are equal: what decides is the position, which the reversed database reverses."""
    query, database = table(rng, 4, 6, 3, 5), table(rng, 20, 6, 3, 5, first_id=100)
    query.codes[:], database.codes[:] = 0, 0
    gains = (database.level_labels == query.level_labels[:, None]).sum(axis=2)
    for rows in (slice(None), slice(None, None, -1)):
        found = measure(query, take(database, rows)).column(name)
        expected = PURE[name](gains[:, rows])
        np.testing.assert_allclose(found, expected)


PURE = {
    "hap": metrics.hap,
    "asi": metrics.asi,
    "ndcg_exponential": metrics.ndcg_exponential,
    "r_precision": lambda gains: metrics.r_precision(gains == 3),
    "hit@1": lambda gains: metrics.hit_at(gains == 3, 1),
}


def take(side, rows):
    return CodeTable(side.ids[rows], side.codes[rows], side.level_labels[rows], side.num_bits)


def test_kernels_of_a_ranking_with_three_levels():
    gains = [3, 1, 0, 2, 3, 0, 1]
    found = measure(*ranked_table(gains), cutoffs=Cutoffs(hit=2))
    assert found.column("hap")[0] == pytest.approx(reference.hap(gains, 3))
    assert found.column("asi")[0] == pytest.approx(reference.asi(gains))
    assert found.column("r_precision")[0] == 0.5
    assert found.column("hit@2")[0] == 1.0
    assert measure(*ranked_table([0, 0, 2])).column("hit@1_level_1")[0] == 0.0
    assert np.isnan(measure(*ranked_table([0, 0, 2])).column("hit@1")[0])  # nothing at level 0


def leave_one_out_gains(side):
    """Of each image of a table, the gains of the others in the order of their distance."""
    bits = codes.unpack(side.codes, side.num_bits)
    for q in range(len(side)):
        order = np.array([item for item in reference.rank(bits[q], bits)[0] if item != q])
        yield side.level_labels[order] == side.level_labels[q]


def test_happier_leaves_the_query_out_but_counts_it_in_the_relevances(rng):
    side = table(rng, 30, 7, 3, 6)
    found = measure(side, side, protocol="happier")
    assert found.names[0] == "hap" and found.num_database == 29
    for q, match in enumerate(leave_one_out_gains(side)):
        gains = match.sum(axis=1).tolist()
        added = 1 if max(gains) == 3 else 0  # the query agrees with itself at all levels
        assert found.column("hap")[q] == pytest.approx(reference.hap(gains, 3, added), nan_ok=True)
        assert found.column("asi")[q] == pytest.approx(reference.asi(gains), nan_ok=True)
    alone = measure(side, side, excluded=np.arange(30))
    assert abs(np.nanmean(alone.column("hap") - found.column("hap"))) > 1e-4


def test_dyml_has_every_level_and_their_mean(rng):
    side = table(rng, 30, 7, 3, 6)
    found = measure(side, side, protocol="dyml")
    assert found.names[0] == "map_mean_of_levels"
    levels = {"map": [], "asi": [], "hit": []}
    for match in leave_one_out_gains(side):
        columns = [match[:, k].tolist() for k in range(3)]
        levels["map"].append([reference.average_precision(column) for column in columns])
        levels["asi"].append([reference.asi([int(hit) for hit in column]) for column in columns])
        levels["hit"].append([reference.hit(column, 1) for column in columns])
    names = {
        "map": ["map", "map_level_1", "map_level_2", "map_mean_of_levels"],
        "asi": ["asi_level_0", "asi_level_1", "asi_level_2", "asi_mean_of_levels"],
        "hit": ["hit@1", "hit@1_level_1", "hit@1_level_2", "hit@1_mean_of_levels"],
    }
    for kind, values in levels.items():
        expected = np.column_stack([values, np.mean(values, axis=1)])
        for column, name in enumerate(names[kind]):
            np.testing.assert_allclose(found.column(name), expected[:, column], err_msg=name)
    other = evaluate(side, side, protocol="happier")
    assert not any("mean_of_levels" in name or name.startswith("asi_level") for name in other)


@pytest.mark.parametrize("protocol", ["happier", "dyml"])
def test_their_queries_must_be_in_the_database(rng, protocol):
    with pytest.raises(ValueError, match="query id 0 is not in the database"):
        measure(table(rng, 3, 8), table(rng, 9, 8, first_id=10), protocol=protocol)
    query, database = table(rng, 3, 8), table(rng, 9, 8)
    database.level_labels[:3] = query.level_labels
    measure(query, database, protocol=protocol)
    database.level_labels[1] = 50  # another image under the same id
    with pytest.raises(ValueError, match="the id 1 has other labels in the database"):
        measure(query, database, protocol=protocol)

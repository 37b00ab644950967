"""Metrics, protocols, curves and intervals against slow twins and closed forms."""

import numpy as np
import pytest
import reference
from reference import metric_names, slow_metrics
from reference import random_table as table

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.similarity import lcs_height
from gluon_hash.retrieval import (
    CodeTable,
    Cutoffs,
    codes,
    curves,
    evaluate,
    leave_one_out,
    measure,
    measure_by_distance,
    metrics,
)
from gluon_hash.retrieval.evaluation.confidence import bootstrap


@pytest.mark.parametrize("num_bits", [1, 3, 9, 48, 64, 100, 1024])
@pytest.mark.parametrize("num_levels", [1, 2, 3, 6])
def test_every_metric_matches_its_slow_twin(rng, num_bits, num_levels):
    query, database = (
        table(rng, 6, num_bits, num_levels),
        table(rng, 40, num_bits, num_levels, first_id=100),
    )
    query.level_labels[0] = 77  # nothing is relevant to it
    cutoffs = Cutoffs(ahp=15, ndcg=15, precision=15)
    found = measure(query, database, cutoffs=cutoffs)
    expected = np.array(slow_metrics(query, database, num_levels, 15))
    for column, name in enumerate(metric_names(num_levels, 15, 40)):
        np.testing.assert_allclose(
            found.column(name), expected[:, column], rtol=1e-10, err_msg=name
        )
    means = evaluate(query, database, cutoffs=cutoffs)
    assert means["mahp@15"] == pytest.approx(np.nanmean(expected[:, num_levels]))


@pytest.mark.parametrize("num_items", [1, 2])
def test_a_database_of_one_or_two_and_codes_that_are_all_equal(rng, num_items):
    query, database = table(rng, 5, 9), table(rng, num_items, 9, first_id=10)
    database.codes[:] = 0
    query.codes[:] = 0
    found = measure(query, database)
    expected = np.array(slow_metrics(query, database, 2, num_items))
    for column, name in enumerate(metric_names(2, num_items, num_items)):
        np.testing.assert_allclose(
            found.column(name), expected[:, column], rtol=1e-10, err_msg=name
        )


def test_pure_metrics_and_the_kernels_agree(rng):
    query, database = table(rng, 20, 12, 3), table(rng, 90, 12, 3, first_id=100)
    cutoffs = Cutoffs(map=30, ahp=30, ndcg=30, precision=30)
    found = measure(query, database, cutoffs=cutoffs)
    bits, base = codes.unpack(query.codes, 12), codes.unpack(database.codes, 12)
    order = np.stack([reference.rank(row, base)[0] for row in bits])
    match = database.level_labels[order] == query.level_labels[:, None]
    gain = match.sum(axis=2)
    expected = {
        "map@30": metrics.average_precision(match[:, :, 0], 30),
        "mahp@30": metrics.ahp(gain, 30),
        "mahp_barz@30": metrics.barz_ahp(gain / 3, 30),
        "ndcg@30": metrics.ndcg(gain, 30),
        "mean_ndcg_released@90": metrics.mean_ndcg_released(gain, 90),
        "acg@30": metrics.acg(gain, 30),
        "precision@30": metrics.precision_at(match[:, :, 0], 30),
        "recall@30": metrics.recall_at(match[:, :, 0], 30),
        "weighted_recall@30": metrics.weighted_recall(gain, 30),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found.column(name), values, rtol=1e-10, err_msg=name)


def test_metrics_bounds_and_bad_input(rng):
    gain = rng.randint(0, 3, (50, 20))
    for value in (metrics.ahp(gain, 7), metrics.ndcg(gain, 7), metrics.mean_ndcg_released(gain, 7)):
        assert np.nanmin(value) >= 0 and np.nanmax(value) <= 1
    assert metrics.barz_ahp(np.ones((1, 8)), 8) == pytest.approx(7 / 8)  # perfect: (k - 1) / k
    assert np.isnan(metrics.average_precision(np.zeros((1, 4), bool)))[0]
    with pytest.raises(ValueError, match="from 1 to 20, the items ranked, got 21"):
        metrics.ndcg(gain, 21)
    with pytest.raises(ValueError, match=r"ranked lists \(Q, N\)"):
        metrics.ahp(gain[0], 3)


def ranked_table(relevant_rows):
    """Queries and a database whose ranking gives each row of relevance: item r is at distance r
    from every query."""
    count = len(relevant_rows[0])
    base = codes.pack(np.tril(np.full((count, count), -2), -1) + 1)
    queries = [
        CodeTable(np.array([99]), base[:1], np.array([[1]], np.int32), count) for _ in relevant_rows
    ]
    return [
        (query, CodeTable(np.arange(count), base, np.array(row, np.int32)[:, None], count))
        for query, row in zip(queries, relevant_rows)
    ]


@pytest.mark.parametrize(
    "protocol,expected",
    [
        # AP of the rows 1 0 1 1 and 0 0 0 1, cut at 3: precisions at hits 1, 2/3; 2 of 3 relevant
        # found, and 0 of 1
        ("standard", [(1 + 2 / 3) / 3, 0.0]),
        ("released", [(1 + 2 / 3) / 3, 0.0]),
        ("hashnet", [(1 + 2 / 3) / 2, np.nan]),
        ("csq", [(1 + 2 / 3) / 2, 0.0]),
        ("dpsh", [(1 + 2 / 3) / 2, 0.0]),
    ],
)
def test_protocols_differ_as_they_say(protocol, expected):
    found = [
        measure(*pair, protocol=protocol, cutoffs=Cutoffs(map=3)).column("map@3")[0]
        for pair in ranked_table([[1, 0, 1, 1], [0, 0, 0, 1]])
    ]
    np.testing.assert_allclose(found, expected)


def test_the_cut_that_was_asked_for_divides_and_is_stored(rng):
    query, database = (
        table(rng, 4, 8, 1, 1),
        table(rng, 50, 8, 1, 1, first_id=100),
    )  # all 50 are relevant
    result = evaluate(query, database, cutoffs=Cutoffs(map=30, ahp=20))
    assert result["map@30"] == 1.0 and result["mahp@20"] == 1.0  # divided by 30, not by 50
    assert result["protocol"]["map_at"] == 30 and result["protocol"]["ahp_at"] == 20
    assert evaluate(query, database, protocol="csq")["protocol"]["map_at"] == 1000


def test_a_query_with_nothing_relevant_counts_as_the_protocol_says():
    pair = ranked_table([[0, 0, 0]])[0]
    assert np.isnan(measure(*pair).column("map"))[0]
    assert measure(*pair, protocol="dpsh").column("map")[0] == 0.0
    assert evaluate(*pair, protocol="csq")["protocol"]["no_hit"] == "counts 0"
    names = "standard, released, hashnet, csq, dpsh, barz, happier, dyml"
    with pytest.raises(ValueError, match=f"expected one of {names}, got 'x'"):
        evaluate(*pair, protocol="x")


def test_barz_excludes_the_query_and_takes_heights_from_the_hierarchy(rng):
    tree = Hierarchy.from_table([["a", "x"], ["b", "x"], ["c", "c"]], ["fine", "coarse"])
    labels = np.array([[0, 0], [1, 0], [2, 1], [0, 0], [2, 1]], np.int32)
    all_images = CodeTable(np.arange(5) + 7, codes.pack(rng.randn(5, 16)), labels, 16)
    found = measure(all_images, all_images, hierarchy=tree, protocol="barz", cutoffs=Cutoffs(ahp=4))
    assert found.num_database == 4
    bits = codes.unpack(all_images.codes, 16)
    similarity = lcs_height(tree)
    for q in range(5):
        order = [item for item in reference.rank(bits[q], bits)[0] if item != q]
        values = similarity[labels[q, 0], labels[order, 0]].tolist()
        assert found.column("mahp_barz@4")[q] == pytest.approx(reference.barz_ahp(values, 4))
    with pytest.raises(ValueError, match="query id 3 is not in the database"):
        measure(
            CodeTable(np.array([3]), all_images.codes[:1], labels[:1], 16),
            all_images,
            protocol="barz",
        )


def test_given_distances_rank_like_the_codes_that_have_them(rng):
    query, database = table(rng, 30, 10, 3), table(rng, 70, 10, 3, first_id=100)
    distances = (
        codes.unpack(query.codes, 10)[:, None] != codes.unpack(database.codes, 10)[None]
    ).sum(axis=2)
    by_code = measure(query, database)
    given = measure_by_distance(
        lambda part: distances[part].astype(np.float32), query.level_labels, database.level_labels
    )
    for name in given.names:
        np.testing.assert_allclose(given.column(name), by_code.column(name), err_msg=name)
    assert not any("radius" in name for name in given.names)
    with pytest.raises(ValueError, match="a distance is NaN"):
        measure_by_distance(
            lambda part: np.full((30, 70), np.nan, np.float32),
            query.level_labels,
            database.level_labels,
        )


def test_curves_match_the_slow_twin(rng):
    query, database = table(rng, 8, 11), table(rng, 50, 11, first_id=100)
    found = curves(query, database, np.array([1, 7, 50]))
    bits, base = codes.unpack(query.codes, 11), codes.unpack(database.codes, 11)
    fine = []
    for q in range(8):
        order, distance = reference.rank(bits[q], base)
        fine.append((database.level_labels[order, 0] == query.level_labels[q, 0], distance))
    for column, rank in enumerate((1, 7, 50)):
        assert found.precision_at[column] == pytest.approx(
            np.mean([row[:rank].mean() for row, _ in fine])
        )
        assert found.recall_at[column] == pytest.approx(
            np.mean([row[:rank].sum() / row.sum() for row, _ in fine])
        )
    for radius in range(12):
        near = [row[distance <= radius] for row, distance in fine]
        assert found.precision_within[radius] == pytest.approx(
            np.mean([row.mean() if len(row) else 0 for row in near])
        )
    assert found.recall_within[-1] == 1.0
    with pytest.raises(ValueError, match="ascending values from 1 to 50"):
        curves(query, database, np.array([0, 5]))


def test_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.RandomState(3)
    inside = 0
    for _ in range(100):
        low, high = bootstrap(rng.randn(60, 1), 90, num_resamples=200, seed=rng.randint(1000))[0]
        inside += low <= 0.0 <= high
    assert 80 <= inside <= 98  # 90 expected, standard deviation 3
    values = np.array([[1.0, np.nan], [1.0, np.nan]])
    np.testing.assert_array_equal(bootstrap(values, 95), [[1.0, 1.0], [np.nan, np.nan]])
    with pytest.raises(ValueError, match="percentage in"):
        bootstrap(values, 100)


def test_evaluate_gives_intervals_that_hold_the_mean(rng):
    result = evaluate(table(rng, 40, 16), table(rng, 90, 16, first_id=100), confidence=95)
    low, high = result["confidence"]["map"]
    assert low < result["map"] < high


def test_tie_average_best_and_worst_match_enumeration(rng):
    query, database = table(rng, 1, 2, 1, 2), table(rng, 7, 2, 1, 2, first_id=10)
    database.level_labels[:3] = query.level_labels[0]
    order, distance = reference.rank(
        codes.unpack(query.codes, 2)[0], codes.unpack(database.codes, 2)
    )
    relevant = (database.level_labels[order, 0] == query.level_labels[0, 0]).tolist()
    mean, best, worst = reference.tie_orders(relevant, distance.tolist())
    found = evaluate(query, database)
    assert found["map_tie_averaged"] == pytest.approx(mean)
    assert found["map_tie_best"] == pytest.approx(best)
    assert found["map_tie_worst"] == pytest.approx(worst)


def test_closed_form_of_the_method():
    # gains 2, 0, 1, 2 with K = 2: HP 1, .5, .6, 1; AHP@4 .775; fine AP (1 + 2/4) / 2; released nDCG
    # mean .738093
    labels = np.array([[0, 0], [2, 1], [1, 0], [0, 0]], np.int32)
    ranked = codes.pack(np.array([[1, 1, 1], [1, 1, -1], [1, -1, -1], [-1, -1, -1]]))
    query = CodeTable(np.array([9]), ranked[:1], labels[:1], 3)
    found = evaluate(query, CodeTable(np.arange(4), ranked, labels, 3), cutoffs=Cutoffs(ahp=4))
    assert found["mahp@4"] == pytest.approx(0.775)
    assert found["map"] == pytest.approx(0.75)
    assert found["mean_ndcg_released@4"] == pytest.approx(0.738093, abs=1e-6)


def test_perfect_ranking_scores_one_and_leave_one_out_leaves_the_query_out():
    labels = np.repeat(np.arange(4), 5)
    codebook = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, -1, -1]])
    perfect = CodeTable(
        np.arange(20), codes.pack(codebook[labels]), labels[:, None].astype(np.int32), 4
    )
    for result in (evaluate(perfect, perfect), leave_one_out(perfect)):
        for name in ("map", "map_tie_averaged", "map_tie_worst"):
            assert result[name] == pytest.approx(1.0)
    assert leave_one_out(perfect)["num_database"] == 19


def test_random_ranking_has_the_sanity_value_of_its_class_count():
    rng = np.random.RandomState(0)
    labels = (np.arange(20000) % 100)[:, None].astype(np.int32)
    base = CodeTable(np.arange(20000), codes.pack(rng.randn(20000, 64)), labels, 64)
    query = CodeTable(np.arange(200), codes.pack(rng.randn(200, 64)), labels[:200], 64)
    assert evaluate(query, base)["map"] == pytest.approx(0.010, abs=0.002)


def test_queries_without_relevant_items_are_left_out_and_counted(rng):
    query, database = table(rng, 3, 8), table(rng, 9, 8)
    database.level_labels[:3] = query.level_labels  # each query has a relative, but the first:
    query.level_labels[0] = 77
    result = evaluate(query, database)
    assert result["num_queries_without_relevant"] == 1
    kept = CodeTable(query.ids[1:], query.codes[1:], query.level_labels[1:], 8)
    assert result["map"] == pytest.approx(evaluate(kept, database)["map"])


def test_evaluate_names_what_does_not_fit(rng):
    with pytest.raises(ValueError, match="query codes have 8 bits, database codes 16"):
        evaluate(table(rng, 3, 8), table(rng, 3, 16))
    with pytest.raises(ValueError, match="query labels have 1 levels, database labels 2"):
        evaluate(table(rng, 3, 8, 1), table(rng, 3, 8, 2))

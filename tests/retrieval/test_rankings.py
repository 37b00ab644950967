"""Drawn cases of every shape: metrics and curves of Hamming rankings against their slow twins."""

import numpy as np
import pytest
import reference

from gluon_hash.retrieval import (
    CodeTable,
    Cutoffs,
    codes,
    curves,
    measure,
    measure_by_distance,
    metrics,
)
from gluon_hash.retrieval.evaluation import measure_and_draw
from gluon_hash.retrieval.evaluation.weighted import weighted_distances


def drawn_pair(rng, num_bits, num_levels, num_items):
    """Queries and a database of few distinct codes, so that ties are everywhere; labels that nest
    or do not; often a query to which nothing is relevant at some level."""
    palette = rng.randn(rng.randint(1, 5), num_bits)

    def table(count, first_id):
        relaxed = palette[rng.randint(len(palette), size=count)].copy()
        relaxed[:, rng.randint(num_bits)] *= rng.choice([-1, 1], count)
        labels = rng.randint(0, rng.randint(1, 6), (count, num_levels)).astype(np.int32)
        return CodeTable(np.arange(count) + first_id, codes.pack(relaxed), labels, num_bits)

    return table(rng.randint(1, 4), 0), table(num_items, 100)


def check(query, database, at, radius, excluded):
    num_levels, ranked = query.level_labels.shape[1], len(database) - int((excluded >= 0).any())
    cutoffs = Cutoffs(ahp=at, ndcg=at, precision=at, radius=radius)
    found = measure(query, database, cutoffs=cutoffs, excluded=excluded)
    expected = np.array(reference.slow_metrics(query, database, num_levels, at, excluded, radius))
    for column, name in enumerate(reference.metric_names(num_levels, at, min(100, ranked), radius)):
        np.testing.assert_allclose(
            found.column(name), expected[:, column], rtol=1e-10, atol=1e-15, err_msg=name
        )
    bits, base = (codes.unpack(side.codes, side.num_bits) for side in (query, database))
    for q in range(len(query)):
        order, distance = reference.rank(bits[q], base)
        kept = order != excluded[q]
        fine = (database.level_labels[order, 0] == query.level_labels[q, 0])[kept].tolist()
        ties = [
            found.column(name)[q] for name in ("map_tie_averaged", "map_tie_best", "map_tie_worst")
        ]
        np.testing.assert_allclose(
            ties, reference.tie_orders(fine, distance[kept].tolist()), rtol=1e-10
        )


def test_metrics_of_drawn_cases(rng):
    for _ in range(80):
        num_bits, num_levels = int(np.exp(rng.uniform(0, np.log(1025)))), rng.randint(1, 7)
        num_items = rng.randint(1, 13)
        query, database = drawn_pair(rng, num_bits, num_levels, num_items)
        excluded = np.full(len(query), -1)
        if num_items > 1 and rng.rand() < 0.4:  # as in a search among the other images of one table
            excluded = rng.randint(0, num_items, len(query))
        check(
            query,
            database,
            rng.randint(1, num_items + 1 - int(excluded[0] >= 0)),
            rng.randint(0, num_bits + 2),
            excluded,
        )


@pytest.mark.parametrize("num_bits", [1, 2, 7, 63, 64, 65, 127, 1000, 1023, 1024])
@pytest.mark.parametrize("num_levels", [1, 6])
def test_metrics_at_the_borders_of_a_word(rng, num_bits, num_levels):
    for num_items in (1, 11):
        query, database = drawn_pair(rng, num_bits, num_levels, num_items)
        check(query, database, num_items, num_bits, np.full(len(query), -1))


def test_given_distances_of_drawn_cases_leave_the_query_out_too(rng):
    for _ in range(30):
        num_bits, num_items = rng.randint(1, 20), rng.randint(2, 13)
        query, database = drawn_pair(rng, num_bits, rng.randint(1, 4), num_items)
        excluded = rng.randint(-1, num_items, len(query))
        by_code = measure(query, database, excluded=excluded)
        given = measure_by_distance(
            weighted_distances(query, database, [num_bits], [0.3]),
            query.level_labels,
            database.level_labels,
            excluded=excluded,
        )
        assert given.num_database == by_code.num_database
        for name in given.names:
            np.testing.assert_allclose(
                given.column(name), by_code.column(name), rtol=1e-12, err_msg=name
            )


@pytest.mark.parametrize("num_items", [3, 4, 2047, 2048, 2051, 4100])
@pytest.mark.parametrize("num_bits, num_levels", [(20, 8), (70, 2)])
def test_items_that_are_counted_in_streams_and_tiles_rank_as_by_given_distances(
    rng, num_items, num_bits, num_levels
):
    query, database = drawn_pair(rng, num_bits, num_levels, num_items)
    excluded = rng.randint(-1, num_items, len(query))
    excluded[0] = num_items - 1
    bits, base = (codes.unpack(side.codes, num_bits) for side in (query, database))
    distances = (bits[:, None] != base).sum(axis=2).astype(np.float32)
    by_code = measure(query, database, excluded=excluded)
    given = measure_by_distance(
        lambda block: distances[block],
        query.level_labels,
        database.level_labels,
        excluded=excluded,
    )
    for name in given.names:
        np.testing.assert_array_equal(by_code.column(name), given.column(name), err_msg=name)


@pytest.mark.parametrize("num_levels", [1, 3])
def test_the_best_ranking_has_exactly_one(num_levels):
    """Items in the order of their gains, each at a distance of its own; more than a stretch."""
    fine = np.repeat(np.arange(8), 100)
    labels = np.stack([fine // 2**level for level in range(num_levels)], axis=1).astype(np.int32)
    bits = 2 * np.tri(800, 800, -1) - 1  # item i is at distance i from item 0
    database = CodeTable(np.arange(800), codes.pack(bits), labels, 800)
    query = CodeTable(np.array([900]), database.codes[:1], labels[:1], 800)
    found = measure(query, database, cutoffs=Cutoffs(ahp=777))
    for name in ("map", "mahp@777", "asi", "mean_ndcg_released@100", "hit@1", "r_precision"):
        assert found.column(name)[0] == 1.0, name
    for level in range(1, num_levels):
        assert found.column(f"map_level_{level}")[0] == 1.0


@pytest.mark.parametrize("protocol", ["standard", "barz"])
def test_curves_of_the_same_ranking_are_those_of_one_of_their_own(rng, protocol):
    query, database = drawn_pair(rng, 33, 3, 150)
    query.level_labels[0] = database.level_labels[0]
    query = database if protocol == "barz" else query
    measured, drawn = measure_and_draw(query, database, protocol=protocol)
    alone = measure(query, database, protocol=protocol)
    assert measured.names == alone.names
    np.testing.assert_array_equal(measured.values, alone.values)
    assert drawn.to_dict() == curves(query, database).to_dict()


def test_curves_of_drawn_cases(rng):
    for _ in range(20):
        num_bits, num_items = rng.randint(1, 200), rng.randint(1, 30)
        query, database = drawn_pair(rng, num_bits, 2, num_items)
        query.level_labels[0] = database.level_labels[0]  # something is relevant to it
        bits, base = (codes.unpack(side.codes, num_bits) for side in (query, database))
        rows = []
        for q in range(len(query)):
            order, distance = reference.rank(bits[q], base)
            fine = database.level_labels[order, 0] == query.level_labels[q, 0]
            if fine.any():
                rows.append((fine, distance))
        found, ranks = curves(query, database), np.arange(1, num_items + 1)
        by_rank = np.array([np.cumsum(fine) for fine, _ in rows])
        total = by_rank[:, -1:]
        at = found.ranks - 1
        np.testing.assert_allclose(
            found.precision_at, (by_rank / ranks).mean(axis=0)[at], rtol=1e-12
        )
        np.testing.assert_allclose(found.recall_at, (by_rank / total).mean(axis=0)[at], rtol=1e-12)
        near = [
            [fine[distance <= radius] for fine, distance in rows] for radius in range(num_bits + 1)
        ]
        np.testing.assert_allclose(
            found.precision_within,
            [np.mean([n.mean() if len(n) else 0 for n in radius]) for radius in near],
            rtol=1e-12,
        )
        np.testing.assert_allclose(
            found.recall_within,
            [np.mean([n.sum() / t for n, t in zip(radius, total[:, 0])]) for radius in near],
            rtol=1e-12,
        )


def test_weighted_distances_are_sums_over_segments(rng):
    for _ in range(20):
        segments = rng.randint(1, 40, rng.randint(1, 5)).tolist()
        num_bits, weights = (
            sum(segments),
            rng.choice([0.1, 0.3, 0.5, 1.0, 2.0], len(segments)).tolist(),
        )
        query, database = drawn_pair(rng, num_bits, 2, 17)
        found = weighted_distances(query, database, segments, weights)(slice(0, len(query)))
        bits, base = (codes.unpack(side.codes, num_bits) for side in (query, database))
        for q, row in enumerate(bits):
            for item, other in enumerate(base):
                expected, begin = 0.0, 0
                for length, weight in zip(segments, weights):
                    part = slice(begin, begin + length)
                    expected += weight * sum(a != b for a, b in zip(row[part], other[part]))
                    begin += length
                assert found[q, item] == pytest.approx(expected)


def test_weighted_rankings_tie_where_segments_tie_and_equal_weights_are_hamming(rng):
    query, database = drawn_pair(rng, 20, 3, 60)
    plain = measure(query, database)
    for weights in ([1.0, 1.0], [0.1, 0.1]):  # 3 * 0.1 + 0 * 0.1 and 1 * 0.1 + 2 * 0.1 must tie
        given = measure_by_distance(
            weighted_distances(query, database, [13, 7], weights),
            query.level_labels,
            database.level_labels,
        )
        for name in given.names:
            np.testing.assert_allclose(
                given.column(name), plain.column(name), rtol=1e-12, err_msg=name
            )
    order = np.argsort(
        weighted_distances(query, database, [13, 7], [0.0, 1.0])(slice(0, 1))[0], kind="stable"
    )
    tail = codes.unpack(query.codes, 20)[:1, 13:] != codes.unpack(database.codes, 20)[:, 13:]
    assert order.tolist() == np.argsort(tail.sum(axis=1), kind="stable").tolist()
    match = database.level_labels[order] == query.level_labels[0]
    ranked = measure_by_distance(
        weighted_distances(query, database, [13, 7], [0.0, 1.0]),
        query.level_labels,
        database.level_labels,
    )
    np.testing.assert_allclose(
        ranked.column("ndcg@60")[0], metrics.ndcg(match.sum(axis=1)[None], 60)[0], rtol=1e-12
    )


@pytest.mark.parametrize(
    "segments, weights, message",
    [
        ([10, 9], [1.0, 1.0], r"sum to the 20 bits of the codes, got \[10, 9\]"),
        ([20, 0], [1.0, 1.0], "segments of at least one bit"),
        ([10, 10], [1.0], "a weight for each of the 2 segments, got 1"),
        ([10, 10], [1.0, -1.0], "weights that are 0 or from 1e-09 to 1000"),
        ([10, 10], [1.0, np.inf], "weights that are 0 or from 1e-09 to 1000"),
    ],
)
def test_segments_that_do_not_fit_are_named(rng, segments, weights, message):
    with pytest.raises(ValueError, match=message):
        weighted_distances(*drawn_pair(rng, 20, 1, 3), segments, weights)

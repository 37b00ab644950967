"""Re-ranking: orders against slow twins, limits that must hold, ties, and the recall report."""

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.retrieval import FeatureTable, HammingIndex, codes
from gluon_hash.retrieval.index.answers import find_answers
from gluon_hash.retrieval.index.kinds import Ivf
from gluon_hash.retrieval.index.rerank import (
    asymmetric_distances,
    check_rerank,
    rerank_asymmetric,
    rerank_by_features,
)


@pytest.fixture
def searched(rng):
    """60 codes with features under ids that are not their positions, and 4 queries with both."""
    base, query = table(rng, 60, 16, first_id=500), table(rng, 4, 16)
    index = HammingIndex(16)
    index.add(base.codes, base.ids)
    shuffled = rng.permutation(60)  # the features are in another order than the index
    features = FeatureTable(
        base.ids[shuffled],
        rng.randn(60, 5).astype(np.float32),
        base.level_labels[shuffled],
        {},
    )
    return index, query, features, rng.randn(4, 5)


def slow_distance(a, b, distance):
    if distance == "l2":
        return ((a - b) ** 2).sum()
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_the_nearest_by_codes_are_put_in_the_order_of_features(searched, distance):
    index, query, features, query_features = searched
    answers = find_answers(index, query.codes, k=20)
    by_id = dict(zip(features.ids.tolist(), features.features))
    for row, vector, found in zip(
        rerank_by_features(answers, query_features, features, 7, distance),
        query_features,
        answers,
    ):
        slow = {item: slow_distance(vector, by_id[item], distance) for item in found.items.ids}
        assert row.items.ids.tolist() == sorted(slow, key=slow.get)[:7]
        np.testing.assert_allclose(row.scores, sorted(slow.values())[:7], rtol=1e-4, atol=1e-5)
        bits = dict(zip(found.items.ids.tolist(), found.distances.tolist()))
        assert row.distances.tolist() == [bits[item] for item in row.items.ids.tolist()]


def test_all_as_candidates_is_the_exact_ranking(searched):
    index, query, features, query_features = searched
    result = check_rerank(
        index, query.codes, query_features, features, k=5, num_candidates=60, distance="l2"
    )
    assert result["reranked_recall@5"] == 1.0
    assert 0 <= result["feature_recall@5"] < 1.0  # random codes know nothing of the features
    assert {"search_seconds", "rerank_seconds", "exact_seconds"} <= set(result)


def test_recall_is_counted_by_hand():
    """Features on a line, the query at 0; codes that put the farthest first."""
    codes_of = np.array([[0b111], [0b011], [0b001], [0b000]], np.uint8)  # 3, 2, 1, 0 bits away
    index = HammingIndex(3)
    index.add(codes_of, np.arange(4))
    features = FeatureTable(
        np.arange(4),
        np.array([[1.0], [2.0], [3.0], [4.0]], np.float32),
        np.zeros((4, 1), np.int32),
        {},
    )
    arguments = (index, np.zeros((1, 1), np.uint8), np.zeros((1, 1)), features)
    # the two nearest by features are ids 0 and 1; by codes 3 and 2; of three candidates 1 and 2
    three = check_rerank(*arguments, k=2, num_candidates=3, distance="l2")
    assert three["feature_recall@2"] == 0.0 and three["reranked_recall@2"] == 0.5
    with pytest.raises(ValueError, match="candidates: expected 2 or more, .* got 1"):
        check_rerank(*arguments, k=2, num_candidates=1)


def test_equal_features_stay_in_the_order_of_the_codes(searched):
    index, query, features, query_features = searched
    flat = FeatureTable(features.ids, np.ones_like(features.features), features.level_labels, {})
    answers = find_answers(index, query.codes, k=9)
    for row, before in zip(rerank_by_features(answers, query_features, flat, 9), answers):
        assert row.items.ids.tolist() == before.items.ids.tolist()


@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_equal_rows_among_others_have_equal_scores(rng, distance):
    """Rows that share all columns but one are other rows; those that share all are one."""
    count, width = 300, 515
    features = rng.randn(count, width).astype(np.float32)
    features[200:] = features[rng.randint(0, 100, 100)]  # copies, wherever they come
    features[100:150] = features[:50]
    features[100:150, 7] += 1  # a column that is not compared first
    base = table(rng, count, 12)
    index = HammingIndex(12)
    index.add(base.codes, base.ids)
    held = FeatureTable(base.ids, features, base.level_labels, {})
    queries = rng.randn(5, width).astype(np.float32)
    answers = find_answers(index, base.codes[:5], k=250)
    position = {item: row for row, item in enumerate(base.ids.tolist())}
    for query, row in zip(queries, rerank_by_features(answers, queries, held, 250, distance)):
        places = [position[item] for item in row.items.ids.tolist()]
        scores: dict[bytes, set] = {}
        for place, score in zip(places, row.scores.tolist()):
            scores.setdefault(features[place].tobytes(), set()).add(score)
        assert all(len(values) == 1 for values in scores.values())
        assert len(scores) < len(places) and (np.diff(row.scores) >= 0).all()
        near = features[places].astype(np.float64)
        exact = ((near - query) ** 2).sum(axis=1)
        if distance == "cosine":
            exact = 1 - near @ query / np.linalg.norm(near, axis=1) / np.linalg.norm(query)
        np.testing.assert_allclose(row.scores, exact, rtol=1e-4, atol=1e-5)


def test_asymmetric_distance_against_its_sum(rng):
    relaxed, base = rng.randn(13), table(rng, 50, 13)
    signs, bits = np.where(relaxed >= 0, 1, -1), codes.unpack(base.codes, 13)
    expected = [sum(abs(u) for u, s, b in zip(relaxed, signs, row) if s != b) for row in bits]
    np.testing.assert_allclose(
        asymmetric_distances(relaxed, base.codes), expected, rtol=1e-5, atol=1e-6
    )
    # the order is that of -u.b, since u.b = sum |u| - 2 d(u, b)
    np.testing.assert_allclose(
        np.abs(relaxed).sum() - 2 * np.array(expected), bits @ relaxed, atol=1e-6
    )


def test_with_values_of_plus_and_minus_one_it_is_the_hamming_distance(rng):
    base, query = table(rng, 80, 21), table(rng, 3, 21)
    index = HammingIndex(21)
    index.add(base.codes, base.ids)
    answers = find_answers(index, query.codes, k=30)
    ones = codes.unpack(query.codes, 21).astype(float)
    for row, before in zip(rerank_asymmetric(answers, ones, index, 30), answers):
        assert row.items.ids.tolist() == before.items.ids.tolist()
        np.testing.assert_allclose(row.scores, before.distances)


def test_asymmetric_reranking_is_the_brute_force(rng):
    base, relaxed = table(rng, 90, 24), rng.randn(3, 24)
    index = HammingIndex(24, Ivf(4, 4))
    index.add(base.codes, base.ids)
    answers = find_answers(index, codes.pack(relaxed), k=90)
    for row, vector in zip(rerank_asymmetric(answers, relaxed, index, 10), relaxed):
        expected = np.sort(-(codes.unpack(base.codes, 24) @ vector))[:10]
        by_id = -(codes.unpack(index.look_up_codes(row.items.ids), 24) @ vector)
        np.testing.assert_allclose(by_id, expected, atol=1e-6)


def test_what_does_not_fit_is_said(searched):
    index, query, features, query_features = searched
    answers = find_answers(index, query.codes, k=5)
    fewer = FeatureTable(features.ids[:2], features.features[:2], features.level_labels[:2], {})
    with pytest.raises(ValueError, match=r"id \d+ of the index has no features"):
        rerank_by_features(answers, query_features, fewer, 5)
    with pytest.raises(ValueError, match="query features have 4 columns, database features 5"):
        rerank_by_features(answers, query_features[:, :4], features, 5)
    with pytest.raises(ValueError, match="expected one of cosine, l2, got 'l1'"):
        rerank_by_features(answers, query_features, features, 5, "l1")
    with pytest.raises(ValueError, match="query features: expected 4 rows, got 3"):
        rerank_by_features(answers, query_features[:3], features, 5)
    with pytest.raises(ValueError, match=r"relaxed codes: expected \(4, 16\), got \(4, 5\)"):
        rerank_asymmetric(answers, query_features, index, 5)
    assert rerank_by_features([], query_features[:0], features, 5) == []

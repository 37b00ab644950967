"""What codes say of themselves, and what looks like a mistake in an evaluation."""

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import (
    CodeTable,
    FeatureTable,
    code_health,
    codes,
    evaluate,
    measure,
    measure_tables,
)
from gluon_hash.retrieval.evaluation import advice, advise
from gluon_hash.retrieval.evaluation.health import equal_codes

TREE = [[0, 0], [1, 0], [2, 1], [3, 1]]


@pytest.mark.parametrize("num_bits", [1, 7, 8, 13, 64, 65, 130])
def test_health_counts_what_a_loop_counts(rng, num_bits):
    bits = rng.choice([-1, 1], (9, num_bits))[rng.randint(0, 9, 40)]
    bits[:, 0] = 1
    health = code_health(codes.pack(bits), num_bits)
    seen = [tuple(row) for row in bits.tolist()]
    assert health.num_distinct == len(set(seen))
    assert health.most_common == max(map(seen.count, seen))
    assert health.constant_bits == tuple(np.flatnonzero(bits.min(axis=0) == bits.max(axis=0)))
    entropies = []
    for column in bits.T:
        shares = [share for share in ((column == 1).mean(), (column == -1).mean()) if share]
        entropies.append(-sum(share * np.log2(share) for share in shares))
    assert health.entropy == pytest.approx(np.mean(entropies))


def test_health_in_closed_form():
    half = code_health(codes.pack(np.array([[1, 1], [1, -1], [1, 1], [1, -1]])), 2)
    assert (half.num_distinct, half.constant_bits, half.entropy) == (2, (0,), 0.5)
    assert half.distinct_share == 0.5  # 2 of the 4 that 2 bits, or 4 images, could have
    everything = code_health(codes.pack(np.array([[1], [-1]] * 500)), 1)
    assert everything.distinct_share == 1.0 and everything.entropy == 1.0
    assert everything.warnings() == []  # one bit cannot have more than two codes
    with pytest.raises(ValueError, match="at least one code"):
        code_health(np.zeros((0, 1), np.uint8), 8)
    with pytest.raises(ValueError, match="a padding bit"):
        code_health(np.full((2, 1), 255, np.uint8), 3)


def test_equal_codes_have_equal_numbers(rng):
    packed = codes.pack(rng.choice([-1, 1], (5, 200)))[rng.randint(0, 5, 60)]
    numbers = equal_codes(packed)
    same = (packed[:, None] == packed[None]).all(axis=2)
    np.testing.assert_array_equal(numbers[:, None] == numbers[None], same)


def test_a_collapsed_network_is_told_what_to_do(rng):
    """The case of the issue that asked for this: few codes, most bits constant."""
    bits = np.ones((2900, 48))
    bits[:, :9] = rng.choice([-1, 1], (60, 9))[rng.randint(0, 60, 2900)]
    few, constant = code_health(codes.pack(bits), 48).warnings()
    assert "different codes for 2900 images" in few and "take more bits" in few
    assert constant.startswith("39 of 48 bits are the same in all codes")
    assert code_health(codes.pack(rng.randn(2900, 48)), 48).warnings() == []
    assert code_health(codes.pack(np.ones((49, 48))), 48).warnings() == []  # too few to say


def clustered(rng, count, num_bits=24, first_id=0, noise=1.0, tree=TREE):
    """Codes of four classes in two, each around its own center."""
    fine = np.arange(count) % 4
    centers = np.random.RandomState(1).randn(4, num_bits)
    relaxed = centers[fine] + noise * rng.randn(count, num_bits)
    labels = np.array(tree, np.int32)[fine]
    return CodeTable(np.arange(count) + first_id, codes.pack(relaxed), labels, num_bits)


def said(query, database, hierarchy=None, **options):
    return advise(query, database, measure(query, database, **options), hierarchy)


def test_good_codes_are_not_commented(rng, capsys):
    query, database = clustered(rng, 40), clustered(rng, 400, first_id=1000)
    assert said(query, database) == []
    evaluate(query, database)
    assert capsys.readouterr().err == ""


def test_swapped_tables_are_noticed(rng):
    query, database = clustered(rng, 40), clustered(rng, 400, first_id=1000)
    (text,) = said(database, query)
    assert text.startswith("there are more queries (400) than database images (40)")


def test_ties_at_zero_bits_are_noticed(rng, capsys):
    query, database = clustered(rng, 60, noise=0), clustered(rng, 400, first_id=1000, noise=0)
    texts = said(query, database)
    assert any(
        text.startswith("for 100% of the queries, 10 or more database images are at distance 0")
        and "(median 100)" in text
        and "read map_tie_averaged" in text
        for text in texts
    )
    assert any(text.startswith("database: only 4 different codes for 400 images") for text in texts)
    evaluate(query, database)
    assert capsys.readouterr().err.count("warning: ") == len(texts)


def test_of_a_large_database_some_codes_are_compared(rng, monkeypatch):
    """Every fourth of 400: as many answers at 0 bits are found, to the step."""
    monkeypatch.setattr(advice, "AT_MOST", 130)
    query, database = clustered(rng, 60, noise=0), clustered(rng, 400, first_id=1000, noise=0)
    database.codes[:] = database.codes[0]
    query.codes[:] = database.codes[0]
    texts = said(query, database)
    assert any("only 1 different codes for 100 images" in text for text in texts)
    assert any("for 100% of the queries" in text and "(median 400)" in text for text in texts)


def test_class_numbers_may_be_anything(rng):
    tree = [[2**31 - 1, 5], [7, 5], [10**9, 2**30], [3, 2**30]]
    query = clustered(rng, 40, tree=tree)
    assert said(query, clustered(rng, 400, first_id=1000, tree=tree)) == []


def test_queries_that_are_in_the_database_are_noticed(rng):
    database = clustered(rng, 400)
    query = CodeTable(database.ids[:40], database.codes[:40], database.level_labels[:40], 24)
    (text,) = said(query, database)
    assert text.startswith("40 of 40 queries are in the database too")
    assert said(database, database, protocol="barz") == []  # leaves each query out
    other = CodeTable(query.ids, codes.pack(rng.randn(40, 24)), query.level_labels, 24)
    assert not any("in the database too" in text for text in said(other, database))


def test_labels_of_another_data_set_are_noticed(rng):
    database = clustered(rng, 400, first_id=1000)
    other = clustered(rng, 40, tree=[[0, 0], [1, 1], [2, 1], [3, 1]])
    (text,) = [text for text in said(other, database) if "level" in text]
    assert text.startswith(
        "class 1 belongs to class 1 of level 1 among the queries, but to class 0"
    )
    unknown = clustered(rng, 40, tree=[[0, 0], [11, 5], [12, 5], [13, 5]])
    texts = said(unknown, database)
    assert texts[0].startswith(
        "30 of 40 queries are of a class that no database image is of (class 11, 12, 13)"
    )


def test_labels_that_do_not_nest_say_nothing_of_a_tree(rng):
    query, database = clustered(rng, 40), clustered(rng, 400, first_id=1000)
    database.level_labels[:4, 1] = 7
    assert said(query, database) == []


def test_a_hierarchy_of_many_more_classes_is_noticed(rng):
    rows = [[f"{c}", f"{c // 2}"] for c in range(10)]
    tree = Hierarchy.from_table(rows, ["fine", "coarse"])
    query, database = clustered(rng, 40), clustered(rng, 400, first_id=1000)
    (text,) = said(query, database, tree)
    assert text.startswith("the database has images of 4 of the 10 classes of the hierarchy")
    small = Hierarchy.from_table(rows[:4], ["fine", "coarse"])
    assert said(query, database, small) == []


def test_codes_of_another_network_are_noticed_by_their_ranking(rng):
    database = clustered(rng, 400, first_id=1000, noise=3.0)
    fine = np.arange(200) % 4
    labels = np.array(TREE, np.int32)[fine]
    other = CodeTable(np.arange(200), codes.pack(rng.randn(200, 24)), labels, 24)
    (text,) = said(other, database)
    # H_400 = 6.570: (6.570 + 99 / 399 * (400 - 6.570)) / 400
    assert "is hardly better than that of a random ranking (0.2605)" in text


@pytest.mark.parametrize("num_items, relevant", [(1, 1), (6, 1), (6, 4), (6, 6)])
def test_chance_is_the_mean_over_all_orders(num_items, relevant):
    from itertools import combinations

    import reference

    from gluon_hash.retrieval.evaluation.advice import random_average_precision

    values = [
        reference.average_precision([int(place in hits) for place in range(num_items)])
        for hits in combinations(range(num_items), relevant)
    ]
    found = random_average_precision(np.array([relevant]), num_items)
    assert found[0] == pytest.approx(np.mean(values))


def test_features_of_two_networks_are_noticed(rng):
    def features(count, first_id, **provenance):
        fine = np.arange(count) % 4
        values = np.eye(4)[fine] + 0.1 * rng.randn(count, 4)
        labels = np.array(TREE, np.int32)[fine]
        ids = np.arange(count) + first_id
        return FeatureTable(ids, values.astype(np.float32), labels, provenance)

    database = features(80, 100, backbone="resnet50_v1", weights_sha256="ab")
    for query, expected in (
        (features(20, 0, backbone="resnet50_v1", weights_sha256="ab"), []),
        (features(20, 0), []),  # not known of what they were made
        (features(20, 0, backbone="resnet50_v1", weights_sha256="cd"), ["weights_sha256"]),
    ):
        texts = advise(query, database, measure_tables(query, database))
        assert len(texts) == len(expected)
        assert all(f"features differ in {word}" in text for word, text in zip(expected, texts))


def test_tables_of_a_few_images_are_not_commented(rng):
    assert said(table(rng, 4, 16), table(rng, 9, 16, first_id=100)) == []


def test_the_longest_codes_have_a_share_too(rng):
    """2^1024 is beyond a float."""
    packed = codes.pack(rng.choice([-1, 1], (30, 1024)))
    assert code_health(packed, 1024).distinct_share == 1.0

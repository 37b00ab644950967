"""Numbers of a report, against values derived by hand: fidelity, bits, shares, chosen queries."""

import numpy as np
import pytest

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.report import bit_statistics, fidelity
from gluon_hash.report.fidelity import coarser, part_of_tree
from gluon_hash.report.neighbours import choose_queries, class_shares, nearest
from gluon_hash.retrieval import CodeTable, codes

TREE = Hierarchy.from_table(
    [("husky", "dog"), ("poodle", "dog"), ("siamese", "cat"), ("persian", "cat")],
    ("breed", "species"),
)


def table(bits, fine, hierarchy=TREE):
    bits = np.asarray(bits)
    labels = hierarchy.level_labels(np.asarray(fine))
    return CodeTable(np.arange(len(bits)), codes.pack(bits * 2 - 1), labels, bits.shape[1])


def test_codes_that_follow_the_tree_have_correlation_one():
    # relatives one bit apart, strangers 5: the first two have 0000 in front, the others 1111,
    # and the last bit tells relatives apart ... 4 bits + (0 or 1): so strangers 4 or 5
    bits = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    found = fidelity(table(bits, [0, 1, 2, 3]), TREE)
    np.testing.assert_array_equal(
        found.hamming, [[0, 1, 4, 5], [1, 0, 5, 4], [4, 5, 0, 1], [5, 4, 1, 0]]
    )
    np.testing.assert_array_equal(
        found.steps, [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]]
    )
    # pairs: steps 1 2 2 2 2 1, distances 1 4 5 5 4 1. Means 5/3 and 10/3; covariance sum:
    # 2 * (-2/3)(-7/3) + 2 * (1/3)(2/3) + 2 * (1/3)(5/3) = 14/3; sums of squares 4/3 and 52/3
    assert found.cophenetic_correlation == pytest.approx((14 / 3) / np.sqrt(4 / 3 * 52 / 3))
    # average linkage joins both pairs at 1 and all at 4.5: 1 4.5 4.5 4.5 4.5 1; against the
    # distances the same up to scale as the steps
    assert found.own_cophenetic_correlation == pytest.approx(found.cophenetic_correlation)
    # ranks: steps 1.5 4.5 4.5 4.5 4.5 1.5; distances 1.5 3.5 5.5 5.5 3.5 1.5
    ranks = np.corrcoef([1.5, 4.5, 4.5, 4.5, 4.5, 1.5], [1.5, 3.5, 5.5, 5.5, 3.5, 1.5])[0, 1]
    assert found.rank_correlation == pytest.approx(ranks)


def test_a_class_has_the_bits_of_most_of_its_images_and_a_tie_is_one():
    bits = [[0, 1], [0, 0], [1, 1], [0, 0], [0, 0], [0, 0]]
    found = fidelity(table(bits, [0, 0, 0, 1, 2, 3]), TREE)  # class 0: 0, 1
    np.testing.assert_array_equal(found.hamming[0], [0, 1, 1, 1])
    tied = fidelity(table([[0, 1], [1, 0], [0, 0], [0, 0], [0, 0]], [0, 0, 1, 2, 3]), TREE)
    np.testing.assert_array_equal(tied.hamming[0], [0, 2, 2, 2])  # class 0: 1, 1


def test_equal_codes_and_a_flat_tree_have_no_correlation():
    same = fidelity(table(np.zeros((4, 3), int), [0, 1, 2, 3]), TREE)
    assert np.isnan([same.rank_correlation, same.cophenetic_correlation]).all()
    flat = TREE.keep_levels(1)
    found = fidelity(table(np.eye(4, dtype=int), [0, 1, 2, 3], flat), flat)
    assert np.isnan(found.rank_correlation) and (found.steps.max(), found.steps.min()) == (1, 0)


def test_classes_without_codes_are_left_out():
    found = fidelity(table(np.eye(3, dtype=int), [0, 2, 3]), TREE)
    assert found.hierarchy.class_names == (("husky", "siamese", "persian"), ("dog", "cat"))
    assert found.of_classes == 4 and found.hamming.shape == (3, 3)
    with pytest.raises(ValueError, match="of 2 classes; expected at least 3"):
        fidelity(table(np.eye(2, dtype=int), [0, 3]), TREE)


def test_a_part_of_a_tree_keeps_its_relations():
    part = part_of_tree(TREE, np.array([1, 3]))
    assert part.to_table() == [("poodle", "dog"), ("persian", "cat")]


def test_a_coarser_level_becomes_the_finest():
    found, tree = coarser(table(np.eye(4, dtype=int), [0, 1, 2, 3]), TREE, 1)
    assert tree.class_names == (("dog", "cat"),)
    np.testing.assert_array_equal(found.level_labels, [[0], [0], [1], [1]])
    with pytest.raises(ValueError, match="levels 0 to 1, got 2"):
        coarser(found, TREE, 2)


def test_bits_are_counted():
    # bit 0: 1 in 2 of 4; bit 1 the opposite of bit 0; bit 2 constant; bit 3 independent of bit 0
    found = bit_statistics(
        table([[0, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 0], [1, 0, 1, 1]], [0, 1, 2, 3])
    )
    np.testing.assert_allclose(found.share, [0.5, 0.5, 1.0, 0.5])
    assert found.correlation[0, 1] == pytest.approx(-1)
    assert found.correlation[0, 3] == pytest.approx(0)
    assert np.isnan(found.correlation[2]).all()
    # |r| of the pairs that vary: 1, 0, 0
    assert found.mean_correlation == pytest.approx(1 / 3)
    # variances 1/4 each of three: (3/4)^2 / (5 entries of 1/16 each squared: 5/16^... )
    # covariances: three variances and two of -1/4: sum of squares 5/16; (3/4)^2 / (5/16) = 9/5
    assert found.effective_bits == pytest.approx(1.8)
    assert found.health.constant_bits == (2,) and found.health.num_distinct == 4


def test_independent_bits_are_all_effective_and_constant_ones_are_not():
    every = [[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    assert bit_statistics(table(every, [0] * 8)).effective_bits == pytest.approx(3)
    constant = bit_statistics(table(np.ones((4, 3), int), [0, 1, 2, 3]))
    assert constant.effective_bits == 0 and np.isnan(constant.mean_correlation)


def test_what_is_nearest_has_ties_by_position():
    query, database = table([[0, 0, 0]], [0]), table([[1, 0, 0], [0, 0, 0], [0, 1, 0]], [0, 1, 2])
    distances, places = nearest(query, database, 5)
    assert distances.tolist() == [[0, 1, 1]] and places.tolist() == [[1, 0, 2]]


def test_shares_of_classes_sum_to_one(rng):
    shares = class_shares(rng.randint(0, 3, 20), rng.randint(0, 4, (20, 7)), 4)
    np.testing.assert_allclose(shares[:3].sum(axis=1), 1)
    assert np.isnan(shares[3]).all()


def test_queries_are_of_different_classes_where_there_are_enough():
    values = np.array([0.9, 0.8, 0.7, 0.1, 0.5, np.nan])
    classes = np.array([0, 0, 1, 1, 2, 2])
    chosen = choose_queries(values, classes, 2)
    assert chosen["best"].tolist() == [0, 2] and chosen["worst"].tolist() == [3, 4]
    assert chosen["typical"].tolist() == [2, 1]  # the median is 0.7; 0.8 of class 0 is next
    assert choose_queries(values, classes, 9)["best"].tolist() == [0, 2, 4, 1, 3]
    assert choose_queries(np.full(3, np.nan), classes[:3], 2) == {}

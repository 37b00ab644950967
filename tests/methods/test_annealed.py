"""Targets annealed to distances by the tree: goals, balance, what a swap changes, room, seeds."""

import numpy as np
import pytest
from method_cases import FIVE_EACH, NUM_BITS, SEED, TWO, arrays, build, by_level, slow_cost

from gluon_hash.methods.memory import annealed
from gluon_hash.methods.memory.annealing import balanced_bits

SLOWER = [(32, 6), (64, 14), (128, 26)]


def anneal(parents, num_classes, num_bits, seed=0):
    return annealed.annealed_targets(parents, num_classes, num_bits, np.random.RandomState(seed))


def test_levels_apart_of_a_tree_of_three_levels():
    # classes 0 and 1 are siblings, 2 their cousin, 3 a stranger
    apart = annealed.levels_apart([np.array([0, 0, 1, 2]), np.array([0, 0, 1])], [4, 3, 2])
    expected = [[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 3], [3, 3, 3, 0]]
    assert apart.tolist() == expected


def test_a_level_of_one_class_is_the_root():
    parents = [np.array([0, 0, 1, 1]), np.array([0, 0])]
    with_root = annealed.levels_apart(parents, [4, 2, 1])
    assert (with_root == annealed.levels_apart(parents[:1], [4, 2])).all()


@pytest.mark.parametrize(
    "num_bits, exact",
    [(16, 4), (48, 10), *[pytest.param(*each, marks=pytest.mark.slow) for each in SLOWER]],
)
def test_siblings_are_so_far_apart_and_strangers_farther(num_bits, exact):
    """10/48 of the bits, to the nearest even number; strangers 22/48 or more but for few pairs."""
    found = anneal([FIVE_EACH], [100, 20], num_bits)
    assert found.shape == (100, num_bits) and found.dtype == np.float32
    assert set(found.ravel()) == {-1.0, 1.0} and len(np.unique(found, axis=0)) == 100
    assert (found.sum(axis=0) == 0).all()  # every bit divides the classes in halves
    siblings, strangers = by_level(found, [FIVE_EACH], [100, 20])
    assert (siblings == exact).mean() > (0.95 if num_bits > 32 else 0.8)
    assert abs(siblings.mean() - exact) < 0.2
    assert siblings.max() - exact <= 2 and siblings.min() >= exact - 2
    # balanced bits part 50 * 50 of the 4,950 pairs each, so strangers are this far on average
    mean = (num_bits * 2500 - siblings.sum() / 2) / (4950 - 200)
    assert strangers.mean() == pytest.approx(mean) and mean > num_bits / 2
    # 16 bits leave too little room
    assert (strangers >= round(22 / 48 * num_bits)).mean() > (0.95 if num_bits > 32 else 0.8)


def test_distances_increase_with_the_level_of_the_common_ancestor():
    parents = [np.arange(60) // 3, np.arange(20) // 4, np.arange(5) // 2]
    counts = [60, 20, 5, 3]
    means = [level.mean() for level in by_level(anneal(parents, counts, 48), parents, counts)]
    goals = annealed.goal_distances(4, 60, 48)
    assert goals == [10, 14, 18, 22]  # 10, 14, 18 and 22 of 48 bits
    np.testing.assert_allclose(means[:3], goals[:3], atol=0.5)
    assert means[3] >= 22


def test_an_uneven_tree_with_an_odd_number_of_classes():
    parents = [np.repeat(np.arange(5), [1, 2, 3, 5, 20])]
    found = anneal(parents, [31, 5], 32)
    assert (np.abs(found.sum(axis=0)) == 1).all() and abs(found.sum()) == 0  # in turns
    siblings, strangers = by_level(found, parents, [31, 5])
    assert siblings.mean() < strangers.mean() - 5


def test_without_a_tree_the_smallest_distance_is_large():
    # 16 bits, half of 10 classes on either side of each: 25 of 45 pairs, 8.9 bits on average: 8 is
    # the most that the smallest of whole numbers can be
    (apart,) = by_level(anneal([], [10], 16), [], [10])
    assert apart.min() == 8
    (annealed_apart,) = by_level(anneal([], [100], 48), [], [100])
    drawn = np.random.RandomState(0).rand(100, 48).argsort(axis=1) < 24
    drawn = (drawn[:, None] != drawn[None]).sum(axis=2)[~np.eye(100, dtype=bool)]
    assert annealed_apart.min() >= drawn.min() + 5


@pytest.mark.parametrize(
    "parents, counts", [([], [9]), ([np.arange(9) // 3], [9, 3]), ([np.arange(9) // 8], [9, 2])]
)
def test_a_swap_changes_the_cost_as_the_search_says(parents, counts):
    """The step is taken apart: what it adds up is the slow cost before and after."""
    rng = np.random.RandomState(1)
    apart = annealed.levels_apart(parents, counts)
    goals = annealed.goal_distances(int(apart.max()), 9, 12)
    search = annealed.search_by_levels(apart, goals, balanced_bits(9, 12, rng))
    for number in range(60):
        before = search.signs.copy()
        fresh = annealed.search_by_levels(apart, goals, before.copy())
        for name in ("_excess", "_total", "_difference", "_sums"):
            np.testing.assert_array_equal(getattr(search, name), getattr(fresh, name))
        search.swap(number % 12, 1e-6, rng)  # so cold that it takes no swap for the worse
        assert slow_cost(search.signs, apart, goals) <= slow_cost(before, apart, goals)
        assert ((search.signs != before).sum() == 2) or (search.signs == before).all()
    assert (np.abs(search.signs.sum(axis=0)) == 1).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_classes(count):
    found = anneal([], [count], 4)
    assert found.shape == (count, 4) and len(np.unique(found, axis=0)) == count
    if count == 2:
        assert (found[0] == -found[1]).all()  # a balanced bit parts two classes


def test_the_seed_decides():
    parents = [np.arange(12) // 3]
    assert (anneal(parents, [12, 4], 16) == anneal(parents, [12, 4], 16)).all()
    assert (anneal(parents, [12, 4], 16) != anneal(parents, [12, 4], 16, seed=1)).any()


def test_too_little_room_and_too_many_classes_are_refused():
    with pytest.raises(ValueError, match="9 different codes of 3 bits .* net.num_bits higher"):
        anneal([], [9], 3)
    with pytest.raises(ValueError, match="up to 4096 classes, got 5000; set targets: tree"):
        anneal([], [5000], 48)


@pytest.mark.parametrize("name", ["csq", "dpn", "orthohash"])
def test_methods_take_them(name):
    (placed,) = arrays(build(name, targets="annealed").memory)
    assert (placed == anneal(TWO.parents, [8, 4], NUM_BITS, SEED)).all()


def test_centers_start_there_and_parents_are_the_mean_of_their_children():
    fine, coarse = arrays(build("hpdh", initial_centers="annealed").memory)
    assert (fine == anneal(TWO.parents, [8, 4], NUM_BITS, SEED)).all()
    assert (coarse == (fine[::2] + fine[1::2]) / 2).all()


@pytest.mark.slow
def test_1000_classes_in_a_minute():
    import time

    parents, started = [np.arange(1000) // 20], time.process_time()
    siblings, strangers = by_level(anneal(parents, [1000, 50], 128), parents, [1000, 50])
    assert time.process_time() - started < 60
    assert abs(siblings.mean() - 26) < 0.5 and strangers.min() > siblings.max()

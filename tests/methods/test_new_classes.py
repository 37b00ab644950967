"""New classes beside old ones: codewords near their relatives', weights that alone are fitted."""

import numpy as np
import pytest

from gluon_hash.methods.memory import annealed
from gluon_hash.methods.memory.extended import extended_targets
from gluon_hash.methods.new_classes import fit_new_classes

PARENTS, COUNTS = [np.arange(40) // 4], [40, 10]
OLD = np.flatnonzero(np.arange(40) % 4 != 3)  # of each parent the last child is new


def kept(num_bits=48):
    parents = [PARENTS[0][OLD]]
    return annealed.annealed_targets(parents, [30, 10], num_bits, np.random.RandomState(0))


def distances(targets):
    return (targets[:, None] != targets[None]).sum(axis=2)


def test_old_codewords_stay_and_new_ones_are_as_far_from_relatives_as_those():
    """Siblings 10 of 48 bits apart, strangers 22 or more, as annealed targets are."""
    old = kept()
    found = extended_targets(old, OLD, PARENTS, COUNTS, np.random.RandomState(1))
    assert found.shape == (40, 48) and set(found.ravel()) == {-1.0, 1.0}
    assert (found[OLD] == old).all() and len(np.unique(found, axis=0)) == 40
    new = np.arange(3, 40, 4)
    apart, distance = annealed.levels_apart(PARENTS, COUNTS)[new], distances(found)[new]
    assert (distance[apart == 1] == 10).mean() >= 0.95
    assert abs(distance[apart == 1] - 10).max() <= 2
    assert (distance[apart == 2] >= 22).mean() > 0.95 and distance[apart == 2].min() >= 18


def test_the_seed_decides_where_they_are():
    drawn = [
        extended_targets(kept(), OLD, PARENTS, COUNTS, np.random.RandomState(s)) for s in (1, 1, 2)
    ]
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


def test_codewords_of_another_kind_set_the_distance():
    """Siblings 4 bits apart by construction: parents at random, a child flips two bits of its own;
    its new sibling is as near."""
    rng = np.random.RandomState(3)
    parent = np.where(rng.rand(10, 48) < 0.5, -1.0, 1.0)
    old = parent[PARENTS[0][OLD]].copy()
    for child in range(3):
        old[child::3, 2 * child : 2 * child + 2] *= -1
    found = extended_targets(old, OLD, PARENTS, COUNTS, np.random.RandomState(1))
    apart = annealed.levels_apart(PARENTS, COUNTS)
    assert (distances(found[OLD])[apart[np.ix_(OLD, OLD)] == 1] == 4).all()
    siblings = distances(found)[3::4][apart[3::4] == 1]
    # parents at random are nearer than 22 bits here and there, which pushes children away
    assert abs(siblings.mean() - 4) < 1 and siblings.max() < 10  # as annealed ones would be


def test_a_class_without_relatives_and_a_tree_of_one_level():
    """A new superclass; of 48 bits and 31 classes strangers are 22 or more apart."""
    parents = [np.append(PARENTS[0][OLD], 10)]
    found = extended_targets(kept(), np.arange(30), parents, [31, 11], np.random.RandomState(1))
    assert distances(found)[30, :30].min() >= 20
    flat = annealed.annealed_targets([], [8], 16, np.random.RandomState(0))
    found = extended_targets(flat, np.arange(8), [], [10], np.random.RandomState(1))
    assert distances(found)[8:, :8].min() >= 6 and (found[:8] == flat).all()


def test_no_room_is_refused():
    full = np.array(np.meshgrid([-1, 1], [-1, 1])).reshape(2, 4).T.astype(np.float32)
    with pytest.raises(ValueError, match="5 different codes of 2 bits were not found"):
        extended_targets(full, np.arange(4), [], [5], np.random.RandomState(0))


def test_a_flip_changes_the_cost_as_the_search_says():
    rng = np.random.RandomState(1)
    apart, goals = annealed.levels_apart([np.arange(9) // 3], [9, 3]), [2, 6]
    signs = np.where(rng.rand(9, 12) < 0.5, -1, 1).astype(np.float32)
    search = annealed.search_by_levels(apart, goals, signs)

    def cost(signs):
        total = 0.0
        for a, b in np.argwhere(np.tri(9, k=-1)):
            excess = (signs[a] != signs[b]).sum() - goals[apart[a, b] - 1]
            near = excess < 0
            # 54 pairs of strangers, 18 of siblings: the fourth root of 3 is 1, rounded
            total += excess**2 * ((1 + near) if apart[a, b] == 1 else near)
        return total

    for number in range(60):
        before = search.signs.copy()
        best = min(
            cost(np.where((np.arange(9) == number % 9)[:, None] & (np.arange(12) == bit), -s, s))
            for s in [before]
            for bit in range(12)
        )
        search.flip(number % 9, 1e-6, rng)  # so cold that it takes the best, none for the worse
        fresh = annealed.search_by_levels(apart, goals, search.signs.copy())
        for name in ("_excess", "_total", "_difference", "_sums"):
            np.testing.assert_array_equal(getattr(search, name), getattr(fresh, name))
        assert cost(search.signs) == min(best, cost(before)) or best == cost(before)


@pytest.fixture(scope="module")
def problem():
    """Three old classes and two new ones around centers of five units."""
    rng = np.random.RandomState(0)
    labels = np.repeat(np.arange(5), [30, 30, 30, 6, 12])
    centers = 2.0 * rng.randn(5, 5)
    hidden = (centers[labels] + 0.5 * rng.randn(108, 5)).astype(np.float32)
    return hidden, labels, centers[:3].astype(np.float32), np.zeros(3, np.float32)


def slow_loss(new, bias, hidden, labels, weight, old_bias, decay):
    total = 0.0
    for label in range(5):
        mine = 0.0
        for h in hidden[labels == label]:
            z = np.concatenate([weight @ h + old_bias, new @ h + bias])
            p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            mine -= np.log(p[:3].sum() if label < 3 else p[label])
        total += mine / (labels == label).sum() / 5
    return total + decay / 2 * ((new**2).sum() + (bias**2).sum())


def test_new_weights_are_at_the_minimum_of_the_slow_loss(problem):
    new, bias = fit_new_classes(*problem, 2, 1e-2)
    least = slow_loss(new, bias, *problem, 1e-2)
    rng = np.random.RandomState(1)
    for _ in range(20):
        moved = slow_loss(new + 0.05 * rng.randn(2, 5), bias, *problem, 1e-2)
        assert moved > least
    for step in (-0.05, 0.05):
        assert slow_loss(new, bias + [step, 0], *problem, 1e-2) > least


def test_every_class_counts_the_same(problem):
    hidden, labels, *old = problem
    twice = np.append(np.arange(108), np.flatnonzero(labels == 1))
    once, again = (
        fit_new_classes(*problem, 2, 1e-2),
        fit_new_classes(hidden[twice], labels[twice], *old, 2, 1e-2),
    )
    np.testing.assert_allclose(once[0], again[0], atol=2e-3)
    np.testing.assert_allclose(once[1], again[1], atol=2e-3)


def test_new_images_are_of_new_classes_then(problem):
    hidden, labels, weight, bias = problem
    new, new_bias = fit_new_classes(*problem, 2, 1e-3)
    logits = hidden @ np.concatenate([weight, new]).T + np.concatenate([bias, new_bias])
    found = logits.argmax(axis=1)
    assert ((found >= 3) == (labels >= 3)).mean() > 0.95 and (found == labels)[labels >= 3].all()

"""Fixed targets of classes: Hadamard, balanced, placed by the tree; class embeddings."""

import time

import numpy as np
import pytest

from gluon_hash.hierarchy import Hierarchy, similarity
from gluon_hash.methods.memory import targets


def distances(codes):
    """Hamming distance of every pair of different rows."""
    distance = (codes.shape[1] - codes @ codes.T) / 2
    return distance[~np.eye(len(codes), dtype=bool)]


def seeded(seed=0):
    return np.random.RandomState(seed)


def tree(num_classes, per_superclass):
    """Two levels."""
    parents = np.arange(num_classes) // per_superclass
    return Hierarchy(
        ("fine", "coarse"),
        (
            tuple(f"c{c}" for c in range(num_classes)),
            tuple(f"s{s}" for s in range(parents[-1] + 1)),
        ),
        (parents,),
    )


@pytest.mark.parametrize("num_bits", [1, 2, 4, 16, 64])
@pytest.mark.parametrize("per_bit", [1, 2])
def test_hadamard_targets_are_half_the_bits_apart_or_more(num_bits, per_bit):
    found = targets.hadamard_targets(per_bit * num_bits, num_bits, seeded())
    assert (
        found.shape == (per_bit * num_bits, num_bits)
        and found.dtype == np.float32
        and set(found.ravel()) <= {-1, 1}
    )
    if len(found) > 1:
        # rows are orthogonal: L / 2 apart; a row and its negative: L
        assert set(distances(found)) <= {num_bits / 2, num_bits} and (per_bit == 2) == (
            num_bits in distances(found)
        )


def test_hadamard_row_of_ones_may_be_a_center():
    assert (np.abs(targets.hadamard_targets(16, 16, seeded()).sum(axis=1)) == 16).any()


def test_no_hadamard_matrix_or_too_many_classes_gives_balanced_targets():
    for num_classes, num_bits in ((10, 48), (33, 16)):
        found = targets.hadamard_targets(num_classes, num_bits, seeded())
        assert (found == targets.balanced_targets(num_classes, num_bits, seeded())).all()


@pytest.mark.parametrize(
    "num_classes, num_bits",
    [
        (1, 1),
        (2, 1),
        (8, 3),
        (5, 3),
        (100, 12),
        (100, 13),
        (300, 48),
        (200, 100),
        (12_000, 14),
        (252, 10),
    ],
)
def test_balanced_targets_are_different_and_as_balanced_as_can_be(num_classes, num_bits):
    found = targets.balanced_targets(num_classes, num_bits, seeded())
    assert found.shape == (num_classes, num_bits) and len(np.unique(found, axis=0)) == num_classes
    # the sums of all codes, the smallest first; beyond 20 bits all codes are balanced
    every = np.sort(
        np.abs(
            num_bits
            - 2 * np.array([bin(code).count("1") for code in range(2 ** min(num_bits, 14))])
        )
    )
    expected = every[:num_classes].max() if num_bits <= 14 else num_bits % 2
    assert np.abs(found.sum(axis=1)).max() == expected


def test_balanced_targets_split_the_classes_at_every_bit():
    # 10,000 classes: 5,000 expected, standard deviation 50
    assert np.abs(targets.balanced_targets(10_000, 48, seeded()).sum(axis=0) / 2).max() < 5 * 50


@pytest.mark.parametrize("num_bits", [16, 17, 48, 64])
def test_40_000_classes_take_seconds(num_bits):
    started = time.perf_counter()
    found = targets.hadamard_targets(40_000, num_bits, seeded())
    assert time.perf_counter() - started < 10
    assert len(np.unique(np.packbits(found > 0, axis=1), axis=0)) == 40_000


def test_tree_targets_are_different_and_relatives_are_nearer():
    parents, coarse_parents = np.arange(60) // 3, np.arange(20) // 4
    found = targets.tree_targets([parents, coarse_parents], [60, 20, 5], 64, seeded())
    assert found.shape == (60, 64) and len(np.unique(found, axis=0)) == 60
    distance = (64 - found @ found.T) / 2
    family, clan = (
        parents[:, None] == parents,
        coarse_parents[parents][:, None] == coarse_parents[parents],
    )
    near, middle, far = (
        distance[family & ~np.eye(60, dtype=bool)],
        distance[clan & ~family],
        distance[~clan],
    )
    # a quarter of the bits flipped on either side: 64 * 2 * 1/4 * 3/4 = 24; once more: 24 + 24 - 2
    # * 24^2 / 64 = 30
    assert near.mean() == pytest.approx(24, abs=1.5) and middle.mean() == pytest.approx(30, abs=1.5)
    assert near.mean() < middle.mean() < far.mean()


def test_fewer_flips_bring_relatives_closer():
    """Siblings with f of L bits flipped differ where one of the two is flipped: 2 f (1 - f) L bits
    on average."""
    parent = np.repeat(np.arange(20), 5)
    for flipped, bits in ((0.125, 64 * 0.21875), (0.25, 64 * 0.375)):
        found = targets.tree_targets([parent], [100, 20], 64, seeded(), flipped)
        apart = (64 - found @ found.T) / 2
        siblings = (parent[:, None] == parent) & ~np.eye(100, dtype=bool)
        assert apart[siblings].mean() == pytest.approx(bits, rel=0.05)
    with pytest.raises(ValueError, match="expected a fraction of the bits"):
        targets.tree_targets([parent], [100, 20], 64, seeded(), 0.6)


def test_tree_targets_differ_where_there_is_little_room():
    found = targets.tree_targets([np.arange(100) // 5], [100, 20], 8, seeded())
    assert len(np.unique(found, axis=0)) == 100


@pytest.mark.parametrize(
    "make",
    [
        lambda: targets.balanced_targets(9, 3, seeded()),
        lambda: targets.hadamard_targets(5, 2, seeded()),
        lambda: targets.tree_targets([np.zeros(9, int)], [9, 1], 3, seeded()),
    ],
)
def test_more_classes_than_codes_are_refused(make):
    with pytest.raises(
        ValueError, match="bits make . codes, too few for . classes; set net.num_bits higher"
    ):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: targets.hadamard_targets(10, 16, rng),
        lambda rng: targets.balanced_targets(10, 24, rng),
        lambda rng: targets.tree_targets([np.arange(10) // 2], [10, 5], 24, rng),
        lambda rng: targets.class_embeddings(similarity.lcs_height(tree(10, 2)), 8, rng),
    ],
)
def test_targets_follow_from_the_seed(make):
    assert (make(seeded(1)) == make(seeded(1))).all() and (make(seeded(1)) != make(seeded(2))).any()


@pytest.mark.parametrize(
    "measure", [similarity.lcs_height, similarity.wu_palmer, similarity.matching_levels]
)
@pytest.mark.parametrize("num_bits", [20, 33])
def test_embeddings_have_exactly_the_similarities_of_the_tree(measure, num_bits):
    wanted = measure(tree(20, 4))
    found = targets.class_embeddings(wanted, num_bits, seeded())
    assert found.shape == (20, num_bits) and found.dtype == np.float32
    np.testing.assert_allclose(found @ found.T, wanted, atol=2e-6)


def test_embeddings_of_an_uneven_tree_are_exact_too():
    parents = (np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1]))
    wanted = similarity.lcs_height(
        Hierarchy(("a", "b", "c"), (tuple("uvwxyz"), tuple("klm"), tuple("pq")), parents)
    )
    found = targets.class_embeddings(wanted, 6, seeded())
    np.testing.assert_allclose(found @ found.T, wanted, atol=2e-6)


def test_embeddings_with_fewer_bits_stay_apart():
    """100 classes, 20 superclasses: eigenvalue 3 twenty times, 1/2 eighty times, of which 48 bits
    hold 28."""
    wanted = similarity.lcs_height(tree(100, 5))
    found = targets.class_embeddings(wanted, 48, seeded())
    inner = found @ found.T
    np.testing.assert_allclose(np.diag(inner), 1, atol=1e-5)
    siblings, strangers = inner[(wanted > 0) & (wanted < 1)], inner[wanted == 0]
    assert siblings.max() < 0.95 and siblings.min() > 0.5 and np.abs(strangers).max() < 0.2
    assert len(np.unique(found >= 0, axis=0)) == 100


def test_embeddings_of_unrelated_classes_with_fewer_bits_are_no_zeros():
    found = targets.class_embeddings(np.eye(40), 12, seeded())
    assert np.isfinite(found).all() and len(np.unique(found.round(4), axis=0)) == 40


@pytest.mark.parametrize(
    "wrong, message",
    [
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[0.5, 0.0], [0.0, 1.0]], "1 on the diagonal"),
        ([[1.0, 2.0], [2.0, 1.0]], "positive semi-definite, got eigenvalue -"),
    ],
)
def test_what_is_no_similarity_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        targets.class_embeddings(np.array(wrong), 4, seeded())

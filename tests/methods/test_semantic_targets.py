"""Semantic hash centers: similarity of classes by hand, the bound, centers that follow it."""

import numpy as np
import pytest
from method_cases import EVALUATED, FINE, NUM_BITS, SEED, arrays, build

from gluon_hash.methods.memory.semantic import (
    class_similarity,
    least_distance,
    ridge_scores,
    semantic_targets,
)


def test_similarity_by_hand():
    """Three classes, an image each; shares of the others by softmax of log 1, 3: 1/4, 3/4.

    taken = [[0, 3/4, 1/4], [1/2, 0, 1/2], [1/4, 3/4, 0]], symmetric: 5/8 (0, 1), 1/4 (0, 2), 5/8
    (1, 2). Rows less their mean, over the largest: row 0, mean 7/24: 1/3 -> 1, -1/24 -> -1/8; row
    1, mean 5/12: 5/24 each -> 1; row 2 as row 0.
    """
    three = np.log(3.0)
    scores = np.array([[9.0, three, 0.0], [1.0, -7.0, 1.0], [0.0, three, 5.0]])
    found = class_similarity(scores, np.arange(3))
    np.testing.assert_allclose(found, [[1, 1, -1 / 8], [1, 1, 1], [-1 / 8, 1, 1]], atol=1e-12)


def test_similarity_is_of_the_mean_over_images():
    rng = np.random.RandomState(0)
    scores, labels = rng.randn(40, 5), np.arange(40) % 5
    found = class_similarity(scores, labels)
    assert (found == found.T).all() and found.max() == 1 and (np.diag(found) == 1).all()
    order = rng.permutation(40)
    np.testing.assert_allclose(class_similarity(scores[order], labels[order]), found)
    twice = class_similarity(np.repeat(scores, 2, axis=0), np.repeat(labels, 2))
    np.testing.assert_allclose(twice, found)


@pytest.mark.parametrize("num_bits, num_classes", [(8, 4), (16, 100), (48, 100), (5, 32)])
def test_the_bound_by_counting(num_bits, num_classes):
    """Gilbert and Varshamov: the first d whose ball of d - 1 bits holds 2^L / C codes."""
    ones = np.array([bin(code).count("1") for code in range(2 ** min(num_bits, 16))])
    if num_bits <= 16:
        sizes = [(ones <= radius).sum() for radius in range(num_bits + 1)]
        first = next(r for r, size in enumerate(sizes) if size * num_classes >= 2**num_bits)
        assert least_distance(num_bits, num_classes) == first + 1
    else:
        assert least_distance(num_bits, num_classes) == 17


def test_centers_follow_the_similarity_and_every_bit_divides_the_classes():
    """Ten groups of three: alike within (0.4: 0.3 of 48 bits, 14.4), unlike otherwise (0)."""
    group = np.arange(30) // 3
    similarity = np.where(group[:, None] == group, 0.4, -0.1)
    np.fill_diagonal(similarity, 1.0)
    found = semantic_targets(similarity, 48, np.random.RandomState(0))
    assert found.dtype == np.float32 and set(found.ravel()) == {-1.0, 1.0}
    assert (found.sum(axis=0) == 0).all()
    distance = (found[:, None] != found[None]).sum(axis=2)
    alike = (group[:, None] == group) & ~np.eye(30, dtype=bool)
    least = least_distance(48, 30)  # 14.4 is out of reach
    assert least > 15 and abs(distance[alike].mean() - least) < 1
    assert distance[alike].min() >= least - 2
    assert abs(distance[group[:, None] != group].mean() - 26) < 1.5
    assert (found == semantic_targets(similarity, 48, np.random.RandomState(0))).all()


def test_ridge_tells_classes_apart_and_reads_no_image_without_a_label():
    rng = np.random.RandomState(0)
    labels = np.arange(600) % 3
    features = rng.randn(3, 8)[labels] + rng.randn(600, 8)
    scores, of = ridge_scores(features, np.where(np.arange(600) < 30, -1, labels), 3)
    assert scores.shape == (300, 3) and np.bincount(of).tolist() == [100] * 3  # 100 a class
    assert (scores.argmax(axis=1) == of).mean() > 0.7
    # scaled to the likeliest softmax: a little more or less is less likely
    own = [
        (np.logaddexp.reduce(f * scores, axis=1) - f * scores[np.arange(300), of]).mean()
        for f in (0.9, 1.0, 1.1)
    ]
    assert own[1] < own[0] and own[1] < own[2]


def test_a_class_without_images_is_named():
    with pytest.raises(ValueError, match="class 1 has none .*; set targets: annealed"):
        ridge_scores(np.eye(3), np.array([0, 2, 2]), 3)


@pytest.mark.parametrize("name", ["csq", "dpn", "orthohash"])
def test_methods_learn_them_from_the_features_of_the_training_images(name):
    (placed,) = arrays(build(name, targets="semantic").memory)
    similarity = class_similarity(*ridge_scores(EVALUATED, FINE, 8))
    assert (placed == semantic_targets(similarity, NUM_BITS, np.random.RandomState(SEED))).all()
    codewords = build("expected_codeword", targets="semantic").codewords.targets
    assert (codewords == placed).all()


def test_too_little_room_and_too_many_classes_are_refused():
    with pytest.raises(ValueError, match="9 different codes of 3 bits"):
        semantic_targets(np.eye(9), 3, np.random.RandomState(0))
    with pytest.raises(ValueError, match="semantic takes up to 4096 classes, got 4097"):
        semantic_targets(np.broadcast_to(np.float32(0), (4097, 4097)), 48, None)

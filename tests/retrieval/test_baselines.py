"""Baselines on features: closed forms, monotonicity, files, and better than chance."""

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.retrieval import CodeTable, FeatureTable, codes, evaluate, feature_distances
from gluon_hash.retrieval import baselines as zoo
from gluon_hash.retrieval.baselines.fit import procrustes
from gluon_hash.retrieval.baselines.itml import learn_metric, project
from gluon_hash.retrieval.baselines.models import ProductQuantizer


def clusters(rng, per_class=60, num_features=24, num_classes=6):
    labels = np.repeat(np.arange(num_classes), per_class)
    features = 2.0 * rng.randn(num_classes, num_features)[labels] + rng.randn(
        len(labels), num_features
    )
    return features.astype(np.float32), labels


def encoded(model, features, labels, first_id=0):
    ids, level_labels = np.arange(len(labels)) + first_id, labels[:, None].astype(np.int32)
    return zoo.encode_features_with(
        model, FeatureTable(ids, features.astype(np.float16), level_labels, {})
    )


@pytest.mark.parametrize("name", [name for name in zoo.BASELINES if name != "pq"])
def test_every_baseline_beats_a_random_ranking_and_is_kept_by_its_file(rng, tmp_path, name):
    features, labels = clusters(rng)
    model = zoo.fit(name, features, labels, 16, seed=3)
    database, query = (
        encoded(model, features, labels),
        encoded(model, features[::7], labels[::7], 1000),
    )
    assert evaluate(query, database)["map"] > 2 / 6  # a random ranking: 1 / 6
    model.save(tmp_path / "fitted.npz")
    again = zoo.load_baseline(tmp_path / "fitted.npz")
    np.testing.assert_array_equal(encoded(again, features, labels).codes, database.codes)
    same = zoo.fit(name, features, labels, 16, seed=3)
    np.testing.assert_array_equal(encoded(same, features, labels).codes, database.codes)


def test_lsh_differs_in_a_bit_with_probability_angle_over_pi():
    rng = np.random.RandomState(0)
    features = rng.randn(40, 5).astype(np.float32)
    model = zoo.fit("lsh", features, np.zeros(40), 20000, seed=1)
    centred = features - features.mean(axis=0)
    signs = model.project(features) >= 0
    angle = np.arccos(
        centred[0] @ centred[1] / np.linalg.norm(centred[0]) / np.linalg.norm(centred[1])
    )
    assert (signs[0] != signs[1]).mean() == pytest.approx(
        angle / np.pi, abs=0.02
    )  # standard deviation 0.0035


def test_pca_finds_known_axes(rng):
    features = rng.randn(4000, 5) * np.array([1.0, 9.0, 0.1, 4.0, 0.5])
    weights = zoo.fit("pca", features, np.zeros(4000), 2, seed=0).weights
    np.testing.assert_allclose(np.abs(weights), np.eye(5)[:, [1, 3]], atol=0.05)


def test_pca_rr_rotates_the_principal_components(rng):
    """The same subspace as PCA, lengths kept, every bit a mixture of the components."""
    features, labels = clusters(rng)
    plain, rotated = (zoo.fit(name, features, labels, 8, seed=5) for name in ("pca", "pca_rr"))
    rotation = plain.weights.T @ rotated.weights
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(8), atol=1e-5)
    np.testing.assert_allclose(plain.weights @ rotation, rotated.weights, atol=1e-5)
    variance = rotated.project(features).var(axis=0)
    assert variance.max() / variance.min() < plain.project(features).var(axis=0).max() / (
        plain.project(features).var(axis=0).min()
    )
    other = zoo.fit("pca_rr", features, labels, 8, seed=6)
    assert np.abs(other.weights - rotated.weights).max() > 0.01  # the seed draws the rotation


@pytest.mark.parametrize("name", list(zoo.BASELINES))
def test_features_of_every_float_type_give_the_same_model(rng, name):
    half, labels = clusters(rng)
    half = half.astype(np.float16)
    models = [zoo.fit(name, half.astype(kind), labels, 16, seed=3) for kind in "efd"]
    for model in models[1:]:
        for key, value in vars(models[0]).items():
            np.testing.assert_array_equal(getattr(model, key), value)
    table = FeatureTable(np.arange(360), half.astype("d"), labels[:, None].astype(np.int32), {})
    kept = zoo.encode_features_with(models[0], table)
    assert isinstance(kept, CodeTable) or kept.features.dtype == np.float64


def test_labels_are_needed_where_they_are_learned_from_alone(rng):
    features, labels = clusters(rng)
    alone = zoo.fit("itq", features, None, 8, seed=3)
    np.testing.assert_array_equal(
        alone.weights, zoo.fit("itq", features, labels, 8, seed=3).weights
    )
    with pytest.raises(ValueError, match="metric_lsh: learns from the classes"):
        zoo.fit("metric_lsh", features, None, 8, seed=3)
    with pytest.raises(ValueError, match="expected 360 labels, one for each image, got 3"):
        zoo.fit("itq", features, labels[:3], 8, seed=3)


def test_itq_rotates_and_each_step_comes_closer_to_the_signs(rng):
    projected = rng.randn(500, 8) @ rng.randn(8, 8)
    rotation, errors = np.linalg.qr(rng.randn(8, 8))[0], []
    for _ in range(20):
        rotation = procrustes(projected, rotation)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(8), atol=1e-10)
        rotated = projected @ rotation
        errors.append(((np.where(rotated >= 0, 1, -1) - rotated) ** 2).sum())
    assert (np.diff(errors) <= 1e-9).all()
    features, labels = clusters(rng)
    lost = []
    for name in ("pca", "itq"):
        relaxed = zoo.fit(name, features, labels, 8, seed=0).project(features)
        lost.append(((np.where(relaxed >= 0, 1, -1) - relaxed) ** 2).mean())
    assert lost[1] < lost[0]


def test_subselective_reaches_what_itq_reaches_from_all_images(rng):
    features, labels = clusters(rng, per_class=400)
    scores = [
        evaluate(
            encoded(model, features[::9], labels[::9], 10**6), encoded(model, features, labels)
        )["map"]
        for model in (
            zoo.fit(name, features, labels, 12, seed=0) for name in ("itq", "subselective")
        )
    ]
    assert scores[1] > 0.85 * scores[0]


def test_the_learned_metric_shrinks_directions_that_vary_within_classes(rng):
    labels = np.repeat(np.arange(8), 50)
    features = np.concatenate([rng.randn(8, 4)[labels] * 2, 30 * rng.randn(400, 1)], axis=1).astype(
        np.float32
    )
    features[:, :4] += 0.3 * rng.randn(400, 4)
    score = {
        name: evaluate(
            encoded(model, features[::5], labels[::5], 1000), encoded(model, features, labels)
        )["map"]
        for name, model in (
            (name, zoo.fit(name, features, labels, 32, seed=0)) for name in ("lsh", "metric_lsh")
        )
    }
    assert score["metric_lsh"] > 1.5 * score["lsh"]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_itml_brings_a_violating_pair_to_the_harmonic_mean_of_distance_and_bound(rng, sign):
    difference = rng.randn(6)
    distance = difference @ difference
    for bound in (distance * 0.4, distance * 3.0):
        metric = np.eye(6)
        project(metric, difference, bound, sign)
        violated = sign * (distance - bound) > 0
        expected = 2 * distance * bound / (distance + bound) if violated else distance
        assert difference @ metric @ difference == pytest.approx(expected)
        assert np.linalg.eigvalsh(metric).min() > 0
        across = np.linalg.svd(difference[None])[2][
            1
        ]  # what is orthogonal to the pair keeps its length
        assert across @ metric @ across == pytest.approx(1.0)


def test_itml_needs_no_second_image_of_a_class_and_no_second_class(rng):
    features = rng.randn(30, 4)
    for labels in (np.arange(30), np.zeros(30, int)):
        assert np.linalg.eigvalsh(learn_metric(features, labels, rng)).min() > 0
    assert (learn_metric(np.ones((30, 4)), labels, rng) == np.eye(4)).all()


def test_product_quantisation_is_the_nearest_centroid_of_each_part(rng):
    features, labels = clusters(rng, num_features=10)
    model = zoo.fit("pq", features, labels, 24, seed=0)  # 3 parts of width 4: two zeros of padding
    padded = np.pad(features[:20], ((0, 0), (0, 2))).reshape(20, 3, 4)
    nearest = ((padded[:, :, None] - model.centroids[None]) ** 2).sum(axis=3).argmin(axis=2)
    np.testing.assert_array_equal(model.encode(features[:20]), nearest)
    rebuilt = np.stack(
        [model.centroids[part, nearest[:, part]] for part in range(3)], axis=1
    ).reshape(20, 12)[:, :10]
    np.testing.assert_allclose(model.reconstruct(features[:20]), rebuilt, rtol=1e-6)
    assert isinstance(model, ProductQuantizer)
    table = encoded(model, features, labels)
    distances = feature_distances(features[:3], table.features, "l2")(slice(0, 3))  # asymmetric
    slow = ((features[:3, None] - model.reconstruct(features)[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(distances, slow, rtol=0.02, atol=0.05)  # the table holds float16


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ("tree", 8),
            "expected one of lsh, pca, pca_rr, itq, subselective, klsh, metric_lsh, pq, got",
        ),
        (("itq", 30), r"at most 24 bits from features \(360, 24\), got 30"),
        (("pq", 12), "needs a multiple of 8 bits"),
        (("lsh", 0), "num_bits >= 1"),
    ],
)
def test_what_cannot_be_fitted_is_said(rng, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.fit(arguments[0], *clusters(rng), arguments[1], seed=0)


def test_bad_features_and_files_are_named(rng, tmp_path):
    features, labels = clusters(rng)
    model = zoo.fit("lsh", features, labels, 8, seed=0)
    with pytest.raises(
        ValueError, match=r"expected features \(N, 24\), as it was fitted on, got \(2, 3\)"
    ):
        model.project(np.zeros((2, 3)))
    features[4, 1] = np.inf
    with pytest.raises(ValueError, match="features in row 4 are not finite"):
        model.project(features)
    with pytest.raises(ValueError, match="not finite"):
        zoo.fit("lsh", features, labels, 8, seed=0)
    CodeTable(np.arange(1), codes.pack(np.ones((1, 8))), np.zeros((1, 1), np.int32), 8).save(
        tmp_path / "codes.npz"
    )
    with pytest.raises(DataError, match=r"codes\.npz: expected the arrays kind; kind missing"):
        zoo.load_baseline(tmp_path / "codes.npz")

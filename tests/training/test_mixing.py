"""Images mixed of two, with the labels of both: by hand, as soft labels, and resumed exactly."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from training_cases import Killed, assert_same, make, train

from gluon_hash import losses
from gluon_hash.experiment.settings.config import Config
from gluon_hash.methods import METHODS
from gluon_hash.training.mixing import MixedLoss, mixed
from gluon_hash.training.terms import LossTerms

MIXING = [name for name, method in METHODS.items() if method.mixes]


def test_each_device_mixes_its_images_with_their_reverse():
    images = np.random.RandomState(0).randn(7, 3, 2).astype(np.float32)
    labels = np.array([[row, 10 + row] for row in range(7)], np.float32)
    devices = [nd.array(images[:4], mx.cpu(0)), nd.array(images[4:], mx.cpu(1))]
    blended, columns = mixed(devices, nd.array(labels), 0.5)
    partner = [3, 2, 1, 0, 6, 5, 4]
    columns = columns.asnumpy()
    weight = columns[0, 4]
    assert 0 < weight < 1 and (columns[:, 4] == weight).all()
    np.testing.assert_array_equal(columns[:, :4], np.hstack([labels, labels[partner]]))
    np.testing.assert_allclose(
        np.concatenate([image.asnumpy() for image in blended]),
        weight * images + (1 - weight) * images[partner],
        atol=1e-6,
    )
    assert [image.context for image in blended] == [mx.cpu(0), mx.cpu(1)]


def test_weights_are_of_the_beta_distribution():
    image, label = nd.zeros((2, 1)), nd.zeros((2, 1))
    drawn = [float(mixed([image], label, 0.5)[1][0, 2].asscalar()) for _ in range(2000)]
    # Beta(.5, .5): mean 1/2, variance 1/8; P(< .1) = 2/pi asin(sqrt(.1)) = .2048
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.03)
    assert np.var(drawn) == pytest.approx(1 / 8, abs=0.01)
    assert np.mean(np.array(drawn) < 0.1) == pytest.approx(0.2048, abs=0.03)


@pytest.mark.parametrize("hybrid", [False, True])
def test_both_labels_are_soft_labels(hybrid):
    """Cross-entropy is linear in the labels: the weighted sum is that of the mixed label."""
    rng = np.random.RandomState(3)
    logits = rng.randn(4, 3).astype(np.float32)
    own, other, weight = [0, 1, 2, 0], [2, 1, 0, 1], 0.3
    loss = MixedLoss(losses.ExpectedCodewordLoss([1.0]))
    if hybrid:
        loss.hybridize(static_alloc=True, static_shape=True)
    z = nd.array(logits)
    z.attach_grad()
    with autograd.record():
        value = loss(z, nd.array([[a, b, weight] for a, b in zip(own, other)]))
    value.backward()
    soft = weight * np.eye(3)[own] + (1 - weight) * np.eye(3)[other]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -(soft * np.log(probability)).sum(axis=1)
    np.testing.assert_allclose(value.asnumpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(z.grad.asnumpy(), probability - soft, atol=1e-5)


def test_terms_sum_to_the_loss():
    tree = np.array([[0, 1, 2, 3], [0, 0, 1, 1]], np.float32)
    loss = LossTerms(MixedLoss(losses.ExpectedCodewordLoss([1.0, 0.5])))
    labels = nd.array([[0, 0, 3, 1, 0.25], [2, 1, 1, 0, 0.25]])
    *parts, whole = loss.of(
        nd.array([[1, 0, 2, 0], [0, 1, 0, 3]]), labels, nd.array(tree)
    ).asnumpy()
    assert loss.names == ["level_0", "level_1"]
    assert sum(parts) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("name", MIXING)
def test_a_mixed_training_goes_on_from_inside_an_epoch(name, tmp_path):
    def killed():
        raise Killed

    whole = train(make(name, mixup=0.2), tmp_path / "whole")
    with pytest.raises(Killed):
        train(
            make(name, mixup=0.2, stop=(1, 3, killed)), tmp_path / "part", checkpoint_minutes=1e-9
        )
    assert_same(whole, train(make(name, mixup=0.2), tmp_path / "part"))
    plain = train(make(name), tmp_path / "plain")
    with pytest.raises(AssertionError):
        assert_same(plain, whole)


def test_who_remembers_images_cannot_mix_them():
    assert "orthohash" in MIXING and "hpdh" not in MIXING
    with pytest.raises(ValueError, match=r"mixup: hpdh cannot be trained .* csq"):
        Config(data={"root": "x"}, training={"mixup": 0.2})
    for name in MIXING:
        Config(data={"root": "x"}, loss={"name": name}, training={"mixup": 0.2})

"""How batches are drawn: what the method is best fed with, or the sampler that is asked for."""

import numpy as np
import pytest

from gluon_hash.experiment import Config
from gluon_hash.experiment.data.sampling import sampling_of
from gluon_hash.methods import METHODS

# 20 classes of 8 images, 5 to a superclass
ORDERED = np.stack([np.arange(160) // 8, np.arange(160) // 40], axis=1)
# the others of pairs have a memory
OF_PAIRS = {"dsh", "dtsh", "dsrh", "dsrh_yao", "dch", "dqn", "shdh"}


def sampling(name, labels=ORDERED, **training):
    config = Config(data={"root": "nowhere"}, loss={"name": name}, training=training)
    return sampling_of(config, labels)


def is_shuffled(order, count):
    permutation = np.random.RandomState(0).permutation(160)
    return (order(count, np.random.RandomState(0)) == permutation[:count]).all()


def dealt(order, size):
    """In each of three batches: number of classes, images of one."""
    counts = [
        np.bincount(ORDERED[batch, 0])
        for batch in order(3 * size, np.random.RandomState(0)).reshape(3, size)
    ]
    return [((count > 0).sum(), *set(count[count > 0])) for count in counts]


@pytest.mark.parametrize("name", METHODS)
def test_auto_is_classes_for_pairs_and_triplets_and_shuffled_for_the_others(name):
    order, words = sampling(name)
    if name in OF_PAIRS:
        assert dealt(order, 128) == [(16, 8)] * 3
        assert words == "sampler auto: classes, 16 classes of 8 images"
    else:
        assert is_shuffled(order, 128) and words == "sampler auto: shuffled"


@pytest.mark.parametrize(
    "batch_size, num_images, training, expected",
    [
        (64, 160, {"classes_per_batch": 7}, (4, 16)),
        (24, 160, {}, (12, 2)),  # the largest up to 16 that divides and leaves two of each
        (128, 48, {}, (4, 32)),
        (6, 160, {}, (3, 2)),  # 6 classes would have an image each
        (64, 160, {"sampler": "classes", "classes_per_batch": 8}, (8, 8)),
    ],
)
def test_as_many_classes_as_divide_the_batch(batch_size, num_images, training, expected):
    order, _ = sampling("dch", ORDERED[:num_images], batch_size=batch_size, **training)
    assert dealt(order, batch_size) == [expected] * 3


@pytest.mark.parametrize(
    "training, expected",
    [
        ({"sampler": "shuffled"}, "shuffled"),
        # a prime
        ({"batch_size": 127}, "sampler auto: shuffled, as no number of classes divides a batch"),
    ],
)
def test_shuffled_where_it_is_asked_for_or_nothing_else_fits(training, expected):
    order, words = sampling("dch", **training)
    assert is_shuffled(order, 127) and words == expected


def test_relatives_where_they_are_asked_for():
    order, words = sampling("csq", sampler="relatives", classes_per_batch=8)
    assert words == "relatives, 8 classes of 16 images"
    for batch in order(128 * 5, np.random.RandomState(0)).reshape(5, 128):
        assert len(set(ORDERED[batch[:64], 0])) == 4 and len(set(ORDERED[batch[:64], 1])) == 1


@pytest.mark.parametrize(
    "name, sampler", [("dch", "auto"), ("softmax", "classes"), ("softmax", "relatives")]
)
def test_class_samplers_refuse_images_of_no_class(name, sampler):
    labels = np.where(np.arange(160)[:, None] == 3, [-1, 0], ORDERED)
    assert is_shuffled(sampling("softmax", labels).order, 128)  # auto: it trains without
    with pytest.raises(ValueError, match="some images have no fine label"):
        sampling(name, labels, sampler=sampler)

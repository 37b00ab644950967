"""The order of an epoch: P classes with S images each, relatives among them, from labels alone."""

import numpy as np
import pytest

from gluon_hash.records import loaders, samplers
from gluon_hash.records.features import Features

PARENT = np.array(
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
)  # ten classes; the last is alone in its superclass
BOTH = [samplers.class_batches, samplers.relative_batches]


def labels_of(images_per_class=8, classes=10):
    fine = np.random.RandomState(0).permutation(np.repeat(np.arange(classes), images_per_class))
    return np.stack([fine, PARENT[fine], np.zeros_like(fine)], axis=1)


def batches(order, count, size, seed=0):
    return order(count, np.random.RandomState(seed)).reshape(-1, size)


@pytest.mark.parametrize("make", BOTH)
def test_a_batch_holds_p_classes_with_s_images_each(make):
    labels = labels_of()
    for batch in batches(make(labels, 24, 6), 24 * 20, 24):
        classes, counts = np.unique(labels[batch, 0], return_counts=True)
        assert len(classes) == 6 and (counts == 4).all()
        assert (
            len(set(batch)) == 24
        )  # no image twice, though 8 images do not go evenly into every deal


@pytest.mark.parametrize("make", BOTH)
def test_no_image_twice_in_a_batch_where_decks_run_out_in_it(make):
    labels = labels_of(images_per_class=7)
    assert all(len(set(batch)) == 30 for batch in batches(make(labels, 30, 6), 30 * 40, 30))


def test_a_class_with_too_few_images_repeats_all_of_them():
    labels = labels_of(images_per_class=3)
    for batch in batches(samplers.class_batches(labels, 16, 2), 16 * 4, 16):
        images, counts = np.unique(batch, return_counts=True)
        assert len(images) == 6 and counts.min() >= 2  # 8 draws of 3 images


@pytest.mark.parametrize("make", BOTH)
def test_decks_deal_each_image_once_before_any_again(make):
    labels = labels_of(images_per_class=8)
    dealt = batches(make(labels, 24, 6), 24 * 30, 24).ravel()
    for one in range(10):
        of_class = dealt[labels[dealt, 0] == one]
        whole = len(of_class) // 8 * 8
        assert whole >= 16
        assert (
            np.sort(of_class[:whole].reshape(-1, 8), axis=1) == np.flatnonzero(labels[:, 0] == one)
        ).all()


def test_relative_batches_draw_half_of_the_classes_from_one_superclass():
    labels = labels_of()
    for batch in batches(samplers.relative_batches(labels, 24, 6), 24 * 40, 24):
        first_half = labels[batch[:12]]
        # three classes of one superclass; or the one that is alone, whose next superclass (level 2)
        # holds all
        assert len(np.unique(first_half[:, 0])) == 3
        alone = 9 in first_half[:, 0] or len(np.unique(first_half[:, 1])) > 1
        assert alone or len(np.unique(first_half[:, 1])) == 1


def test_a_class_alone_in_its_superclass_has_relatives_further_up():
    """NABirds has 444 such superclasses of 495. Classes 0 to 3 are alone at level 1, 0 and 1 share
    level 2."""
    ancestors = np.array([[0, 0, 0], [1, 1, 0], [2, 2, 1], [3, 3, 2], [4, 4, 3], [5, 4, 3]])
    labels = np.repeat(ancestors, 4, axis=0)
    drawn = [
        tuple(sorted(labels[batch[:2], 0]))
        for batch in batches(samplers.relative_batches(labels, 4, 4), 1600, 4)
    ]
    # four of six draws find a pair of relatives: 400 * 4 / 6 and, from all, 400 * 2 / 6 * 2 / 15:
    # 284 expected
    assert 230 < sum(pair in ((0, 1), (4, 5)) for pair in drawn) < 340


def test_most_batches_of_relatives_have_more_of_them_than_drawn_classes_would():
    labels = labels_of()

    def largest_family(make):
        return np.mean(
            [
                max(np.bincount(PARENT[np.unique(labels[batch, 0])]))
                for batch in batches(make(labels, 24, 6), 24 * 60, 24)
            ]
        )

    assert largest_family(samplers.relative_batches) > largest_family(samplers.class_batches) + 0.2


def test_one_level_has_no_superclasses():
    labels = labels_of()[:, :1]
    for batch in batches(samplers.relative_batches(labels, 24, 6), 24 * 5, 24):
        assert len(np.unique(labels[batch, 0])) == 6


@pytest.mark.parametrize(
    "make", [*BOTH, lambda labels, size, classes: samplers.shuffled(len(labels))]
)
def test_the_order_follows_from_the_seed(make):
    order = make(labels_of(), 24, 6)
    assert (order(48, np.random.RandomState(3)) == order(48, np.random.RandomState(3))).all()
    assert (order(48, np.random.RandomState(3)) != order(48, np.random.RandomState(4))).any()


def test_shuffled_takes_each_image_at_most_once():
    order = samplers.shuffled(50)(48, np.random.RandomState(0))
    assert len(order) == 48 == len(set(order)) and max(order) < 50


@pytest.mark.parametrize("make", BOTH)
def test_the_loader_reads_an_image_when_its_batch_comes(make, monkeypatch):
    """The order of an epoch comes from labels alone; images are asked for a batch at a time, in
    that order."""
    read = []
    monkeypatch.setattr(Features, "inputs", lambda self, positions: read.append(positions))
    labels = labels_of()
    order = make(labels, 24, 6)
    loader = loaders.FeatureTrainLoader(
        np.zeros((80, 2), np.float32), labels, np.arange(80), 24, 0, order=order
    )
    epoch = loader.epoch(0)
    assert not read
    next(epoch)
    assert len(read) == 1
    list(epoch)
    assert [len(positions) for positions in read] == [24] * 3
    assert all(
        (np.unique(labels[positions, 0], return_counts=True)[1] == 4).all() for positions in read
    )


@pytest.mark.parametrize(
    "make, size, classes, message",
    [
        (samplers.class_batches, 24, 1, "from 2 to 10"),
        (samplers.class_batches, 24, 11, "from 2 to 10"),
        (samplers.class_batches, 24, 5, "divides the batch size 24"),
        (samplers.relative_batches, 24, 5, "divides"),
        (samplers.relative_batches, 24, 2, "4 or more, got 2"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(make, size, classes, message):
    with pytest.raises(ValueError, match=message):
        make(labels_of(), size, classes)

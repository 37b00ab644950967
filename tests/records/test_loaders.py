"""Loaders: what they promise as protocols, what is exported without MXNet, work done ahead."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from gluon_hash import records
from gluon_hash.records import protocols
from gluon_hash.records.prefetch import mapped, prefetched


def features(count=10):
    return np.zeros((count, 3), np.float32), np.zeros((count, 2), np.int32), np.arange(count)


@pytest.mark.mxnet
def test_our_loaders_keep_their_protocols(prepared):
    file, transform = records.RecordFile(prepared / "query.rec"), records.ImageTransform(32, 32)
    training = [
        records.TrainLoader(file, transform, 4, 0),
        records.FeatureTrainLoader(*features(), 4, 0),
    ]
    evaluation = [
        records.EvalLoader(file, transform, 4),
        records.FeatureEvalLoader(*features(), 4),
    ]
    for loader in training:
        assert isinstance(loader, protocols.TrainingLoader)
        assert not isinstance(loader, protocols.EvaluationLoader)
    for loader in evaluation:
        assert isinstance(loader, protocols.EvaluationLoader)
        assert not isinstance(loader, protocols.TrainingLoader)
    assert all(isinstance(loader, records.Loader) for loader in training + evaluation)


@pytest.mark.mxnet
def test_a_number_of_batches_is_what_an_epoch_gives():
    loader = records.FeatureTrainLoader(*features(10), 3, 0)
    assert [len(batch.id) for batch in loader.epoch(0)] == [3] * len(loader) == [3, 3, 3]
    loader = records.FeatureEvalLoader(*features(10), 3)
    assert [len(batch.id) for batch in loader] == [3, 3, 3, 1] and len(loader) == 4


@pytest.mark.mxnet
def test_an_order_of_ones_own():
    """Any function (count, random numbers) -> positions is an Order."""
    backwards = records.FeatureTrainLoader(
        *features(6), 2, 0, order=lambda count, rng: np.arange(count)[::-1]
    )
    assert [batch.id.tolist() for batch in backwards.epoch(3)] == [[5, 4], [3, 2], [1, 0]]


@pytest.mark.mxnet
def test_the_names_come_without_mxnet_until_a_loader_is_asked_for():
    script = (
        "import sys, gluon_hash.records as records\n"
        "assert set(records.__all__) <= set(dir(records))\n"
        "records.Loader, records.Batch, records.samplers.shuffled, records.decode_image\n"
        "assert 'mxnet' not in sys.modules\n"
        "records.TrainLoader\n"
        "assert 'mxnet' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Loder'"):
        records.Loder  # noqa: B018
    for name in records.__all__:
        assert getattr(records, name) is not None


def test_work_is_done_ahead_in_another_thread_and_stays_in_order():
    threads = set()

    def make():
        for number in range(20):
            threads.add(threading.get_ident())
            yield number

    assert list(prefetched(make, num_ahead=2)) == list(range(20))
    assert threading.get_ident() not in threads


def test_an_error_of_the_thread_is_raised_by_the_consumer_after_what_came_before():
    def make():
        yield 1
        raise RuntimeError("disk on fire")

    items = prefetched(make)
    assert next(items) == 1
    with pytest.raises(RuntimeError, match="disk on fire"):
        next(items)


@pytest.mark.parametrize("count", [0, 1, 8, 100])
def test_threads_give_results_in_order(count):
    threads = set()

    def square(number):
        threads.add(threading.get_ident())
        return number**2

    assert list(mapped(square, count)) == [number**2 for number in range(count)]
    assert threading.get_ident() not in threads


def test_threads_do_not_run_far_ahead_and_raise_the_first_error(monkeypatch):
    monkeypatch.setattr("gluon_hash.environment.processors", lambda: 3)
    made, before = [], threading.active_count()

    def make(number):
        made.append(number)
        if number == 50:
            raise RuntimeError("record 50")
        return number

    results = mapped(make, 10**6)
    assert [next(results) for _ in range(48)] == list(range(48))
    with pytest.raises(RuntimeError, match="record 50"):
        list(results)
    # tasks of 8: the first 6 were used up, the one that failed, and 4 more may have been begun
    assert len(made) <= 8 * (6 + 1 + 4) and threading.active_count() == before


def test_the_thread_ends_when_the_consumer_goes_away():
    made = []

    def make():
        for number in range(1000):
            made.append(number)
            yield number

    before = threading.active_count()
    items = prefetched(make, num_ahead=2)
    next(items)
    items.close()
    assert threading.active_count() == before
    assert len(made) <= 5  # one used, two that waited, one in hand, one begun


@pytest.mark.mxnet
def test_workers_share_each_batch_of_one_alone():
    """The rows of two workers, put together, are the batch of a loader without workers."""
    values = np.arange(14, dtype=np.float32)[:, None]
    labels, ids = np.zeros((14, 1), np.int32), np.arange(14) + 100
    whole, *halves = [
        records.FeatureTrainLoader(values, labels, ids, 4, 3, **rows)
        for rows in ({}, {"rows": slice(0, 2)}, {"rows": slice(2, 4)})
    ]
    assert len(whole) == len(halves[0]) == 3
    for batch, first, second in zip(whole.epoch(5), *(half.epoch(5) for half in halves)):
        assert np.concatenate([first.id, second.id]).tolist() == batch.id.tolist()
        assert first.image.asnumpy()[:, 0].tolist() == (first.id - 100).tolist()


@pytest.mark.mxnet
def test_a_part_of_an_evaluation_loader_has_its_rows_alone(prepared):
    file = records.RecordFile(prepared / "query.rec")
    transform = records.ImageTransform(resize=32, crop=32)
    whole = records.EvalLoader(file, transform, 7)
    parts = [whole.part(rows) for rows in (slice(0, 20), slice(20, len(file)))]
    assert [len(part.ids) for part in parts] == [20, len(file) - 20]
    images = [
        np.concatenate([batch.image.asnumpy() for batch in loader]) for loader in (whole, *parts)
    ]
    assert np.array_equal(np.concatenate(images[1:]), images[0])
    loader = records.FeatureEvalLoader(np.ones((5, 2)), np.zeros((5, 1)), np.arange(5), 2)
    assert [batch.id.tolist() for batch in loader.part(slice(2, 5))] == [[2, 3], [4]]


@pytest.mark.mxnet
def test_loaders_of_some_rows_share_the_features_and_give_what_a_copy_gives(rng):
    from gluon_hash.records.features import Features

    values, labels = rng.randn(9, 3).astype(np.float32), rng.randint(0, 4, (5, 2))
    positions, ids = np.array([8, 1, 2, 6, 3]), np.arange(5) + 70
    of_rows = {"positions": positions}
    pairs = [
        (
            records.FeatureEvalLoader(values, labels, ids, 2, **of_rows),
            records.FeatureEvalLoader(values[positions], labels, ids, 2),
        ),
        (
            records.FeatureEvalLoader(values, labels, ids, 2, **of_rows).part(slice(1, 4)),
            records.FeatureEvalLoader(values[positions[1:4]], labels[1:4], ids[1:4], 2),
        ),
        (
            records.FeatureTrainLoader(values, labels, ids, 2, 7, **of_rows).epoch(1),
            records.FeatureTrainLoader(values[positions], labels, ids, 2, 7).epoch(1),
        ),
    ]
    for shared, copied in pairs:
        for ours, theirs in zip(shared, copied, strict=True):
            np.testing.assert_array_equal(ours.image.asnumpy(), theirs.image.asnumpy())
            np.testing.assert_array_equal(
                ours.level_labels.asnumpy(), theirs.level_labels.asnumpy()
            )
            np.testing.assert_array_equal(ours.id, theirs.id)
    assert np.shares_memory(Features(values, labels, ids, positions).features, values)
    values[6, 1] = np.nan
    with pytest.raises(ValueError, match=r"features of id 73 hold NaN or infinity \(1 images do\)"):
        records.FeatureTrainLoader(values, labels, ids, 2, 7, **of_rows)
    values[6, 1], values[0] = 0.0, np.nan  # not of a row that is read
    records.FeatureTrainLoader(values, labels, ids, 2, 7, **of_rows)

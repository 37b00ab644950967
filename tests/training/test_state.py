"""How far a training is: the best epoch, early stops, what a checkpoint keeps and reads."""

import pytest

from gluon_hash.training import Progress
from gluon_hash.training.state import EpochReport


def after(values, lowest):
    progress = Progress()
    for epoch, value in enumerate(values, start=1):
        progress = progress.after(epoch, value, lowest=lowest)
    return progress


@pytest.mark.parametrize(
    "values, lowest, expected",
    [
        ([], False, Progress(0, None, None, 0)),
        ([0.2], False, Progress(1, 1, 0.2, 0)),
        ([0.2, 0.5, 0.3], False, Progress(3, 2, 0.5, 1)),
        ([0.2, 0.5, 0.3], True, Progress(3, 1, 0.2, 2)),
        ([0.5, 0.5], False, Progress(2, 1, 0.5, 1)),  # as good is not better
        ([0.0, -1.0], False, Progress(2, 1, 0.0, 1)),  # 0 is a value
    ],
)
def test_the_best_epoch_is_the_first_with_the_best_value(values, lowest, expected):
    assert after(values, lowest) == expected


def test_a_training_ends_with_its_epochs_or_without_a_better_one():
    progress = Progress(epochs_done=4, best_epoch=2, best_value=0.5, epochs_without_better=2)
    assert progress.is_finished(4, None) and not progress.is_finished(5, None)
    assert progress.is_finished(9, 2) and not progress.is_finished(9, 3)


def test_progress_is_read_from_what_it_writes_and_from_more():
    progress = Progress(4, 2, 0.5, 2)
    assert Progress.from_dict({**progress.to_dict(), "version": 2, "sha256": {}}) == progress
    values = progress.to_dict()
    del values["best_value"]
    with pytest.raises(KeyError, match="best_value"):
        Progress.from_dict(values)


def test_a_line_of_the_log_has_what_the_memory_learnt_beside_the_rest():
    report = EpochReport(1.5, 0.01, 2.0, 100.0, 0.5, {"center_shift": 0.25})
    assert report.to_dict() == {
        "loss": 1.5,
        "lr": 0.01,
        "seconds": 2.0,
        "images_per_second": 100.0,
        "refresh_seconds": 0.5,
        "center_shift": 0.25,
    }

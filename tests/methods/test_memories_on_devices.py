"""Memories on their device: what NumPy would keep, no waiting in a step, nothing elsewhere."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluon_hash.methods.memory import ImageCodes, PerEpoch, RecentCodes, codes

SIZE, BITS, LEVELS, IMAGES = 10, 4, 2, 30
SECOND = mx.cpu(1)  # as a GPU would be, another context than the default one


def batches(rng, sizes):
    for size in sizes:
        yield (
            rng.randn(size, BITS).astype(np.float32),
            rng.randint(0, 5, (size, LEVELS)).astype(np.float32),
            rng.permutation(IMAGES)[:size],
        )


def solve(own, labels, previous):
    return np.sign(own) + labels[:, None] + previous


@pytest.mark.parametrize("context", [mx.cpu(), SECOND])
def test_recent_codes_are_a_ring(context, rng):
    """The twin writes row by row; batches end before, at and after the end, or fill it twice."""
    memory, next_row = RecentCodes(SIZE, BITS, LEVELS), 0
    held = [np.zeros((SIZE, width), np.float32) for width in (BITS, LEVELS)]
    valid = np.zeros((1, SIZE), np.float32)
    for code, labels, ids in batches(rng, (4, 6, 7, 3, 10, 1, 13, 27, 5)):
        arrays = memory.arrays(context, ids)
        assert [array.context for array in arrays] == [context] * 3
        for array, expected in zip(arrays, [*held, valid]):
            np.testing.assert_array_equal(array.asnumpy(), expected)
        memory.observe(nd.array(code, context), nd.array(labels, context), ids)
        for row in range(len(ids)):
            held[0][next_row], held[1][next_row] = code[row], labels[row]
            valid[0, next_row], next_row = 1, (next_row + 1) % SIZE
    state = memory.state()
    np.testing.assert_array_equal(state["codes"], held[0])
    assert int(state["next"]) == next_row


@pytest.mark.parametrize("most_waiting", [1, 2, 1024])
def test_image_codes_are_what_was_seen_last(most_waiting, rng, monkeypatch):
    monkeypatch.setattr(codes, "MOST_WAITING", most_waiting)
    memory = ImageCodes(np.arange(IMAGES), BITS, solve)
    own, targets = np.zeros((IMAGES, BITS), np.float32), np.zeros((IMAGES, BITS), np.float32)
    found, known = np.full(IMAGES, -1), np.zeros((IMAGES, 1), np.float32)
    for epoch in range(2):
        for code, labels, ids in batches(rng, (5, 9, 7)):
            arrays = memory.arrays(SECOND, ids)
            assert [array.context for array in arrays] == [SECOND] * 2
            np.testing.assert_array_equal(arrays[0].asnumpy(), targets[ids])
            np.testing.assert_array_equal(arrays[1].asnumpy(), known[ids])
            memory.observe(nd.array(code, SECOND), nd.array(labels, SECOND), ids)
            own[ids], found[ids] = code, labels[:, 0]
        np.testing.assert_array_equal(memory.state()["codes"], own)  # within the epoch too
        memory.finish(epoch)
        seen = found >= 0
        targets[seen] = solve(own[seen], found[seen], targets[seen])
        known[seen] = 1


def test_a_state_that_is_loaded_replaces_what_waits(rng):
    memory, other = (ImageCodes(np.arange(IMAGES), BITS, solve) for _ in range(2))
    for each in (memory, other):
        for code, labels, ids in batches(rng, (5, 9)):
            each.observe(nd.array(code), nd.array(labels), ids)
    memory.load_state(other.state())
    for name, value in other.state().items():
        np.testing.assert_array_equal(memory.state()[name], value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RecentCodes(SIZE, BITS, LEVELS),
        lambda: ImageCodes(np.arange(IMAGES), BITS, solve),
        lambda: PerEpoch(lambda epoch: np.array([[epoch]]), RecentCodes(SIZE, BITS, LEVELS)),
    ],
)
def test_a_step_does_not_wait_for_the_device(make, rng, monkeypatch):
    memory = make()
    memory.start(0)
    steps = [(nd.array(code), nd.array(labels), ids) for code, labels, ids in batches(rng, (4, 8))]

    def refused(*arguments):
        raise AssertionError("waits for the device")

    for name in ("asnumpy", "wait_to_read", "asscalar"):
        monkeypatch.setattr(nd.NDArray, name, refused)
    for code, labels, ids in steps:
        memory.arrays(mx.cpu(), ids)
        memory.observe(code, labels, ids)
    if isinstance(memory, ImageCodes):
        with pytest.raises(AssertionError, match="waits"):
            memory.finish(0)  # which solves, in NumPy

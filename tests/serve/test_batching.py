"""The queue in front of the network: batches, failures, the end."""

import threading
import time

import numpy as np
import pytest

from gluon_hash.serve.batching import Batcher, Busy


class Doubler:
    """Doubles numbers, remembers the batches; waits while ``go`` is not set; refuses 13."""

    def __init__(self):
        self.batches, self.threads, self.go = [], set(), threading.Event()
        self.go.set()

    def __call__(self, items):
        self.go.wait(10)
        self.batches.append(items[:, 0].tolist())
        self.threads.add(threading.get_ident())
        if 13 in items:
            raise ValueError("unlucky")
        return items * 2


def numbers(*values):
    return [np.array([value]) for value in values]


def test_what_comes_while_a_call_runs_is_one_batch():
    encode = Doubler()
    encode.go.clear()
    batcher = Batcher(encode, max_batch=4, window=0)
    first = batcher.submit(np.array([0]))
    while len(batcher):  # the thread has taken it and waits
        time.sleep(0.001)
    later = [batcher.submit(item) for item in numbers(1, 2, 3, 4, 5)]
    encode.go.set()
    assert [int(code.result(5)[0]) for code in [first, *later]] == [0, 2, 4, 6, 8, 10]
    assert encode.batches == [[0], [1, 2, 3, 4], [5]]
    assert len(encode.threads) == 1 and threading.get_ident() not in encode.threads
    batcher.close()


def test_a_batch_waits_for_others_within_its_window():
    encode = Doubler()
    batcher = Batcher(encode, max_batch=3, window=5.0)
    codes = [batcher.submit(item) for item in numbers(1, 2, 3)]
    assert [int(code.result(5)[0]) for code in codes] == [2, 4, 6]  # full: no wait of 5 seconds
    assert encode.batches == [[1, 2, 3]]
    batcher.close()


def test_one_that_fails_spoils_none_of_the_others():
    encode = Doubler()
    encode.go.clear()
    batcher = Batcher(encode, window=0.2)
    codes = [batcher.submit(item) for item in numbers(1, 13, 3)]
    encode.go.set()
    assert int(codes[0].result(5)[0]) == 2 and int(codes[2].result(5)[0]) == 6
    with pytest.raises(ValueError, match="unlucky"):
        codes[1].result(5)
    assert int(batcher.submit(np.array([4])).result(5)[0]) == 8  # the thread lives on
    batcher.close()


def test_items_of_other_shapes_are_calls_of_their_own():
    shapes = []

    def encode(items):
        shapes.append(items.shape)
        return items.reshape(len(items), -1)[:, :1]

    batcher = Batcher(encode, window=0.2)
    codes = [batcher.submit(np.zeros(shape)) for shape in ((2,), (3,), (2,))]
    for code in codes:
        code.result(5)
    assert sorted(shapes) == [(1, 3), (2, 2)]
    batcher.close()


def test_a_full_queue_refuses_and_a_cancelled_item_costs_nothing():
    encode = Doubler()
    encode.go.clear()
    batcher = Batcher(encode, max_batch=1, window=0, waiting=2)
    running = batcher.submit(np.array([0]))
    while len(batcher):
        time.sleep(0.001)
    waiting = [batcher.submit(item) for item in numbers(1, 2)]
    with pytest.raises(Busy, match="full"):
        batcher.submit(np.array([3]))
    assert waiting[0].cancel()
    encode.go.set()
    assert int(waiting[1].result(5)[0]) == 4 and int(running.result(5)[0]) == 0
    assert encode.batches == [[0], [2]]
    batcher.close()


def test_the_end_finishes_what_was_taken_and_takes_no_more():
    encode = Doubler()
    encode.go.clear()
    batcher = Batcher(encode, max_batch=2, window=0)
    codes = [batcher.submit(item) for item in numbers(*range(9))]
    ending = threading.Thread(target=batcher.close)
    ending.start()
    while not batcher._closed:
        time.sleep(0.001)
    with pytest.raises(Busy, match="closed"):
        batcher.submit(np.array([10]))
    encode.go.set()
    ending.join(5)
    assert [int(code.result(0)[0]) for code in codes] == [2 * value for value in range(9)]
    batcher.close()  # again changes nothing

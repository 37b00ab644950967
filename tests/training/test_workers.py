"""Workers that train together: what they tell each other, and that two train what one does."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import together
from mxnet import nd

from gluon_hash.methods import METHODS
from gluon_hash.training.agreement import agree
from gluon_hash.training.workers import ALONE, ServedWorkers, Workers

# centers by a pass of their own and learned ones, recent codes and solved ones, triplets, a head
QUICK = ["hpdh", "dcdh", "dpsh", "dsdh", "dtsh", "ssdh"]
START = (
    "import sys; from gluon_hash import launch; "
    "sys.exit(launch.start(sys.argv[2:], int(sys.argv[1]), 1))"
)


class Server:
    """The sums of dist_sync for threads of this process."""

    def __init__(self, count):
        self.num_workers, self.sums, self.meet = count, {}, threading.Barrier(count, timeout=30)

    def of(self, rank):
        return Store(self, rank)


class Store:
    def __init__(self, server, rank):
        self.server, self.rank, self.num_workers = server, rank, server.num_workers

    def init(self, key, value):
        pass

    def push(self, key, value):
        if self.server.meet.wait() == 0:
            self.server.sums[key] = []
        self.server.meet.wait()
        self.server.sums[key].append(value.asnumpy())
        self.server.meet.wait()

    def pull(self, key, out):
        out[:] = nd.array(np.sum(self.server.sums[key], axis=0), dtype=out.dtype)


def in_threads(count, work):
    """What ``work(workers)`` returns for each of ``count`` workers."""
    server, found = Server(count), [None] * count

    def run(rank):
        found[rank] = work(ServedWorkers(server.of(rank)))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_what_is_gathered_arrives_bit_for_bit():
    special = np.array([-0.0, np.nan, np.inf, 1e-45, np.pi], np.float32)

    def work(workers):
        return [
            workers.gather(special * (workers.rank + 1)),
            workers.gather(np.array([-(2**62) - workers.rank])),
            workers.gather(np.array([workers.rank + 7] * 3, np.uint8)),
        ]

    for found in in_threads(3, work):
        for rank in range(3):
            assert found[0][rank].tobytes() == (special * (rank + 1)).tobytes()
            assert found[1][rank].tolist() == [-(2**62) - rank]
            assert found[2][rank].tolist() == [rank + 7] * 3


def test_rows_come_in_the_order_of_the_workers_however_many_each_has(monkeypatch):
    monkeypatch.setattr("gluon_hash.training.workers.ROWS_AT_A_TIME", 4)  # two rows a message
    rows = np.arange(20).reshape(10, 2)
    parts = [rows[:5], rows[5:5], rows[5:]]
    for found in in_threads(3, lambda workers: workers.gather_rows(parts[workers.rank])):
        assert np.array_equal(found, rows)


def test_the_first_decides_and_all_are_asked():
    def work(workers):
        told = workers.of_first({"a": 0.1, "b": [None, "c"]} if workers.is_first else None)
        return told, workers.largest([3, 15, 0][workers.rank])

    assert in_threads(3, work) == [({"a": 0.1, "b": [None, "c"]}, 15)] * 3
    assert ALONE.of_first({"a": 1}) == {"a": 1} and ALONE.largest(4) == 4


@pytest.mark.parametrize("count", [2, 3])
def test_sums_are_the_same_whoever_comes_first(count):
    values = (10.0 ** np.linspace(-8, 8, count * 6).reshape(count, 6)).astype(np.float32)

    def work(workers):
        arrays = [
            nd.array(values[workers.rank, :4].reshape(2, 2)),
            nd.array(values[workers.rank, 4:]),
        ]
        workers.sum_in_place(arrays)
        return np.concatenate([array.asnumpy().ravel() for array in arrays])

    exact = values.astype(np.float64).sum(axis=0).astype(np.float32)
    assert all(np.array_equal(found, exact) for found in in_threads(count, work))


def test_shares_are_whole_and_do_not_overlap():
    for count, images in ((1, 5), (2, 5), (3, 7), (4, 3)):
        shares = []
        for rank in range(count):
            workers = Workers()
            workers.rank, workers.count = rank, count
            shares += range(images)[workers.share(images)]
        assert shares == list(range(images))


def test_a_worker_that_was_started_otherwise_is_found():
    def work(workers):
        with pytest.raises(ValueError, match="worker 1 has another configuration than worker 0"):
            workers.check_same("configuration", b"ab"[workers.rank :])
        workers.check_same("network", b"c")
        return True

    assert in_threads(2, work) == [True, True]


def test_workers_that_drift_apart_go_on_from_the_first(tmp_path):
    """On unequal processors; here one weight is changed."""
    from test_training import make

    from gluon_hash.training.checkpoint import save_checkpoint
    from gluon_hash.training.state import CheckpointState, Progress

    trainers = [make(), make()]
    for trainer in trainers:
        trainer.train_epoch(0)
    trainers[1].net[0].weight.data()[0, 0] += 1
    save_checkpoint(tmp_path / "last.ckpt", trainers[0], CheckpointState(Progress(1, 1, 0.0, 0)))

    def work(workers):
        trainer = trainers[workers.rank]
        trainer.workers = workers
        agree(trainer, tmp_path / "last.ckpt")
        return trainer.net[0].weight.data().asnumpy()

    first, second = in_threads(2, work)
    assert np.array_equal(first, second)


def compare(names, num_workers, tmp_path):
    script = Path(together.__file__)
    arguments = [str(num_workers), sys.executable, str(script), str(tmp_path / "o.npz"), *names]
    subprocess.run([sys.executable, "-c", START, *arguments], check=True, timeout=240)
    alone, several = together.trained(names, ALONE), np.load(tmp_path / "o.npz")
    for name in names:
        np.testing.assert_allclose(several[f"{name} loss"], alone[f"{name} loss"], rtol=1e-6)
        np.testing.assert_allclose(
            several[f"{name} codes"], alone[f"{name} codes"], rtol=1e-4, atol=1e-5
        )
        assert len(several[f"{name} digest"]) == num_workers
        assert len(set(several[f"{name} digest"].tolist())) == 1  # bit for bit among themselves


def test_two_workers_train_what_one_does(tmp_path):
    compare(QUICK, 2, tmp_path)


@pytest.mark.slow
def test_three_workers_train_what_one_does_with_every_method(tmp_path):
    compare(list(METHODS), 3, tmp_path)

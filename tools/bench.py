"""Speed here: training, encoding, reading records, the loss in a step, evaluation: `make bench`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from gluon_hash import doctor
from gluon_hash.engine import autograd, gluon, mx, nd
from gluon_hash.losses import HPDHLoss
from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.records import ImageTransform, RecordFile, write_records
from gluon_hash.records.loaders import EvalLoader, TrainLoader
from gluon_hash.records.pack import encode_png
from gluon_hash.retrieval import CodeTable, codes, evaluate

NUM_BITS, BATCH_SIZE, NUM_CLASSES = 48, 128, (100, 20)


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median time of ``work``, after one call that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def training(backbone: str, side: int) -> None:
    """Images/s of training steps and of encoding; milliseconds of the loss with its gradient."""
    net, loss = HashingNet(get_backbone(backbone), NUM_BITS), HPDHLoss(NUM_BITS, [1.0, 0.5])
    net.initialize()
    for block in (net, loss):
        block.hybridize(static_alloc=True, static_shape=True)
    optimizer = gluon.Trainer(
        net.collect_params(),
        "sgd",
        {"learning_rate": 1e-3, "momentum": 0.9, "wd": 5e-4},
        update_on_kvstore=False,
    )
    images = nd.random.normal(shape=(BATCH_SIZE, 3, side, side))
    labels = nd.array(np.random.RandomState(0).randint(0, 20, (BATCH_SIZE, 2)))
    centers = [nd.random.normal(shape=(count, NUM_BITS)) for count in NUM_CLASSES]

    def step() -> None:
        with autograd.record():
            value = loss(net(images), labels, *centers)
        value.backward()
        optimizer.step(BATCH_SIZE)
        mx.nd.waitall()

    code = net(images).detach()
    code.attach_grad()

    def loss_alone() -> None:
        with autograd.record():
            value = loss(code, labels, *centers)
        value.backward()
        mx.nd.waitall()

    whole, part = seconds(step), seconds(loss_alone, 50)
    encoding = seconds(lambda: net(images).wait_to_read())
    print(
        f"{backbone} at {side} px, batches of {BATCH_SIZE}: training {BATCH_SIZE / whole:.0f} "
        "images/s, "
        f"encoding {BATCH_SIZE / encoding:.0f} images/s, "
        f"loss {1000 * part:.2f} ms = {100 * part / whole:.2f} % of a step"
    )


def reading(num_images: int) -> None:
    """Images/s of the loaders: PNG of 32 px, the first pass and, kept in memory, a later one."""
    rng = np.random.RandomState(0)
    entries = (
        (i, np.zeros(2), encode_png(rng.randint(0, 256, (32, 32, 3)).astype(np.uint8)))
        for i in range(num_images)
    )
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder) / "x.rec", entries, num_images)
        transform = ImageTransform(32, 32, pad=4, flip=True)
        loader = TrainLoader(RecordFile(Path(folder) / "x.rec"), transform, BATCH_SIZE, 0)
        for name in ("first epoch", "later epochs"):
            started = time.perf_counter()
            count = sum(len(batch.id) for batch in loader.epoch(0))
            print(
                f"records, training, {name}: {count / (time.perf_counter() - started):.0f} images/s"
            )
        started = time.perf_counter()
        list(EvalLoader(RecordFile(Path(folder) / "x.rec"), transform, BATCH_SIZE))
        print(f"records, evaluation: {num_images / (time.perf_counter() - started):.0f} images/s")


def evaluating(num_queries: int, num_database: int) -> None:
    """Seconds for every metric of the CIFAR-100 protocol, compiled beforehand."""
    rng = np.random.RandomState(0)
    centers = rng.randn(NUM_CLASSES[0], NUM_BITS)

    def table(count: int) -> CodeTable:
        fine = rng.randint(0, NUM_CLASSES[0], count)
        labels = np.stack([fine, fine // 5], axis=1).astype(np.int32)
        relaxed = centers[fine] + 1.5 * rng.randn(count, NUM_BITS)
        return CodeTable(np.arange(count), codes.pack(relaxed), labels, NUM_BITS)

    query, database = table(num_queries), table(num_database)
    print(
        f"evaluation, every metric, {num_queries} x {num_database} at {NUM_BITS} bits: "
        f"{seconds(lambda: evaluate(query, database), 3):.2f} s"
    )


if __name__ == "__main__":
    print({name: value for name, value in doctor.version_report().items() if name != "packages"})
    training("cifar_resnet20_v1", 32)
    training("resnet50_v1", 64)
    reading(10_000)
    evaluating(10_000, 50_000)

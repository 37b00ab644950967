"""Rows of `make bench` for networks and records: training, encoding, the loss, reading."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench_machine import Machine
from bench_measuring import Peer, Row

from gluon_hash.engine import autograd, gluon, mx, nd
from gluon_hash.losses import HPDHLoss
from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.records import ImageTransform, RecordFile, write_records
from gluon_hash.records.loaders import EvalLoader, TrainLoader
from gluon_hash.records.pack import encode_png

__all__ = ["network_rows", "record_rows"]

NUM_BITS, BATCH_SIZE, NUM_CLASSES = 48, 128, (100, 20)
NUM_RECORDS = 10_000


def network_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """Training steps and encoding of two networks; the loss with its gradient."""
    for backbone, side in (("cifar_resnet20_v1", 32), ("resnet50_v1", 64)):
        yield from _network_rows(backbone, side)


def _network_rows(backbone: str, side: int) -> Iterator[Row]:
    net, loss = HashingNet(get_backbone(backbone), NUM_BITS), HPDHLoss(NUM_BITS, [1.0, 0.5])
    net.initialize()
    for block in (net, loss):
        block.hybridize(static_alloc=True, static_shape=True)
    settings = {"learning_rate": 1e-3, "momentum": 0.9, "wd": 5e-4}
    optimizer = gluon.Trainer(net.collect_params(), "sgd", settings, update_on_kvstore=False)
    images = nd.random.normal(shape=(BATCH_SIZE, 3, side, side))
    labels = nd.array(np.random.RandomState(0).randint(0, 20, (BATCH_SIZE, 2)))
    centers = [nd.random.normal(shape=(count, NUM_BITS)) for count in NUM_CLASSES]
    code = net(images).detach()
    code.attach_grad()

    def work(forward: Callable[[], nd.NDArray], *, update: bool) -> Callable[[], None]:
        def step() -> None:
            with autograd.record():
                value = loss(forward(), labels, *centers)
            value.backward()
            if update:
                optimizer.step(BATCH_SIZE)
            mx.nd.waitall()

        return step

    what = f"{backbone} at {side} px, batches of {BATCH_SIZE}"
    rivals = {}
    if backbone == "resnet50_v1":
        arrays = {"images": images.asnumpy(), "num_bits": np.array(NUM_BITS)}
        rivals["PyTorch, channels last"] = Peer("torch", "torch_resnet50", arrays)
    training = work(lambda: net(images), update=True)
    yield Row(f"training, {what}", "images", BATCH_SIZE, training, rivals)
    yield Row(f"encoding, {what}", "images", BATCH_SIZE, lambda: net(images).wait_to_read())
    alone = work(lambda: code, update=False)
    yield Row(f"the loss alone, {what}", "images", BATCH_SIZE, alone)


def record_rows(machine: Machine, large: bool) -> Iterator[Row]:
    """The loaders: PNG of 32 px, the first pass and, kept in memory, a later one."""
    rng = np.random.RandomState(0)
    entries = (
        (i, np.zeros(2), encode_png(rng.randint(0, 256, (32, 32, 3)).astype(np.uint8)))
        for i in range(NUM_RECORDS)
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.rec"
        write_records(file, entries, NUM_RECORDS)
        transform = ImageTransform(32, 32, pad=4, flip=True)

        def loader() -> TrainLoader:
            return TrainLoader(RecordFile(file), transform, BATCH_SIZE, 0)

        def first() -> None:
            for _ in loader().epoch(0):
                pass

        kept = loader()

        def later() -> None:
            for _ in kept.epoch(0):
                pass

        def evaluation() -> None:
            for _ in EvalLoader(RecordFile(file), transform, BATCH_SIZE):
                pass

        what = "records of 32 px PNG"
        yield Row(f"{what}, training, first epoch", "images", NUM_RECORDS, first)
        yield Row(f"{what}, training, later epochs", "images", NUM_RECORDS, later)
        yield Row(f"{what}, evaluation", "images", NUM_RECORDS, evaluation)

"""Rows of `make bench` for training: steps of two networks, the loss, epochs on cached features."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench_encoding import MULTIPLY_ADDS, NUM_BITS, TORCH, drawn
from bench_measuring import Bench, Here, Peer, Row, Size, Works

__all__ = ["configured", "feature_folder", "feature_rows", "training_rows"]

BATCH_SIZE, NUM_CLASSES = 128, (100, 20)
FAST = {
    "cifar_resnet20_v1": (("float32", "fast"), ("bfloat16", "fast")),
    "resnet50_v1": (("bfloat16", "fast"),),
}
STEPS = {"cifar_resnet20_v1": 4, "resnet50_v1": 1}  # in a call
RIVALS = "bench_rival_nets"
STEP = (
    "A step of ResNet-20 spends 40 % in two reference kernels of MXNet's oneDNN (of 2021), which "
    "`training.kernels: fast` leaves out; what is left is convolutions, 80 % there and 86 % in "
    "ResNet-50, where bfloat16 is the way to more."
)
EPOCH = (
    "A step of 128 rows takes about a millisecond, much of which MXNet spends on starting its "
    "operators; ours also writes a checkpoint and a log and keeps the best epoch."
)


def training_rows(size: Size) -> Iterator[Row]:
    """ResNet-20 at 32 and ResNet-50 at 64 pixels; HPDH's loss alone."""
    batch_size = size(BATCH_SIZE, 8)
    for net, side in (("cifar_resnet20_v1", 32), ("resnet50_v1", size(64, 32))):
        for precision, kernels in (("float32", "compatible"), *FAST[net]):
            chosen = "" if kernels == "compatible" else f", {precision}, kernels: {kernels}"
            work = partial(
                _training, net=net, side=side, batch_size=batch_size, precision=precision
            )
            yield Row(
                f"{net}, {side} px, batches of {batch_size}{chosen}",
                partial(work, kernels=kernels),
                amount=STEPS[net] * batch_size,
                unit="images",
                seconds=25,
                behind=STEP,
            )
    yield Row(
        f"HPDH's loss and its gradient, batches of {batch_size}, {NUM_BITS} bits",
        partial(_loss, batch_size=batch_size),
        amount=batch_size,
        unit="images",
        seconds=4,
    )


class _Batches:
    """A loader of one batch, over and over."""

    def __init__(self, batch_size: int, side: int, count: int) -> None:
        from gluon_hash.engine import nd
        from gluon_hash.records import Batch

        images, labels = nd.array(drawn(batch_size, side)), nd.array(labels_of(batch_size))
        self._batches = [Batch(images, labels, np.arange(batch_size))] * count

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, epoch: int) -> Iterator[Any]:
        """Always the same."""
        return iter(self._batches)


def labels_of(count: int) -> np.ndarray:
    """Level labels, float32 (count, 2)."""
    fine = np.random.default_rng(0).integers(0, NUM_CLASSES[0], count)
    return np.stack([fine, fine // 5], axis=1).astype(np.float32)


def centers() -> list[np.ndarray]:
    """Of both levels, float32 (classes, NUM_BITS)."""
    rng = np.random.default_rng(1)
    return [rng.standard_normal((count, NUM_BITS), np.float32) for count in NUM_CLASSES]


def _training(
    bench: Bench, *, net: str, side: int, batch_size: int, precision: str, kernels: str
) -> Works:
    from gluon_hash.engine import gluon, mx
    from gluon_hash.losses import HPDHLoss
    from gluon_hash.methods.memory.base import FixedTargets
    from gluon_hash.nets import HashingNet, get_backbone
    from gluon_hash.training import HashTrainer, schedule

    block = HashingNet(get_backbone(net), NUM_BITS)
    block.initialize(mx.init.Xavier())
    settings = {"learning_rate": 1e-4, "momentum": 0.9, "wd": 5e-4}
    optimizer = gluon.Trainer(block.collect_params(), "sgd", settings, update_on_kvstore=False)
    trainer = HashTrainer(
        block,
        HPDHLoss(NUM_BITS, [1.0, 0.5]),
        _Batches(batch_size, side, STEPS[net]),
        optimizer,
        1e-4,
        schedule.constant(),
        FixedTargets(centers()),
        [mx.cpu()],
        precision=precision,
        kernels=kernels,
    )
    arrays = {
        "images": drawn(batch_size, side),
        "num_bits": NUM_BITS,
        "net": TORCH[net],
    }
    at, multiply_adds = MULTIPLY_ADDS[net]
    work = 3 * multiply_adds * batch_size * STEPS[net] * (side / at) ** 2
    return Works(
        Here(lambda: trainer.train_epoch(0)),
        {
            "torch": Peer("torch", f"{RIVALS}.torch_training", arrays, amount=batch_size),
            "torch, bfloat16": Peer(
                "torch", f"{RIVALS}.torch_training_bfloat16", arrays, amount=batch_size
            ),
        },
        limit=bench.machine.multiplying(work),
    )


def _loss(bench: Bench, *, batch_size: int) -> Works:
    from gluon_hash.engine import autograd, nd
    from gluon_hash.losses import HPDHLoss

    loss = HPDHLoss(NUM_BITS, [1.0, 0.5])
    loss.hybridize(static_alloc=True, static_shape=True)
    code = nd.random.normal(shape=(batch_size, NUM_BITS))
    code.attach_grad()
    labels, arrays = nd.array(labels_of(batch_size)), [nd.array(center) for center in centers()]

    def step() -> None:
        with autograd.record():
            value = loss(code, labels, *arrays)
        value.backward()
        nd.waitall()

    work = 3 * batch_size * NUM_BITS * sum(NUM_CLASSES)
    return Works(Here(step), limit=bench.machine.multiplying(work))


def feature_rows(size: Size) -> Iterator[Row]:
    """An epoch of a linear head on cached features, with and without held-out images."""
    count, width = size(50_000, 2_000), size(2_048, 64)
    for held_out in (True, False):
        what = "validation on the held-out 5 %" if held_out else "no image held out"
        yield Row(
            f"an epoch, {count:,} x {width:,} features, with refresh and checkpoint, {what}",
            partial(_epoch, count=count, width=width, held_out=held_out),
            seconds=60 if held_out else 35,
            behind=EPOCH,
        )


def _epoch(bench: Bench, *, count: int, width: int, held_out: bool) -> Works:
    folder, features, level_labels = feature_folder(bench.folder, count, width)
    config = bench.folder / f"features-{held_out}.yaml"
    config.write_text(configured(folder, width, held_out))
    out = bench.folder / f"run-{held_out}"
    trained = count * 95 // 100 if held_out else count
    own = {"config": str(config), "out": str(out)}
    arrays = {"features": features[:trained], "level_labels": level_labels[:trained]}
    return Works(
        Peer("ours", "bench_own.epoch_on_features", own),
        {
            "torch loop": Peer(
                "torch", f"{RIVALS}.feature_epoch", {**arrays, "num_bits": NUM_BITS}
            ),
        },
        floors={
            "NumPy gathers the rows and computes two products": Here(
                _two_products(features[:trained])
            )
        },
        limit=bench.machine.reading(4 * trained * width),
    )


CONFIG = """\
data: {{root: "{root}", features: "{root}/train.npz", held_out: {held_out}}}
net: {{num_bits: 48, standardize: true, backbone: features, num_features: {width}}}
loss: {{name: hpdh, inv_variances: [1.0, 0.5]}}
optimizer: {{lr: 0.02, clip_gradient_norm: 1.0, schedule: constant}}
training: {{epochs: 1000, batch_size: 128, seed: 24, monitor: loss}}
"""


def configured(root: Path, width: int, held_out: bool) -> str:
    """A configuration of the training on the features of a prepared folder."""
    return CONFIG.format(root=root, width=width, held_out="true" if held_out else "false")


def feature_folder(folder: Path, count: int, width: int) -> tuple[Path, np.ndarray, np.ndarray]:
    """A prepared folder of features, drawn and written once; its features and labels."""
    from gluon_hash import datasets

    rng, root = np.random.default_rng(0), folder / f"features-{count}-{width}"
    labels = labels_of(count).astype(np.int64)
    centers = rng.standard_normal((NUM_CLASSES[0], width), np.float32)
    features = (centers[labels[:, 0]] + rng.standard_normal((count, width), np.float32)).astype(
        np.float16
    )
    if not root.exists():
        asked = rng.standard_normal((NUM_CLASSES[0], width), np.float32)
        query_labels = np.stack([np.arange(len(asked)), np.arange(len(asked)) // 5], axis=1)
        data = datasets.features(features, labels, query=asked, query_labels=query_labels)
        data.write(root)
    return root, features, labels


def _two_products(features: np.ndarray) -> Any:
    """What an epoch cannot do without: rows gathered in batches, the codes, the gradient."""
    floats = features.astype(np.float32)
    weights = np.zeros((floats.shape[1], NUM_BITS), np.float32)

    def work() -> None:
        order = np.random.default_rng(0).permutation(len(floats))
        for start in range(0, len(order), BATCH_SIZE):
            rows = floats[order[start : start + BATCH_SIZE]]
            rows.T @ (rows @ weights)

    return work

"""Rows of `make bench` for encoding: an export by MXNet and by the engines that are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from bench_measuring import Bench, Command, Here, Peer, Row, Size, Works

__all__ = ["MULTIPLY_ADDS", "NUM_BITS", "TORCH", "drawn", "encoding_rows"]

NUM_BITS, CALIBRATION = 48, 32
# multiply-adds of an image: network -> (at that side, how many)
MULTIPLY_ADDS = {"resnet50_v1": (224, 3.87e9), "cifar_resnet20_v1": (32, 41e6)}
RIVALS = "bench_rival_nets"
TORCH = {"resnet50_v1": "resnet50", "cifar_resnet20_v1": "resnet20"}
MXNET = (
    "MXNet 1.9.1 comes with the oneDNN of 2021, whose convolutions are slower than those of ONNX "
    "Runtime and OpenVINO; `--engine openvino` runs the same export by OpenVINO."
)
BFLOAT16 = "The same engine, behind a lock and a check of what it is given."
INT8 = "int8 by MXNet's own quantisation; OpenVINO's bfloat16 needs no calibration."


def encoding_rows(size: Size) -> Iterator[Row]:
    """ResNet-50 at two sizes, batches and one image; the fast paths; ResNet-20."""
    net = "resnet50_v1" if not size.quick else "cifar_resnet20_v1"
    for side in (size(224, 64), size(96, 32)):
        for count in (32, 1):
            yield encoding_row(net, side, count)
            yield encoding_row(net, side, count, engine="openvino")
    yield encoding_row(net, size(224, 64), 32, engine="int8", seconds=60)
    yield encoding_row("cifar_resnet20_v1", 32, 128)


def encoding_row(net: str, side: int, count: int, engine: str = "", seconds: float = 15) -> Row:
    """A row of batches of ``count`` images of ``side`` pixels."""
    number = "one image" if count == 1 else f"{count} images"
    how = {"": "", "openvino": ", --engine openvino --precision bfloat16", "int8": ", --int8"}
    return Row(
        f"{net}, {side} px, {number}{how[engine]}",
        partial(_encoding, net=net, side=side, count=count, engine=engine),
        amount=count,
        unit="images",
        seconds=seconds,
        behind={"": MXNET, "openvino": BFLOAT16, "int8": INT8}[engine],
    )


def _encoding(bench: Bench, *, net: str, side: int, count: int, engine: str) -> Works:
    from gluon_hash.deploy import Predictor

    manifest = exported(bench.folder, net, side, engine == "int8")
    images = drawn(count, side)
    onnx = exported(bench.folder, net, side, False).with_name("net.onnx")
    inputs = {"images": images, "onnx": str(onnx), "num_bits": NUM_BITS, "net": TORCH[net]}
    full, reduced = ({**inputs, "precision": precision} for precision in ("f32", "bf16"))
    rivals: dict[str, Here | Peer | Command] = {
        "OpenVINO, bfloat16": Peer("openvino", f"{RIVALS}.openvino_net", reduced)
    }
    if not engine:
        rivals = {
            "ONNX Runtime": Peer("onnxruntime", f"{RIVALS}.onnxruntime_net", inputs),
            "OpenVINO": Peer("openvino", f"{RIVALS}.openvino_net", full),
        }
    if engine != "int8":
        name, chosen = ("torch, bfloat16", reduced) if engine else ("torch", full)
        rivals[name] = Peer("torch", f"{RIVALS}.torch_encoding", chosen)
    ours: Here | Peer
    if engine == "openvino":
        chosen = {"engine": engine, "precision": "bfloat16", "images": images}
        own = {**chosen, "manifest": str(manifest)}
        ours = Peer("gluon_hash_fast", "bench_own.predictor", own)
    else:
        run = Predictor.load(manifest).run
        ours = Here(lambda: run(images))
    at, multiply_adds = MULTIPLY_ADDS[net]
    work = multiply_adds * count * (side / at) ** 2
    limit = bench.machine.multiplying(
        work, {"": "float32", "openvino": "bfloat16"}.get(engine, engine)
    )
    return Works(ours, rivals, limit=limit)


def drawn(count: int, side: int) -> np.ndarray:
    """Planes as a network sees them: float32 (count, 3, side, side)."""
    return np.random.default_rng(0).standard_normal((count, 3, side, side), np.float32)


def exported(folder: Path, net: str, side: int, int8: bool) -> Path:
    """The manifest of a network of random weights, exported once in a run of the bench."""
    from gluon_hash.deploy import Form, export_network
    from gluon_hash.engine import mx, nd
    from gluon_hash.nets import HashingNet, get_backbone
    from gluon_hash.records import ImageTransform

    out = folder / f"{net}-{side}{'-int8' * int8}" / "net"
    manifest = out.with_name("net.manifest.json")
    if manifest.exists():
        return manifest
    out.parent.mkdir(exist_ok=True)
    mx.random.seed(24)
    block = HashingNet(get_backbone(net), NUM_BITS)
    block.initialize(mx.init.Xavier())
    block(nd.array(drawn(1, side)))  # now its parameters are there
    return export_network(
        block,
        out,
        num_bits=NUM_BITS,
        input_shape=(3, side, side),
        transform=ImageTransform(side, side),
        hierarchy=None,
        backbone=net,
        source={},
        form=Form(calibration=drawn(CALIBRATION, side)) if int8 else Form(onnx=True),
    )

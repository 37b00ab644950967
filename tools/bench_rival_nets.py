"""Rivals that train networks and run them; each in its own environment, without gluon_hash."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bench_rivals import Inputs, Work

__all__ = [
    "feature_epoch",
    "onnxruntime_net",
    "openvino_net",
    "torch_encoding",
    "torch_training",
    "torch_training_bfloat16",
]

BATCH_SIZE, INV_VARIANCES = 128, (1.0, 0.5)


def processors() -> int:
    """That this process may run on, or OMP_NUM_THREADS."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def onnxruntime_net(inputs: Inputs) -> Work:
    """An .onnx by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = processors()
    path, images = str(inputs["onnx"]), inputs["images"]
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: images})


def openvino_net(inputs: Inputs) -> Work:
    """An .onnx by OpenVINO, in f32 or bf16, all processors on one batch."""
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": str(inputs["precision"]),
        "INFERENCE_NUM_THREADS": processors(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(inputs["onnx"]), "CPU", settings)
    images = inputs["images"]
    return lambda: compiled([images])


def torch_encoding(inputs: Inputs) -> Work:
    """A ResNet, channels last, in float32 or bfloat16 (autocast)."""
    import torch

    net, images = _torch_net(inputs)
    net.eval()
    reduced = str(inputs["precision"]) == "bf16"

    def work() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            net(images)

    return work


def torch_training(inputs: Inputs) -> Work:
    """A step of SGD, channels last."""
    return _torch_step(inputs, bfloat16=False)


def torch_training_bfloat16(inputs: Inputs) -> Work:
    """The same under autocast to bfloat16."""
    return _torch_step(inputs, bfloat16=True)


def _torch_step(inputs: Inputs, *, bfloat16: bool) -> Work:
    import torch

    net, images = _torch_net(inputs)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            code = net(images)
        code.float().square().mean().backward()
        optimizer.step()

    return step


def _torch_net(inputs: Inputs) -> tuple[Any, Any]:
    """A network and a batch of images, both channels last."""
    import torch

    import bench_rival_resnets

    net = getattr(bench_rival_resnets, str(inputs["net"]))(int(inputs["num_bits"]))
    images = torch.from_numpy(inputs["images"]).to(memory_format=torch.channels_last)
    return net.to(memory_format=torch.channels_last), images


def feature_epoch(inputs: Inputs) -> Work:
    """An epoch of a linear hash layer under HPDH's loss, and the class means after it."""
    import torch

    features = torch.from_numpy(inputs["features"].astype(np.float32))
    labels = torch.from_numpy(inputs["level_labels"].astype(np.int64))
    features -= features.mean(dim=0)
    features /= features.std(dim=0) + 1e-6
    num_bits = int(inputs["num_bits"])
    layer = torch.nn.Linear(features.shape[1], num_bits)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    counts = [int(labels[:, level].max()) + 1 for level in range(labels.shape[1])]
    centers = [torch.randn(count, num_bits) for count in counts]

    def loss_of(code: Any, label: Any) -> Any:
        total = (code.detach().sign() - code).square().sum(1).mean() * 0.1 / num_bits
        total = total + (code.abs() - 1.1).clamp(min=0).sum(1).mean() * 10 / num_bits
        for level, (center, scale) in enumerate(zip(centers, INV_VARIANCES)):
            scores = -0.5 * scale * torch.cdist(code, center).square()
            total = total + torch.nn.functional.cross_entropy(scores, label[:, level])
        return total

    def epoch() -> None:
        order = torch.randperm(len(features))
        for batch in order[: len(order) // BATCH_SIZE * BATCH_SIZE].view(-1, BATCH_SIZE):
            optimizer.zero_grad()
            loss_of(layer(features[batch]), labels[batch]).backward()
            torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            optimizer.step()
        with torch.no_grad():
            codes = layer(features)
            for level, center in enumerate(centers):
                center.zero_().index_add_(0, labels[:, level], codes)
                center /= labels[:, level].bincount(minlength=len(center)).clamp(min=1)[:, None]

    return epoch

"""Loss, memory and head of the methods over pairs and triplets, built from a configuration."""

from __future__ import annotations

import math

import numpy as np

from gluon_hash import losses
from gluon_hash.methods.memory import solvers as discrete
from gluon_hash.methods.memory.base import Nothing, PerEpoch
from gluon_hash.methods.memory.codes import ImageCodes, RecentCodes
from gluon_hash.methods.parts import Parts, Task, check_positive

__all__ = ["dch", "dhn", "dpsh", "dqn", "dsdh", "dsh", "dsrh", "dtsh", "hashnet", "shdh"]


def dpsh(task: Task, quantization_weight: float, memory_size: float) -> Parts:
    """DPSH: pairs with remembered codes."""
    loss = losses.DPSHLoss(task.level_weights, quantization_weight=quantization_weight)
    return Parts(
        loss,
        RecentCodes(min(int(memory_size), len(task.ids)), task.num_bits, task.levels.num_levels),
    )


def dhn(task: Task, quantization_weight: float) -> Parts:
    """DHN: pairs of the batch."""
    return Parts(
        losses.DHNLoss(task.level_weights, quantization_weight=quantization_weight), Nothing()
    )


def hashnet(task: Task, alpha_bits: float, epochs_per_step: float) -> Parts:
    """HashNet: weighted pairs, a scale that grows."""
    check_positive("epochs_per_step", epochs_per_step)

    def beta(epoch: int) -> np.ndarray:
        return np.array([[math.sqrt(epoch // epochs_per_step + 1)]])

    return Parts(
        losses.HashNetLoss(task.level_weights, alpha=alpha_bits / task.num_bits), PerEpoch(beta)
    )


def dsdh(task: Task, discrete_weight: float, mu: float, nu: float, eta: float) -> Parts:
    """DSDH: pairs, and discrete codes solved for between epochs."""
    discrete.check_numbers(mu, nu, eta)

    def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        return discrete.cyclic_coordinate_descent(
            codes, labels, previous, num_classes=task.num_classes[0], mu=mu, nu=nu, eta=eta
        )

    return Parts(
        losses.DSDHLoss(task.level_weights, discrete_weight=discrete_weight),
        ImageCodes(task.ids, task.num_bits, solve),
    )


def dsh(task: Task, margin_per_bit: float, quantization_weight: float) -> Parts:
    """DSH: contrastive pairs."""
    return Parts(
        losses.DSHLoss(
            task.num_bits,
            task.level_weights,
            margin_per_bit=margin_per_bit,
            quantization_weight=quantization_weight,
        ),
        Nothing(),
    )


def dtsh(task: Task, margin_per_bit: float, quantization_weight: float) -> Parts:
    """DTSH: triplets."""
    return Parts(
        losses.DTSHLoss(
            task.num_bits,
            task.level_weights,
            margin_per_bit=margin_per_bit,
            quantization_weight=quantization_weight,
        ),
        Nothing(),
    )


def dsrh(task: Task, margin: float, quantization_weight: float) -> Parts:
    """DSRH: weighted triplets."""
    return Parts(
        losses.DSRHLoss(
            task.num_bits,
            task.levels.num_levels,
            task.level_weights,
            margin=margin,
            quantization_weight=quantization_weight,
        ),
        Nothing(),
    )


def dch(task: Task, gamma: float, quantization_weight: float) -> Parts:
    """DCH: Cauchy likelihood of pairs."""
    return Parts(
        losses.DCHLoss(
            task.num_bits, task.level_weights, gamma=gamma, quantization_weight=quantization_weight
        ),
        Nothing(),
    )


def dqn(task: Task, quantization_weight: float) -> Parts:
    """DQN: cosines of pairs, and product quantisation between epochs: a byte for every 8 outputs,
    as it is searched."""
    if task.num_bits % 8:
        raise ValueError(
            f"net.num_bits: dqn keeps a byte for every 8 outputs, got {task.num_bits}; set a "
            "multiple of "
            "8"
        )
    parts = task.num_bits // 8

    def solve(codes: np.ndarray, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        return discrete.product_reconstruction(
            codes, num_parts=parts, seed=task.config.training.seed
        )

    return Parts(
        losses.DQNLoss(task.level_weights, quantization_weight=quantization_weight),
        ImageCodes(task.ids, task.num_bits, solve),
    )


def shdh(task: Task, quantization_weight: float) -> Parts:
    """SHDH: pairs on a segment of the code for each level."""
    return Parts(
        losses.SHDHLoss(
            task.num_bits,
            task.levels.num_levels,
            task.level_weights,
            quantization_weight=quantization_weight,
        ),
        Nothing(),
    )

"""One case for each form of each loss: the loss, its inputs in order, its slow twin, which inputs
are learned."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import reference_losses as slow

from gluon_hash import losses

# u_ij = 1.5 sin(i + 2j + 0.5): bits on both sides of 0, 1 and 1.1, none on them
CODE = np.fromfunction(lambda i, j: 1.5 * np.sin(i + 2 * j + 0.5), (6, 4))
LABELS = np.array([[0, 0], [2, 1], [3, 1], [0, 0], [1, 0], [2, 1]], dtype=np.float64)
MISSING = np.where(
    np.arange(6)[:, None] % 3 == [1, 2], -1, LABELS
)  # no fine label, no coarse one, in turns
FINE = np.fromfunction(lambda k, j: np.cos(3 * k + j), (4, 4))
COARSE = np.stack([FINE[:2].mean(axis=0), FINE[2:].mean(axis=0)])
TARGETS = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=np.float64)
PLACES = FINE / np.linalg.norm(FINE, axis=1, keepdims=True)
MEMORY = np.fromfunction(lambda i, j: np.cos(2 * i + j), (3, 4))
IMAGE_TARGETS, KNOWN = -np.sign(CODE), np.array([[1.0], [0], [1], [1], [0], [1]])
FINE_LOGITS = np.fromfunction(lambda i, j: np.sin(2 * i + 3 * j), (6, 4))
COARSE_LOGITS = np.fromfunction(lambda i, j: np.sin(i + j), (6, 2))
GRADED = (1.0, 0.5)


class Case(NamedTuple):
    """``loss()`` makes the block; ``inputs`` are its arguments by name, in order; ``twin`` takes
    their values."""

    loss: Callable
    twin: Callable
    inputs: dict[str, np.ndarray]
    learned: tuple[str, ...] = ("code",)


def case(loss, twin, learned=("code",), labels=LABELS, **inputs):
    return Case(loss, twin, {"code": CODE, "level_labels": labels, **inputs}, learned)


LEVELS = {"fine": FINE, "coarse": COARSE}
MEMORIES = {"memory": MEMORY, "memory_labels": LABELS[:3], "valid": np.array([[1.0, 0.0, 1.0]])}
SOLVED = {"target": IMAGE_TARGETS, "known": KNOWN}
LOGITS = {"learned": ("code", "logits"), "logits": FINE_LOGITS}
CENTERS = {"learned": ("code", "center"), "center": FINE}

CASES = {
    "ClassWiseLoss": Case(
        partial(losses.ClassWiseLoss, 0.5),
        partial(slow.class_wise, s=0.5),
        {"code": CODE, "label": LABELS[:, 0], "center": FINE},
    ),
    "ReleasedClassWiseLoss": Case(
        losses.ReleasedClassWiseLoss,
        slow.released_class_wise,
        {"code": CODE, "label": LABELS[:, 0], "center": FINE},
    ),
    "CubicConstraint": Case(
        losses.CubicConstraint,
        lambda code: np.array([slow.cubic_excess(u) for u in code]),
        {"code": CODE},
    ),
    "VertexConstraint": Case(
        losses.VertexConstraint,
        lambda code: np.array([slow.vertex_distance(u) for u in code]),
        {"code": CODE},
    ),
    "HierarchicalClassWiseLoss": case(
        partial(losses.HierarchicalClassWiseLoss, [1.0, 0.5], [2.0, 3.0]),
        partial(slow.hierarchical, s=[1.0, 0.5], weights=[2.0, 3.0]),
        **LEVELS,
    ),
    "HPDHLoss": case(
        partial(losses.HPDHLoss, 4, [1.0, 0.5]),
        partial(slow.hpdh, s=[1.0, 0.5], weights=[1, 1]),
        **LEVELS,
    ),
    "CoarseToFineHPDHLoss": case(
        partial(losses.CoarseToFineHPDHLoss, 4, [1.0, 0.5]),
        partial(slow.coarse_to_fine, s=[1.0, 0.5]),
        active=np.array([[0.0, 1.0]]),
        **LEVELS,
    ),
    "IDCWHLoss": case(partial(losses.IDCWHLoss, 4), slow.idcwh, **CENTERS),
    "DCDHLoss": case(partial(losses.DCDHLoss, 4), slow.dcdh, **CENTERS),
    "DPSHLoss": case(losses.DPSHLoss, slow.dpsh, **MEMORIES),
    "DPSHLoss graded": case(
        partial(losses.DPSHLoss, GRADED), partial(slow.dpsh, weights=GRADED), **MEMORIES
    ),
    "DHNLoss": case(losses.DHNLoss, slow.dhn),
    "DHNLoss graded": case(partial(losses.DHNLoss, GRADED), partial(slow.dhn, weights=GRADED)),
    "DHNLoss remembered": case(losses.DHNLoss, slow.dhn, **MEMORIES),
    "HashNetLoss remembered": case(
        losses.HashNetLoss, slow.hashnet, beta=np.array([[1.3]]), **MEMORIES
    ),
    "DSDHLoss remembered": case(losses.DSDHLoss, slow.dsdh, **SOLVED, **MEMORIES),
    "HashNetLoss": case(losses.HashNetLoss, slow.hashnet, beta=np.array([[1.3]])),
    "HashNetLoss graded": case(
        partial(losses.HashNetLoss, GRADED),
        partial(slow.hashnet, weights=GRADED),
        beta=np.array([[1.3]]),
    ),
    "DSDHLoss": case(losses.DSDHLoss, slow.dsdh, **SOLVED),
    "DSDHLoss graded": case(
        partial(losses.DSDHLoss, GRADED), partial(slow.dsdh, weights=GRADED), **SOLVED
    ),
    "DSHLoss": case(partial(losses.DSHLoss, 4), slow.dsh),
    "DSHLoss graded": case(partial(losses.DSHLoss, 4, GRADED), partial(slow.dsh, weights=GRADED)),
    "DTSHLoss": case(partial(losses.DTSHLoss, 4), slow.dtsh),
    "DTSHLoss graded": case(
        partial(losses.DTSHLoss, 4, GRADED), partial(slow.dtsh, weights=GRADED)
    ),
    "DSRHLoss": case(partial(losses.DSRHLoss, 4, 2), slow.dsrh),
    "DSRHLoss graded": case(
        partial(losses.DSRHLoss, 4, 2, GRADED), partial(slow.dsrh, weights=GRADED)
    ),
    "DSRHYaoLoss": case(partial(losses.DSRHYaoLoss, 4), slow.dsrh_yao, **LOGITS),
    "DSRHYaoLoss graded": case(
        partial(losses.DSRHYaoLoss, 4, GRADED), partial(slow.dsrh_yao, weights=GRADED), **LOGITS
    ),
    "DCHLoss": case(partial(losses.DCHLoss, 4), slow.dch),
    "DCHLoss graded": case(partial(losses.DCHLoss, 4, GRADED), partial(slow.dch, weights=GRADED)),
    "DQNLoss": case(losses.DQNLoss, slow.dqn, **SOLVED),
    "DQNLoss graded": case(
        partial(losses.DQNLoss, GRADED), partial(slow.dqn, weights=GRADED), **SOLVED
    ),
    "SHDHLoss": case(
        partial(losses.SHDHLoss, 4, 2, [3.0, 1.0]),
        partial(slow.shdh, bits=[slice(0, 2), slice(2, 4)], weights=[3.0, 1.0]),
    ),
    "CSQLoss": case(
        partial(losses.CSQLoss, quantization_weight=0.1), partial(slow.csq, lam=0.1), center=TARGETS
    ),
    "DPNLoss": case(losses.DPNLoss, slow.dpn, target=TARGETS),
    "OrthoHashLoss": case(partial(losses.OrthoHashLoss, 4), slow.orthohash, target=TARGETS),
    "GreedyHashLoss": case(losses.GreedyHashLoss, slow.greedyhash, **LOGITS),
    "SSDHLoss": case(losses.SSDHLoss, slow.ssdh, **LOGITS),
    "LevelSoftmaxLoss": case(
        partial(losses.LevelSoftmaxLoss, [1.0, 0.5]),
        partial(slow.level_softmax, weights=[1.0, 0.5]),
        labels=MISSING,
        learned=("fine_logits", "coarse_logits"),
        fine_logits=FINE_LOGITS,
        coarse_logits=COARSE_LOGITS,
    ),
    "ExpectedCodewordLoss": Case(
        partial(losses.ExpectedCodewordLoss, [1.0, 0.5]),
        partial(slow.expected_codeword, weights=[1.0, 0.5]),
        {
            "code": CODE,
            "level_labels": MISSING,
            "ancestors": np.array([[0, 1, 2, 3], [0, 0, 1, 1]]),
        },
    ),
    "EmbeddingLoss": case(losses.EmbeddingLoss, slow.embedding, embedding=PLACES),
    "EmbeddingSoftmaxLoss": case(
        losses.EmbeddingSoftmaxLoss, slow.embedding_softmax, embedding=PLACES, **LOGITS
    ),
}

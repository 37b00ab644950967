"""What losses share: labels of a level, signs, cross-entropy, quantisation; names of terms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from gluon_hash.engine import Tensor

__all__ = [
    "check_weights",
    "collected_terms",
    "cross_entropy",
    "label_column",
    "level_label",
    "log_cosh",
    "quantization",
    "signs",
    "term",
]

_collected: ContextVar[dict[str, Tensor] | None] = ContextVar("collected", default=None)


def term(name: str, value: Tensor) -> Tensor:
    """Give a summand of a loss a name by which it can be watched; ``value`` itself comes back.

    Parameters
    ----------
    name : str
        In lower case, with underscores: "cubic", "level_0".
    value : Tensor
        With its weight and sign, as it is added: the named terms sum up to the loss.
    """
    found = _collected.get()
    if found is not None:
        found[name] = value
    return value


@contextmanager
def collected_terms() -> Iterator[dict[str, Tensor]]:
    """The named terms of the losses that are computed inside, in the order in which they are."""
    found: dict[str, Tensor] = {}
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def check_weights(loss: object, **weights: float) -> None:
    """ValueError, naming the first that is negative, infinite or not a number."""
    for name, value in weights.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{type(loss).__name__}: {name} must be >= 0, got {value}")


def label_column(F: ModuleType, level_labels: Tensor, level: int) -> Tensor:
    """Labels (B, K) -> those of one level, shape (B, 1)."""
    return F.slice_axis(level_labels, axis=1, begin=level, end=level + 1)


def level_label(F: ModuleType, level_labels: Tensor, level: int = 0) -> Tensor:
    """Labels (B, K) -> those of one level, shape (B,)."""
    return label_column(F, level_labels, level).reshape(shape=(-1,))


def signs(F: ModuleType, code: Tensor) -> Tensor:
    """sign(u) in {-1, +1}, sign(0) = +1; no gradient passes."""
    return F.stop_gradient(2.0 * (code >= 0) - 1.0)


def cross_entropy(F: ModuleType, logits: Tensor, label: Tensor) -> Tensor:
    """-log softmax(z)_y: (B, C), (B,) -> (B,)."""
    return -F.pick(F.log_softmax(logits, axis=1), label, axis=1)


def log_cosh(F: ModuleType, value: Tensor) -> Tensor:
    """Stable log cosh(x) = |x| + log(1 + e^(-2|x|)) - log 2: it does not overflow."""
    size = F.abs(value)
    return size + F.Activation(-2.0 * size, act_type="softrelu") - math.log(2.0)


def quantization(F: ModuleType, code: Tensor) -> Tensor:
    """Mean over bits of (u - sign u)^2 = (|u| - 1)^2: (B, L) -> (B,)."""
    return F.mean(F.square(F.abs(code) - 1.0), axis=1)

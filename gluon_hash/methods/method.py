"""Method: what a paper is made of. Its numbers are fields; it makes its loss, memory and head."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gluon_hash.engine import Block, HybridBlock, mx
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.memory.base import Memory

__all__ = [
    "Codewords",
    "Method",
    "Parts",
    "Task",
    "beyond_the_finest",
    "level_weights_field",
    "paper",
]


@dataclass(frozen=True)
class Task:
    """What a method is built for.

    Parameters
    ----------
    hierarchy : Hierarchy
        Of the levels that the method uses.
    num_bits : int
    ids : int64, shape (N,)
        Of the training images.
    contexts : sequence of Context
        Where the codes are made.
    encode : callable
        Returns the relaxed codes, float32 (N, num_bits), and the fine labels, int (N,), of the
        training images by the network as it is when called.
    seed : int
        Of everything that the method draws.
    features : callable, optional
        Returns what the network's head reads, float32 (N, num_features), and the fine labels, int
        (N,), of the training images; without it nothing can be learned before the training.
    """

    hierarchy: Hierarchy
    num_bits: int
    ids: np.ndarray
    contexts: Sequence[mx.Context]
    encode: Callable[[], tuple[np.ndarray, np.ndarray]]
    seed: int
    features: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def num_classes(self) -> tuple[int, ...]:
        """Classes per level, finest first."""
        return tuple(self.hierarchy.num_classes)

    @property
    def num_levels(self) -> int:
        """K, the number of levels that the method uses."""
        return self.hierarchy.num_levels

    def rng(self) -> np.random.RandomState:
        """Random numbers from the seed, from their beginning at each call."""
        return np.random.RandomState(self.seed)


class Codewords(NamedTuple):
    """What makes codes of logits (gluon_hash.nets.ExpectedCodeword).

    Parameters
    ----------
    targets : float32, shape (num_classes[0], num_bits)
        In {-1, +1}, or any where the code is a projection of the probabilities.
    thresholds : float32 in (-1, 1), shape (num_bits,)
    """

    targets: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True)
class Parts:
    """Loss, what it remembers, a head beside the code and codewords if there are any."""

    loss: HybridBlock
    memory: Memory
    head: Block | None
    codewords: Codewords | None = None


class Method(BaseModel):
    """A paper's loss, memory and head; the fields of a subclass are the paper's numbers.

    A subclass has the field ``name: Literal["..."] = "..."``, its numbers with their defaults, and
    ``loss``; where the paper needs them, ``memory`` and ``head``. The loss is called
    ``(code, level_labels, *arrays of the memory, *outputs of the head)``.

    Attributes
    ----------
    levels_used : int or None
        1: the finest level alone; None: all.
    distance : str
        How the paper ranks: "hamming", "weighted" (segments of the code), "asymmetric", or
        "bilinear" (class probabilities, by the tree).
    other_distances : tuple of str
        By which compare measures it too; "posterior" is the cosine of class probabilities.
    sampler : str
        The sampler it is best fed with: "shuffled" or "classes" (training.sampler: auto).
    missing_labels : bool
        Whether an image may lack its finest labels (-1).
    mixes : bool
        Whether it can be trained on mixed images (training.mixup): the loss is one image's, and
        nothing is remembered of it.
    outputs : str
        What the network gives the loss: "code"; or "logits", one for each finest class, of which
        the code is the codeword that is expected (gluon_hash.nets.ExpectedCodeword).
    epochs_compare : bool
        Whether the losses of two epochs compare, so that the lowest may choose the best epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    levels_used: ClassVar[int | None] = None
    distance: ClassVar[str] = "hamming"
    other_distances: ClassVar[tuple[str, ...]] = ()
    sampler: ClassVar[Literal["shuffled", "classes"]] = "shuffled"
    missing_labels: ClassVar[bool] = False
    epochs_compare: ClassVar[bool] = True
    mixes: ClassVar[bool] = False
    outputs: ClassVar[Literal["code", "logits"]] = "code"

    name: str

    def loss(self, task: Task) -> HybridBlock:
        """The loss, returning a value for each image; ValueError if a number does not fit."""
        raise NotImplementedError(f"{type(self).__name__} has no loss")

    def memory(self, task: Task) -> Memory:
        """What is remembered from batch to batch; by default nothing."""
        return Memory()

    def head(self, task: Task) -> Block | None:
        """A learned block that the loss needs beside the code, not initialised; by default none."""
        return None

    def codewords(self, task: Task) -> Codewords | None:
        """Of ``outputs: logits``: what codes are made of; by default nothing."""
        return None

    def uses_hierarchy(self) -> bool:
        """Whether training depends on who is related to whom; by default not."""
        return False

    @property
    def distances(self) -> tuple[str, ...]:
        """All by which it is measured beside the Hamming distance, its paper's first."""
        return (self.distance, *self.other_distances)

    def best_sampler(self) -> Literal["shuffled", "classes"]:
        """What ``training.sampler: auto`` is; by default ``sampler``."""
        return self.sampler

    def build(self, task: Task) -> Parts:
        """Loss, memory, head and codewords; ValueError if a number does not fit the task."""
        return Parts(self.loss(task), self.memory(task), self.head(task), self.codewords(task))

    def num_outputs(self, hierarchy: Hierarchy, num_bits: int) -> int:
        """Of the network's last layer."""
        return hierarchy.num_classes[0] if self.outputs == "logits" else num_bits

    def levels_of(self, hierarchy: Hierarchy) -> Hierarchy:
        """The levels of ``hierarchy`` that the method uses."""
        return hierarchy.keep_levels(self.levels_used or hierarchy.num_levels)


def paper(loss: type[HybridBlock], number: str) -> Any:
    """The default of an argument of a loss: the paper's number, which is stated there only."""
    return inspect.signature(loss.__init__).parameters[number].default


def beyond_the_finest(weights: Sequence[float] | None, *, otherwise: bool) -> bool:
    """Whether a level above the finest weighs anything; ``otherwise``: what None means."""
    return otherwise if weights is None else any(weights[1:])


def level_weights_field(otherwise: str) -> Any:
    """The field ``level_weights``; ``otherwise`` says what None means."""
    return Field(None, description=f"weight per level, finest first; without it {otherwise}")

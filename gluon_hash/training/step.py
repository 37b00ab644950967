"""One step of training: the codes of a batch, the loss of the whole of it, gradients, an update.

A batch is divided over the devices of a process and over workers, each of which runs the network on
its slice. Then the codes come together, and every worker computes head and loss of the whole batch,
as one alone does: what looks at pairs, centers or a memory of codes sees all of it, and what is
remembered is the same everywhere. Gradients go back through the slices and are summed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gluon_hash.engine import autograd, gluon, mx, nd
from gluon_hash.methods.memory.base import Memory
from gluon_hash.records.image_batches import on_devices
from gluon_hash.training.kernels import has_fast_kernels
from gluon_hash.training.mixing import mixed
from gluon_hash.training.precision import cast_inside, scaled_by
from gluon_hash.training.terms import LossTerms
from gluon_hash.training.workers import Workers

__all__ = ["Step", "WholeBatch"]

OPERATORS_TOGETHER = 64  # handed to the engine at once: clipping takes two thirds of the time
RUNNING = ("running_mean", "running_var")  # how the statistics of batch norm end their names


class WholeBatch(NamedTuple):
    """Codes (B, num_bits), level labels (B, K) and ids (B,) of a batch, of all workers."""

    code: nd.NDArray
    level_labels: nd.NDArray
    ids: np.ndarray


class Step:
    """Trains on one batch after another; arguments as HashTrainer's.

    Parameters
    ----------
    net, frozen, head, loss : Block
    optimizer : gluon.Trainer
    memory : Memory
    contexts : sequence of Context
        Head and loss are on the first.
    clip_gradient_norm : float or None
    workers : Workers
    precision : str
        See gluon_hash.training.precision.
    kernels : str
        See gluon_hash.training.kernels.
    mixup : float
        Above 0: images are mixed (gluon_hash.training.mixing), and ``loss`` is a MixedLoss.
    """

    def __init__(
        self,
        net: gluon.HybridBlock,
        frozen: gluon.HybridBlock | None,
        head: gluon.Block | None,
        loss: gluon.HybridBlock,
        optimizer: gluon.Trainer,
        memory: Memory,
        contexts: Sequence[mx.Context],
        clip_gradient_norm: float | None,
        workers: Workers,
        precision: str = "float32",
        kernels: str = "compatible",
        mixup: float = 0.0,
    ) -> None:
        if not has_fast_kernels(contexts):
            kernels = "compatible"
        self._head, self._loss, self._terms = head, loss, LossTerms(loss)
        self._net = cast_inside(net, precision, kernels)
        self._frozen = None if frozen is None else cast_inside(frozen, precision)
        self._optimizer, self._memory = optimizer, memory
        self._contexts, self._workers = list(contexts), workers
        self._clip_gradient_norm, self._mixup = clip_gradient_norm, mixup
        self._trained = [
            parameter
            for block in (net, head)
            if block is not None
            for parameter in block.collect_params().values()
            if parameter.grad_req != "null"
        ]
        self._statistics = [
            parameter for name, parameter in net.collect_params().items() if name.endswith(RUNNING)
        ]

    def __call__(
        self, batch: Any, watch: Callable[[Sequence[str], nd.NDArray], None] | None = None
    ) -> tuple[nd.NDArray, int]:
        """Train on ``batch``: its summed loss, not yet computed, and the images of all workers.

        ``watch`` is given names and values of the loss's terms, not yet computed either, if it
        names some.
        """
        images, labels = on_devices(batch, self._contexts), batch.level_labels
        if self._mixup:
            images, labels = mixed(images, labels, self._mixup)
        if self._frozen is not None:
            images = [self._frozen(image) for image in images]
        with autograd.record():
            whole = self._whole([self._net(image) for image in images], labels, batch.id)
            remembered = self._memory.arrays(self._contexts[0], whole.ids)
            inputs = (
                whole.code,
                whole.level_labels,
                *remembered,
                *self._head_outputs(whole.code),
            )
            loss = self._loss(*inputs).sum()
            scale = scaled_by(self._optimizer)
            scaled = loss if scale is None else loss * scale.value
        terms = None if watch is None else self._terms.of(*inputs)
        if watch is not None and terms is not None:
            watch(self._terms.names, terms)
        scaled.backward()
        self._update(len(whole.ids) * (1.0 if scale is None else scale.value))
        self._memory.observe(whole.code.detach(), whole.level_labels, whole.ids)
        return loss, len(whole.ids)

    def _whole(self, codes: list[nd.NDArray], labels: nd.NDArray, ids: np.ndarray) -> WholeBatch:
        """The codes of all devices and workers on the first context, in the order of the batch.

        The gradient goes back to those that were made here.
        """
        first = self._contexts[0]
        own = codes[0].as_in_context(first)
        if len(codes) > 1:
            own = nd.concat(*(code.as_in_context(first) for code in codes), dim=0)
        if self._workers.count == 1:
            return WholeBatch(own, labels.as_in_context(first), ids)
        parts = self._workers.gather(own.detach().asnumpy())
        mine = [
            own if worker == self._workers.rank else nd.array(part, first)
            for worker, part in enumerate(parts)
        ]
        gathered = np.concatenate(self._workers.gather(labels.asnumpy()))
        ids = np.concatenate(self._workers.gather(ids))
        return WholeBatch(nd.concat(*mine, dim=0), nd.array(gathered, first), ids)

    def _head_outputs(self, code: nd.NDArray) -> list[nd.NDArray]:
        if self._head is None:
            return []
        outputs = self._head(code)
        return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]

    def _update(self, divisor: float) -> None:
        """Update by the summed gradients over ``divisor``, the images times the loss's scale."""
        self._count_head_once()
        self._optimizer.allreduce_grads()
        if self._workers.count > 1:
            self._sum_over_workers()
        if len(self._contexts) * self._workers.count > 1 and self._statistics:
            self._average_statistics()
        with mx.engine.bulk(OPERATORS_TOGETHER):
            if self._clip_gradient_norm is not None:
                self._clip(self._clip_gradient_norm * divisor)
            self._optimizer.update(divisor)

    def _clip(self, largest_norm: float) -> None:
        for context in self._contexts:
            gradients = [parameter.grad(context) for parameter in self._trained]
            gluon.utils.clip_global_norm(gradients, largest_norm, check_isfinite=False)

    def _count_head_once(self) -> None:
        """Every worker has the head's whole gradient, on its first device: one of them counts."""
        if self._head is None:
            return
        for parameter in self._head.collect_params().values():
            if parameter.grad_req == "null":
                continue
            for number, context in enumerate(self._contexts):
                if number or not self._workers.is_first:
                    parameter.grad(context)[:] = 0
                    parameter.data(context)._fresh_grad = True  # else taken for a forgotten one

    def _sum_over_workers(self) -> None:
        """Sum the gradients, which the devices of this worker have in common already."""
        first, *others = self._contexts
        gradients = [parameter.grad(first) for parameter in self._trained]
        self._workers.sum_in_place(gradients)
        for context in others:
            for parameter, gradient in zip(self._trained, gradients):
                gradient.copyto(parameter.grad(context))

    def _average_statistics(self) -> None:
        """The running statistics of batch norm: their mean over all devices and workers.

        MXNet writes them on the CPU within the backward pass and does not say so to who reads them.
        """
        nd.waitall()
        first, *others = self._contexts
        own = [parameter.data(first) for parameter in self._statistics]
        for parameter, value in zip(self._statistics, own):
            for context in others:
                value += parameter.data(context).as_in_context(first)
        self._workers.sum_in_place(own)
        for parameter, value in zip(self._statistics, own):
            value /= len(self._contexts) * self._workers.count
            for context in others:
                value.copyto(parameter.data(context))
        nd.waitall()

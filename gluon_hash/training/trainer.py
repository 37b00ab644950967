"""One epoch of training: batches, gradients, and what the method remembers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gluon_hash.engine import autograd, gluon, mx, nd
from gluon_hash.errors import DivergedError
from gluon_hash.methods.memory.base import Memory
from gluon_hash.progress import track
from gluon_hash.training.schedule import Schedule
from gluon_hash.training.state import EpochReport

__all__ = ["HashTrainer"]

BATCHES_BETWEEN_CHECKS = 16  # how often the loss is read, and the queue of work emptied


class HashTrainer:
    """Trains what it is given, epoch by epoch; builds nothing, writes nothing.

    Parameters
    ----------
    net : HybridBlock
        Trained: input -> relaxed code (batch_size, num_bits).
    loss : HybridBlock
        Called (code, level_labels, *arrays of the memory, *outputs of the head), returns
        (batch_size,).
    loader : TrainLoader or FeatureTrainLoader
        ``loader.epoch(e)`` yields the batches of epoch e; ``len(loader)`` is their number.
    optimizer : gluon.Trainer
        Over the parameters of ``net`` and ``head``; a parameter's ``lr_mult`` scales its rate.
    lr, schedule : float, Schedule
        Base learning rate and its multiple, which is set for every batch.
    memory : Memory
        See gluon_hash.methods.memory.base.
    contexts : sequence of Context
        A batch is split over them. Without a head the codes come together on the first for one call
        of the loss, which may look at pairs and triplets of the whole batch; with one, each context
        has its part of the loss.
    frozen : HybridBlock, optional
        Comes before ``net``, in inference mode and without gradients: a frozen backbone.
    head : Block, optional
        Code -> what the loss takes last: a classifier, learned centers.
    clip_gradient_norm : float, optional
        Largest global norm of the gradient of the mean loss.
    """

    def __init__(
        self,
        net: gluon.HybridBlock,
        loss: gluon.HybridBlock,
        loader: Any,
        optimizer: gluon.Trainer,
        lr: float,
        schedule: Schedule,
        memory: Memory,
        contexts: Sequence[mx.Context],
        *,
        frozen: gluon.HybridBlock | None = None,
        head: gluon.Block | None = None,
        clip_gradient_norm: float | None = None,
    ) -> None:
        self.net, self.frozen, self.head, self.optimizer = net, frozen, head, optimizer
        self.memory = memory
        self._loss, self._loader, self.contexts = loss, loader, list(contexts)
        self._lr, self._schedule = lr, schedule
        self._clip_gradient_norm = clip_gradient_norm
        for block in (net, loss, frozen, head):
            if block is not None:
                block.hybridize(static_alloc=True, static_shape=True)

    def train_epoch(self, epoch: int) -> EpochReport:
        """Train epoch ``epoch`` (counted from 0) and let the memory learn from it.

        Returns
        -------
        EpochReport

        Raises
        ------
        DivergedError
            If the loss is NaN or infinite; says in which batches and what to try.
        """
        started = time.perf_counter()
        self.memory.start(epoch)
        mean_loss, num_images = self._train_batches(epoch)
        seconds = time.perf_counter() - started
        learnt = self.memory.finish(epoch)
        for name, value in learnt.items():
            if isinstance(value, float):
                self._check(value, epoch, 1, len(self._loader), name.replace("_", " "))
        return EpochReport(
            loss=mean_loss,
            lr=float(self.optimizer.learning_rate),
            seconds=round(seconds, 3),
            images_per_second=round(num_images / seconds, 1),
            refresh_seconds=round(time.perf_counter() - started - seconds, 3),
            learnt=learnt,
        )

    def _train_batches(self, epoch: int) -> tuple[float, int]:
        waiting: list[nd.NDArray] = []
        total, num_images, checked = 0.0, 0, 0
        batches = track(
            self._loader.epoch(epoch), f"epoch {epoch + 1}", len(self._loader), unit="batches"
        )
        for number, batch in enumerate(batches, start=1):
            self.optimizer.set_learning_rate(
                self._lr * self._schedule(epoch + (number - 1) / len(self._loader))
            )
            waiting.extend(self._train_batch(batch))
            num_images += batch.image.shape[0]
            if number % BATCHES_BETWEEN_CHECKS == 0 or number == len(self._loader):
                total += self._check(
                    sum(float(loss.asscalar()) for loss in waiting), epoch, checked + 1, number
                )
                waiting, checked = [], number
        return total / num_images, num_images

    def _train_batch(self, batch: Any) -> list[nd.NDArray]:
        """One step; returns the summed loss on each context, not yet computed."""
        images = gluon.utils.split_and_load(batch.image, self.contexts, even_split=False)
        labels = gluon.utils.split_and_load(batch.level_labels, self.contexts, even_split=False)
        ids = np.split(batch.id, np.cumsum([len(image) for image in images])[:-1])
        if self.frozen is not None:
            images = [self.frozen(image) for image in images]
        with autograd.record():
            codes = [self.net(image) for image in images]
            parts = (
                zip(codes, labels, ids)
                if self.head is not None
                else [self._together(codes, labels, batch.id)]
            )
            losses = [
                self._loss(
                    code, label, *self.memory.arrays(code.context, own), *self._head_outputs(code)
                ).sum()
                for code, label, own in parts
            ]
        autograd.backward(losses)
        self._step(batch.image.shape[0])
        for code, label, own in zip(codes, labels, ids):
            self.memory.observe(code.detach(), label, own)
        return losses

    def _together(
        self, codes: list[nd.NDArray], labels: list[nd.NDArray], ids: np.ndarray
    ) -> tuple[nd.NDArray, nd.NDArray, np.ndarray]:
        """The parts of a batch as one, on the first context; gradients go back to each part's."""
        code, label = (
            nd.concat(*(part.as_in_context(self.contexts[0]) for part in parts), dim=0)
            for parts in (codes, labels)
        )
        return code, label, ids

    def _head_outputs(self, code: nd.NDArray) -> list[nd.NDArray]:
        if self.head is None:
            return []
        outputs = self.head(code)
        return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]

    def _step(self, batch_size: int) -> None:
        if self._clip_gradient_norm is None:
            self.optimizer.step(batch_size)
            return
        self.optimizer.allreduce_grads()
        trained = [
            parameter
            for block in (self.net, self.head)
            if block is not None
            for parameter in block.collect_params().values()
            if parameter.grad_req != "null"
        ]
        for context in self.contexts:
            gluon.utils.clip_global_norm(
                [parameter.grad(context) for parameter in trained],
                self._clip_gradient_norm * batch_size,
                check_isfinite=False,
            )
        self.optimizer.update(batch_size)

    def _check(self, value: float, epoch: int, first: int, last: int, name: str = "loss") -> float:
        if not np.isfinite(value):
            raise DivergedError(
                f"epoch {epoch + 1}, batches {first}-{last}: the {name} is {value} at learning "
                "rate "
                f"{self.optimizer.learning_rate:.2g}; lower optimizer.lr, or set "
                "optimizer.clip_gradient_norm or "
                "optimizer.warmup_epochs, and go on (resume) from the last whole epoch"
            )
        return value

"""One epoch of training: batches, gradients, and the refresh of the class centers."""
from __future__ import annotations

import time
from typing import Any, Protocol, Sequence

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from gluon_hash.progress import track
from gluon_hash.training import centers as class_centers
from gluon_hash.training.schedule import Schedule

__all__ = ["HashTrainer", "DivergedError"]

BATCHES_BETWEEN_CHECKS = 16  # the loss is read (and the queue of work emptied) once in so many batches


class DivergedError(RuntimeError):
    """The loss became NaN or infinite."""


class Refresh(Protocol):
    """Where the codes for the class centers come from; see gluon_hash.training.refresh."""

    def start(self) -> None: ...
    def observe(self, code: nd.NDArray, label: nd.NDArray) -> None: ...
    def finish(self) -> tuple[np.ndarray, np.ndarray]: ...


class HashTrainer:
    """Trains what it is given, epoch by epoch; builds nothing, writes nothing.

    Parameters
    ----------
    net : HybridBlock
        Trained: input -> relaxed code (batch_size, num_bits).
    loss : HybridBlock
        Called (code, level_labels, *centers), returns (batch_size,).
    loader : TrainLoader or FeatureTrainLoader
        ``loader.epoch(e)`` yields the batches of epoch e; ``len(loader)`` is their number.
    optimizer : gluon.Trainer
        Over the parameters of ``net``; a parameter's ``lr_mult`` scales its rate.
    lr, schedule : float, Schedule
        Base learning rate and its multiple, which is set anew for every batch.
    centers : list of K float32 arrays
        Class centers of the levels that the loss uses, finest first, shape (num_classes[k], num_bits).
    parents : sequence of K - 1 int arrays
        Their hierarchy.
    refresh : InferenceRefresh or RunningRefresh
    contexts : sequence of Context
        A batch is split over them.
    frozen : HybridBlock, optional
        Comes before ``net``, in inference mode and without gradients: a frozen backbone.
    keep_initial_epochs : int
        The centers are refreshed after this epoch (counted from 1) and every later one.
    clip_gradient_norm : float, optional
        Largest global norm of the gradient of the mean loss.

    Source: arXiv:1901.11259. keep_initial_epochs > 1 is ours.
    """

    def __init__(self, net: gluon.HybridBlock, loss: gluon.HybridBlock, loader: Any, optimizer: gluon.Trainer,
                 lr: float, schedule: Schedule, centers: Sequence[np.ndarray], parents: Sequence[np.ndarray],
                 refresh: Refresh, contexts: Sequence[mx.Context], *, frozen: gluon.HybridBlock | None = None,
                 keep_initial_epochs: int = 1, clip_gradient_norm: float | None = None) -> None:
        if len(parents) != len(centers) - 1:
            raise ValueError(f"HashTrainer: {len(centers)} levels of centers need {len(centers) - 1} tables of "
                             f"parents, got {len(parents)}")
        self.net, self.frozen, self.optimizer = net, frozen, optimizer
        self.centers = list(centers)
        self._loss, self._loader, self.contexts = loss, loader, list(contexts)
        self._lr, self._schedule = lr, schedule
        self._parents, self._refresh = parents, refresh
        self._keep_initial_epochs, self._clip_gradient_norm = keep_initial_epochs, clip_gradient_norm
        for block in (net, loss, frozen):
            if block is not None:
                block.hybridize(static_alloc=True, static_shape=True)

    def train_epoch(self, epoch: int) -> dict[str, Any]:
        """Train epoch ``epoch`` (counted from 0) and refresh the centers.

        Returns
        -------
        dict
            loss (mean over images), lr (at the end), images_per_second and seconds of the training pass,
            refresh_seconds, center_shift (code units), empty_classes (list of fine classes).

        Raises
        ------
        DivergedError
            If the loss is NaN or infinite; says in which batches and what to try.
        """
        started = time.perf_counter()
        self._refresh.start()
        mean_loss, num_images = self._train_batches(epoch)
        seconds = time.perf_counter() - started
        shift, empty = self._refresh_centers(epoch)
        return {"loss": mean_loss, "lr": self.optimizer.learning_rate, "seconds": round(seconds, 3),
                "images_per_second": round(num_images / seconds, 1),
                "refresh_seconds": round(time.perf_counter() - started - seconds, 3),
                "center_shift": shift, "empty_classes": empty}

    def _train_batches(self, epoch: int) -> tuple[float, int]:
        centers = {context: [nd.array(center, context) for center in self.centers] for context in self.contexts}
        waiting: list[nd.NDArray] = []
        total, num_images, checked = 0.0, 0, 0
        batches = track(self._loader.epoch(epoch), f"epoch {epoch + 1}", len(self._loader), unit="batches")
        for number, batch in enumerate(batches, start=1):
            self.optimizer.set_learning_rate(self._lr * self._schedule(epoch + (number - 1) / len(self._loader)))
            waiting.extend(self._train_batch(batch, centers))
            num_images += batch.image.shape[0]
            if number % BATCHES_BETWEEN_CHECKS == 0 or number == len(self._loader):
                total += self._check(sum(loss.asscalar() for loss in waiting), epoch, checked + 1, number)
                waiting, checked = [], number
        return total / num_images, num_images

    def _train_batch(self, batch: Any, centers: dict) -> list[nd.NDArray]:
        """One step; returns the summed loss on each context, not yet computed."""
        images = gluon.utils.split_and_load(batch.image, self.contexts, even_split=False)
        labels = gluon.utils.split_and_load(batch.level_labels, self.contexts, even_split=False)
        if self.frozen is not None:
            images = [self.frozen(image) for image in images]
        with autograd.record():
            codes = [self.net(image) for image in images]
            losses = [self._loss(code, label, *centers[code.context]).sum() for code, label in zip(codes, labels)]
        autograd.backward(losses)
        self._step(batch.image.shape[0])
        for code, label in zip(codes, labels):
            self._refresh.observe(code, label[:, 0])
        return losses

    def _step(self, batch_size: int) -> None:
        if self._clip_gradient_norm is None:
            self.optimizer.step(batch_size)
            return
        self.optimizer.allreduce_grads()
        trained = [parameter for parameter in self.net.collect_params().values() if parameter.grad_req != "null"]
        for context in self.contexts:
            gluon.utils.clip_global_norm([parameter.grad(context) for parameter in trained],
                                         self._clip_gradient_norm * batch_size, check_isfinite=False)
        self.optimizer.update(batch_size)

    def _check(self, value: float, epoch: int, first: int, last: int, name: str = "loss") -> float:
        if not np.isfinite(value):
            raise DivergedError(
                f"epoch {epoch + 1}, batches {first}-{last}: the {name} is {value} at learning rate "
                f"{self.optimizer.learning_rate:.2g}; lower optimizer.lr, or set optimizer.clip_gradient_norm or "
                "optimizer.warmup_epochs, and go on with --resume from the last whole epoch")
        return value

    def _refresh_centers(self, epoch: int) -> tuple[float, list[int]]:
        if epoch + 1 < self._keep_initial_epochs:
            return 0.0, []
        fine, empty = class_centers.class_means(*self._refresh.finish(), self.centers[0])
        shift = class_centers.center_shift(self.centers[0], fine)
        self._check(shift, epoch, 1, len(self._loader), "mean shift of the class centers")
        self.centers = class_centers.parent_centers(fine, self._parents)
        return shift, empty.tolist()

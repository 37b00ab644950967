"""One epoch of training: batches, gradients, and what the method remembers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gluon_hash.engine import gluon, mx, nd
from gluon_hash.errors import DivergedError
from gluon_hash.methods.memory.base import Memory
from gluon_hash.progress import Meter, meter
from gluon_hash.training.advice import ADVICE, advised
from gluon_hash.training.callbacks import Steps
from gluon_hash.training.draws import Draws
from gluon_hash.training.epoch import EpochSoFar
from gluon_hash.training.mixing import MixedLoss
from gluon_hash.training.schedule import Schedule
from gluon_hash.training.state import Begun, EpochReport
from gluon_hash.training.step import Step
from gluon_hash.training.terms import is_sampled, mean_terms
from gluon_hash.training.workers import ALONE, Workers

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
        ``loader.epoch(e)`` yields the batches of epoch e; ``len(loader)`` is their number. With
        ``epoch_from(e, start)`` it spares an epoch that is gone on with its first batches.
    optimizer : gluon.Trainer
        Over the parameters of ``net`` and ``head``; a parameter's ``lr_mult`` scales its rate.
    lr, schedule : float, Schedule
        Base learning rate and its multiple, which is set for every batch.
    memory : Memory
        See gluon_hash.methods.memory.base.
    contexts : sequence of Context
        A batch is split over them; its codes come together on the first for head and loss.
    frozen : HybridBlock, optional
        Comes before ``net``, in inference mode and without gradients: a frozen backbone.
    head : Block, optional
        Code -> what the loss takes last: a classifier, learned centers.
    clip_gradient_norm : float, optional
        Largest global norm of the gradient of the mean loss.
    workers : Workers, optional
        With whom a batch is divided; default: alone.
    precision : str
        float32, or what the network's products are computed in (gluon_hash.training.precision).
    kernels : str
        compatible, or fast with other last bits of gradients (gluon_hash.training.kernels).
    mixup : float
        Above 0: each image is mixed with another of its batch (gluon_hash.training.mixing).
    run : HybridBlock, optional
        What of ``net`` is run, where ``loader`` does what comes before it; default: all.
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
        workers: Workers = ALONE,
        precision: str = "float32",
        kernels: str = "compatible",
        mixup: float = 0.0,
        run: gluon.HybridBlock | None = None,
    ) -> None:
        if mixup:
            loss = MixedLoss(loss)
        self.net, self.frozen, self.head, self.optimizer = net, frozen, head, optimizer
        self.memory = memory
        self._loader, self.contexts, self.workers = loader, list(contexts), workers
        self._lr, self._schedule = lr, schedule
        run = net if run is None else run
        self._step = Step(
            run,
            frozen,
            head,
            loss,
            optimizer,
            memory,
            contexts,
            clip_gradient_norm,
            workers,
            precision,
            kernels,
            mixup,
        )
        for block in (run, loss, frozen, head):
            if block is not None:
                block.hybridize(static_alloc=True, static_shape=True)

    def train_epoch(
        self,
        epoch: int,
        *,
        draws: Draws | None = None,
        begun: Begun | None = None,
        after_batch: Callable[[EpochSoFar], None] | None = None,
        on_steps: Callable[[Steps], None] | None = None,
        title: str = "",
    ) -> EpochReport:
        """Train epoch ``epoch`` (counted from 0) and let the memory learn from it.

        Parameters
        ----------
        epoch : int
        draws : Draws, optional
            Seeds MXNet's random numbers; without it they are as they come.
        begun : Begun, optional
            The epoch was begun before, and all else is as a checkpoint inside it had it.
        after_batch : callable, optional
            Called after every batch; it may save a checkpoint, or end the training.
        on_steps : callable, optional
            Called when the losses of some batches are read.
        title : str
            Of the progress shown; default: the epoch's number.

        Returns
        -------
        EpochReport

        Raises
        ------
        DivergedError
            If the loss is NaN or infinite; says in which batches and what to try.
        """
        so_far = EpochSoFar(begun)
        if begun is None:
            self.memory.start(epoch)
        with meter(title or f"epoch {epoch + 1}", len(self), unit="images") as shown:
            self._train_batches(epoch, so_far, draws, after_batch, on_steps, shown)
        seconds, started = so_far.seconds, time.perf_counter()
        with advised():
            learnt = self.memory.finish(epoch)
        for name, value in learnt.items():
            if isinstance(value, float):
                self._check(value, epoch, 1, len(self._loader), name.replace("_", " "))
        return EpochReport(
            loss=so_far.mean_loss,
            lr=float(self.optimizer.learning_rate),
            seconds=round(seconds, 3),
            images_per_second=round(so_far.num_images / seconds, 1),
            refresh_seconds=round(time.perf_counter() - started, 3),
            learnt=learnt,
            terms=mean_terms(so_far.terms),
        )

    def check_loss(self, epoch: int, so_far: EpochSoFar) -> None:
        """DivergedError if the loss of the batches since the last look is NaN or infinite."""
        self._check(so_far.read(), epoch, so_far.checked + 1, so_far.batches_done)

    def _train_batches(
        self,
        epoch: int,
        so_far: EpochSoFar,
        draws: Draws | None,
        after_batch: Callable[[EpochSoFar], None] | None,
        on_steps: Callable[[Steps], None] | None,
        shown: Meter,
    ) -> None:
        count = len(self)
        batches = self._batches(epoch, so_far.batches_done)
        to_come = count - so_far.batches_done
        if so_far.batches_done:
            self._set_rate(epoch, so_far.batches_done - 1)  # for the log, if none is to come
        for batch in batches:
            number = so_far.batches_done
            self._set_rate(epoch, number)
            if draws is not None:
                draws.before(epoch, number)
            watch = so_far.add_terms if is_sampled(number, count) else None
            loss, num_images = self._step(batch, watch)
            so_far.add(loss, num_images)
            if draws is not None:
                draws.after()
            shown.expect(num_images * to_come)
            shown.advance(num_images)
            if so_far.batches_done % BATCHES_BETWEEN_CHECKS == 0 or so_far.batches_done == count:
                self.check_loss(epoch, so_far)
                so_far.add_up()
                self._tell(epoch, so_far, on_steps, shown)
            if after_batch is not None:
                after_batch(so_far)
        nd.waitall()  # oneDNN's batch norm writes running statistics behind MXNet's back

    def _tell(
        self,
        epoch: int,
        so_far: EpochSoFar,
        on_steps: Callable[[Steps], None] | None,
        shown: Meter,
    ) -> None:
        """Show what the batches so far have come to, and say it to who listens."""
        terms = {f"loss_{name}": values[-1] for name, values in so_far.terms.items()}
        loss = so_far.mean_loss
        shown.say(
            f"loss {loss:.4f}",
            "".join(f", {name.replace('_', ' ')} {value:.3g}" for name, value in terms.items()),
        )
        if on_steps is not None:
            done = so_far.batches_done
            lr, rate = float(self.optimizer.learning_rate), so_far.num_images / so_far.seconds
            step = epoch * len(self) + done
            on_steps(Steps(epoch + 1, done, step, loss, lr, round(rate, 1), terms))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._loader)

    def _set_rate(self, epoch: int, batch: int) -> None:
        epochs_done = epoch + batch / len(self)
        self.optimizer.set_learning_rate(self._lr * self._schedule(epochs_done))

    def _batches(self, epoch: int, start: int) -> Iterable[Any]:
        """The batches of an epoch from number ``start`` on."""
        if start == 0:
            return self._loader.epoch(epoch)
        if hasattr(self._loader, "epoch_from"):
            return self._loader.epoch_from(epoch, start)
        return itertools.islice(self._loader.epoch(epoch), start, None)

    def _check(self, value: float, epoch: int, first: int, last: int, name: str = "loss") -> None:
        if not np.isfinite(value):
            raise DivergedError(
                f"epoch {epoch + 1}, batches {first}-{last}: the {name} is {value} at learning "
                f"rate {self.optimizer.learning_rate:.2g}; {ADVICE}"
            )

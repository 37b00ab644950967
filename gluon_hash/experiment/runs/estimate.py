"""What a training would take, without doing it: steps, time, memory, disk. Nothing is written."""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import dataclass

from gluon_hash.deploy.encode import run_net
from gluon_hash.engine import gluon, mx, nd
from gluon_hash.experiment.data.inputs import check_inputs, resolve, training_inputs
from gluon_hash.experiment.runs.assembly import Assembled, assemble
from gluon_hash.experiment.settings.config import Config
from gluon_hash.progress import duration
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.resources import free_disk, in_bytes, peak_memory
from gluon_hash.training.epoch import EpochSoFar
from gluon_hash.training.optimizer_state import state_arrays

__all__ = ["Estimate", "estimate", "seconds_an_image"]

SECONDS = 8.0  # of steps that are tried
LEAST_STEPS = 4  # the first pays for what is compiled and read once
CHECKPOINTS = 4  # last, best, inside an epoch, and one that is being written
EVALUATED = 4  # batches


@dataclass(frozen=True)
class Estimate:
    """What a training takes.

    Parameters
    ----------
    epochs, num_batches, batch_size : int
    step_seconds : float
    pass_seconds : float
        Of what comes after each epoch: the validation, and a pass for class centers if there is.
    num_parameters : int
        That are trained.
    memory : int
        Bytes: the most that this process has had.
    disk : int
        Bytes: the most that the run folder takes while it is trained.
    kept : int
        Bytes that stay there.
    """

    epochs: int
    num_batches: int
    batch_size: int
    step_seconds: float
    pass_seconds: float
    num_parameters: int
    memory: int
    disk: int
    kept: int

    @property
    def num_steps(self) -> int:
        """Of all epochs."""
        return self.epochs * self.num_batches

    @property
    def epoch_seconds(self) -> float:
        """Of an epoch with what comes after it."""
        return self.num_batches * self.step_seconds + self.pass_seconds

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return self.epochs * self.epoch_seconds

    def lines(self, out: str | os.PathLike[str]) -> list[str]:
        """As a person reads it.

        Parameters
        ----------
        out : path-like
            Where the run folder would be.
        """
        rate = self.batch_size / self.step_seconds
        step = self.step_seconds
        one = f"{step:.1f} s" if step >= 1 else f"{1000 * step:.1f} ms"
        return [
            f"steps: {self.num_steps:,} ({self.epochs} epochs of {self.num_batches:,} batches of "
            f"{self.batch_size})",
            f"time: about {duration(self.seconds)} ({one} a step, "
            f"{rate:,.0f} images/s; {self.pass_seconds:.1f} s after each epoch)",
            f"parameters: {self.num_parameters:,} are trained",
            f"memory: {in_bytes(self.memory)}, as seen here",
            f"disk: {in_bytes(self.disk)}, of which {in_bytes(self.kept)} stay; "
            f"{in_bytes(free_disk(out))} are free there",
        ]


class _Enough(Exception):
    """The steps that were tried are enough."""


def estimate(config: Config, contexts: list[mx.Context], seconds: float = SECONDS) -> Estimate:
    """Try some steps of a training, and count the rest.

    Parameters
    ----------
    config : Config
        Its features, if it has a frozen backbone, must be there; gluon_hash.experiment.runs.dry_run
        looks whether they are.
    contexts : list of Context
    seconds : float
        About as long steps are tried; at least four.

    Raises
    ------
    DataError, ValueError
        What a training would find wrong before its first batch.
    """
    config = resolve(config)
    check_inputs(training_inputs(config))
    made = assemble(config, contexts)
    step_seconds = _step_seconds(made, seconds)
    parameters = _parameters(made.trainer.net, made.trainer.head)
    saved = sum(map(_size, parameters))
    frozen = sum(map(_size, _parameters(made.net))) - sum(map(_size, _parameters(made.trainer.net)))
    states = 4 * sum(array.size for array in state_arrays(made.trainer.optimizer).values())
    memory = sum(array.nbytes for array in made.trainer.memory.state().values())
    checkpoint, backbone = 4 * saved + states + memory, 4 * frozen
    return Estimate(
        config.training.epochs,
        len(made.trainer),
        config.training.batch_size,
        step_seconds,
        _pass_seconds(made, contexts),
        sum(_size(parameter) for parameter in parameters if parameter.grad_req != "null"),
        peak_memory(),
        CHECKPOINTS * checkpoint + backbone,
        2 * checkpoint + backbone,
    )


def _parameters(*blocks: gluon.Block | None) -> list[gluon.Parameter]:
    """Of all blocks but None."""
    there = [block for block in blocks if block is not None]
    return [parameter for block in there for parameter in block.collect_params().values()]


def _size(parameter: gluon.Parameter) -> int:
    return int(math.prod(parameter.shape))


def _step_seconds(made: Assembled, seconds: float) -> float:
    """The median of the steps that are tried, but for the first."""
    ends: list[float] = []

    def after_batch(so_far: EpochSoFar) -> None:
        nd.waitall()
        ends.append(time.perf_counter())
        if len(ends) >= LEAST_STEPS and ends[-1] - ends[0] >= seconds:
            raise _Enough

    started = time.perf_counter()
    try:
        made.trainer.train_epoch(0, after_batch=after_batch, title="trying steps")
    except _Enough:
        pass
    steps = [later - earlier for earlier, later in zip(ends, ends[1:])]
    return statistics.median(steps) if steps else ends[0] - started


def _pass_seconds(made: Assembled, contexts: list[mx.Context]) -> float:
    """Of the network over the held-out images, and over all for class centers if it needs that."""
    data = made.data
    counts = [(made.trainer.memory.passes, data.refresh), (1, data.held_out)]
    counts.append((1, data.trained_on))
    return sum(
        count * len(loader.ids) * seconds_an_image(made.whole, loader, contexts)
        for count, loader in counts
        if loader is not None and count
    )


def seconds_an_image(
    net: gluon.HybridBlock, loader: EvalLoader | FeatureEvalLoader, contexts: list[mx.Context]
) -> float:
    """The second time that some batches are run."""
    part = loader.part(slice(0, EVALUATED * loader.batch_size))
    run_net(net, part, contexts, "trying the network")
    started = time.perf_counter()
    run_net(net, part, contexts, "trying the network")
    return (time.perf_counter() - started) / len(part.ids)

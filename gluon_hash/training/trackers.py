"""Experiment trackers that hear of a training: TensorBoard, MLflow, Weights & Biases.

Each asks for its package when it is made, so before any training. When one fails in the middle (a
server that is gone), a line says so, and the training goes on without it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gluon_hash.errors import MissingPackageError
from gluon_hash.progress import log
from gluon_hash.training.callbacks import Callback, Start, Steps
from gluon_hash.training.state import Progress

__all__ = ["MLflow", "TensorBoard", "Tracker", "WandB"]

TAG = "gluon_hash_run"
LONGEST_REASON = 300  # characters
LONGEST_PARAMETER = 500  # characters that every server of MLflow takes


class Tracker(Callback):
    """What trackers share: a subclass opens a run, writes numbers at a step, and closes it."""

    def open(self, start: Start) -> None:
        """A run begins; or goes on, where ``start.epochs_done`` is not 0."""
        raise NotImplementedError

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by their names, after so many batches."""
        raise NotImplementedError

    def close(self, is_finished: bool) -> None:
        """The run ends."""
        raise NotImplementedError

    def on_start(self, start: Start) -> None:
        """Open a run."""
        self._num_batches, self._works = start.num_batches, True
        self._safely(lambda: self.open(start))

    def on_steps(self, steps: Steps) -> None:
        """Loss, learning rate and images a second as train/..., the loss's terms as terms/..."""
        values = {"loss": steps.loss, "lr": steps.lr, "images_per_second": steps.images_per_second}
        named = {f"train/{name}": value for name, value in values.items()}
        terms = {name.removeprefix("loss_"): value for name, value in steps.terms.items()}
        named.update({f"terms/{name}": value for name, value in terms.items()})
        self._safely(lambda: self.write(named, steps.step))

    def on_epoch(self, values: Mapping[str, Any], is_best: bool) -> None:
        """The numbers of a line of log.jsonl, as validation/... and epoch/..."""
        numbers = {
            name: float(value) for name, value in values.items() if isinstance(value, (int, float))
        }
        named = {
            f"validation/{name.removeprefix('validation_')}"
            if name.startswith("validation_")
            else f"epoch/{name}": value
            for name, value in numbers.items()
        }
        self._safely(lambda: self.write(named, values["epoch"] * self._num_batches))

    def on_end(self, progress: Progress, error: BaseException | None) -> None:
        """Close the run."""
        self._safely(lambda: self.close(error is None))

    def _safely(self, act: Callable[[], None]) -> None:
        """A tracker that fails is done with: hours of training do not hang on it."""
        if not self._works:
            return
        try:
            act()
        except Exception as error:
            self._works = False
            log(
                f"warning: {type(self).__name__}: {_reason(error)}; the training goes on without it"
            )


class TensorBoard(Tracker):
    """Event files that `tensorboard --logdir DIR` shows: a folder for each run.

    Parameters
    ----------
    folder : path-like
        Runs are written below it, each under its own name; one that is resumed goes on.

    Raises
    ------
    MissingPackageError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._module, self._folder = _module("tensorboardX", "tensorboard"), Path(folder)

    def open(self, start: Start) -> None:
        """The run's folder, without what a training that was killed wrote ahead of it."""
        done = start.epochs_done * start.num_batches
        path = str(self._folder / start.folder.name)
        self._writer = self._module.SummaryWriter(path, purge_step=done + 1 if done else None)
        if start.settings and not done:
            text = json.dumps(start.settings, indent=4)
            self._writer.add_text("configuration", "    " + text.replace("\n", "\n    "))

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Scalars."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self, is_finished: bool) -> None:
        """Write what is held back."""
        self._writer.close()


class MLflow(Tracker):
    """A run of an MLflow experiment.

    Parameters
    ----------
    uri : str
        Of the tracking server, a database (sqlite:///runs.db) or a folder.
    experiment : str
        Is made if it is not there.

    Raises
    ------
    MissingPackageError
        If mlflow is not installed.
    ValueError
        If there is no such server, or it refuses.
    """

    def __init__(self, uri: str, experiment: str = "gluon_hash") -> None:
        self._module = _module("mlflow", "mlflow")
        try:  # a wrong address is said before the training
            self._client = self._module.MlflowClient(tracking_uri=uri)
            found = self._client.get_experiment_by_name(experiment)
            self._number = (
                found.experiment_id if found else self._client.create_experiment(experiment)
            )
        except Exception as error:
            raise ValueError(f"MLflow at {uri}: {_reason(error)}") from error

    def open(self, start: Start) -> None:
        """A new run with the configuration as its parameters, or the one that is resumed."""
        own = run_id(start.folder)
        if start.epochs_done:
            runs = self._client.search_runs([self._number], f"tags.{TAG} = '{own}'")
            if runs:
                self._run = runs[0].info.run_id
                self._client.update_run(self._run, "RUNNING")
                return
        run = self._client.create_run(self._number, tags={TAG: own}, run_name=start.folder.name)
        self._run = run.info.run_id
        for name, value in _flat(start.settings).items():
            self._client.log_param(self._run, name, str(value)[:LONGEST_PARAMETER])

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Metrics."""
        now, metric = int(time.time() * 1000), self._module.entities.Metric
        metrics = [metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics)

    def close(self, is_finished: bool) -> None:
        """Finished, or killed."""
        self._client.set_terminated(self._run, "FINISHED" if is_finished else "KILLED")


class WandB(Tracker):
    """A run of Weights & Biases; its own environment (WANDB_MODE, WANDB_DIR) is heeded.

    Parameters
    ----------
    project : str

    Raises
    ------
    MissingPackageError
        If wandb is not installed.
    """

    def __init__(self, project: str) -> None:
        self._module, self._project = _module("wandb", "wandb"), project

    def open(self, start: Start) -> None:
        """A new run, or the one that is resumed: its id follows from the run folder."""
        self._run = self._module.init(
            project=self._project,
            name=start.folder.name,
            id=run_id(start.folder),
            resume="allow",
            config=dict(start.settings),
        )

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Values of a step."""
        self._run.log(dict(values), step=step)

    def close(self, is_finished: bool) -> None:
        """Finished, or failed."""
        self._run.finish(exit_code=0 if is_finished else 1)


def run_id(folder: Path) -> str:
    """An id of a run folder, the same whenever it is resumed, another once it is made again."""
    made = folder / "versions.json"  # written once
    stamp = made.stat().st_mtime_ns if made.exists() else 0
    return hashlib.sha256(f"{folder.resolve()} {stamp}".encode()).hexdigest()[:16]


def _reason(error: Exception) -> str:
    """The beginning of what an error says."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} ..."


def _module(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingPackageError(
            f"{name} is not installed: pip install 'gluon_hash[{extra}]'"
        ) from error


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Sections of a configuration as one mapping.

    Examples
    --------
    >>> _flat({"net": {"num_bits": 48}, "data": {"root": "d"}})
    {'net.num_bits': 48, 'data.root': 'd'}
    """
    return {
        f"{section}.{key}": value
        for section, values in settings.items()
        for key, value in values.items()
    }

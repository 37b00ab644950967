"""The runs in a folder: what each is, how far it is, what it reached. Read without MXNet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gluon_hash.errors import DataError
from gluon_hash.experiment.cards.run_files import CONFIG, LOG, read_run
from gluon_hash.experiment.runs.file_names import EXTENDED, measured_name
from gluon_hash.guard import as_schema, load_json
from gluon_hash.locks import holder_of
from gluon_hash.report import Trained
from gluon_hash.retrieval import Measured

__all__ = ["RunSummary", "find_runs", "summarize_run"]

LAST, INSIDE, DIVERGED = Path("last.ckpt/state.json"), Path("inside.ckpt"), "diverged.json"
DEPTH = 5


@dataclass(frozen=True)
class RunSummary:
    """A run in a few words.

    Parameters
    ----------
    path : str
    state : str
        "finished", "stopped early", "interrupted", "training", "diverged", "not begun", "damaged".
    method : str
        Its name in a configuration.
    num_bits : int
    epochs_done, epochs : int
    best_epoch : int or None
        The one that is kept.
    monitor : str
        What it was chosen by, such as "map" (on held-out images), or "loss".
    value : float or None
        That of the kept epoch.
    measured : mapping
        Metrics of queries against the database, where a comparison has measured them.
    changed : str
        When a file of it was last written: 2026-11-25 16:30.
    note : str
        What is wrong with it, if it is damaged.
    """

    path: str
    state: str
    method: str = ""
    num_bits: int = 0
    epochs_done: int = 0
    epochs: int = 0
    best_epoch: int | None = None
    monitor: str = ""
    value: float | None = None
    measured: dict[str, float] | None = None
    changed: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def find_runs(folder: str | os.PathLike[str]) -> list[Path]:
    """The run folders in ``folder`` and below it, in the order of their paths.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("no such folder; name one that holds runs", path=folder)
    return sorted(_runs(folder, DEPTH))


def summarize_run(folder: Path) -> RunSummary:
    """What a run folder says of itself; one that is damaged says so."""
    try:
        trained = read_run(folder)
        return _summary(folder, trained)
    except (DataError, OSError, ValueError) as error:
        return RunSummary(str(folder), "damaged", changed=_changed(folder), note=str(error))


def _summary(folder: Path, trained: Trained) -> RunSummary:
    training = trained.section("training")
    epochs, monitor = training.get("epochs"), str(training.get("monitor", ""))
    if not isinstance(epochs, int):
        raise DataError("training.epochs: expected a number", path=folder / CONFIG)
    key = "loss" if monitor == "loss" else f"validation_{monitor}"
    kept = [line for line in trained.epochs if line["epoch"] == trained.best_epoch]
    value = kept[-1].get(key) if kept else None
    return RunSummary(
        str(folder),
        _state(folder, len(trained.epochs), epochs, training.get("early_stop_epochs")),
        str(trained.section("loss").get("name", "")),
        int(trained.section("net").get("num_bits", 0)),
        len(trained.epochs),
        epochs,
        trained.best_epoch,
        monitor,
        value if isinstance(value, float) else None,
        _measured(folder / measured_name()),
        _changed(folder),
    )


def _state(folder: Path, done: int, epochs: int, early_stop_epochs: Any) -> str:
    """How a training stands, by its files."""
    if (folder / EXTENDED).exists():
        return "extended"
    if holder_of(folder) is not None:
        return "training"
    if (folder / DIVERGED).exists():
        return "diverged"
    if done >= epochs:
        return "finished"
    last = folder / LAST
    state = as_schema(load_json(last), dict[str, Any], last) if last.exists() else {}
    waited = state.get("epochs_without_better")
    if isinstance(early_stop_epochs, int) and isinstance(waited, int):
        if waited >= early_stop_epochs:
            return "stopped early"
    return "interrupted" if done or (folder / INSIDE).exists() else "not begun"


def _measured(path: Path) -> dict[str, float] | None:
    """Means over queries, the cut-offs in their names."""
    if not path.exists():
        return None
    measured = Measured.load(path)
    summary = measured.summary()
    return {name: summary[name] for name in measured.names if isinstance(summary[name], float)}


def _changed(folder: Path) -> str:
    """When its log, or else the folder, was last written."""
    path = folder / LOG if (folder / LOG).exists() else folder
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / CONFIG).is_file():
        yield folder
        return
    if not depth:
        return
    try:
        below = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except PermissionError:
        return
    for path in below:
        if not path.name.startswith("."):
            yield from _runs(path, depth - 1)

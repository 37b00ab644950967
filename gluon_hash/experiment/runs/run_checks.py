"""Is a run folder of this configuration and of these data: before it is gone on with, or reused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gluon_hash.errors import DataError
from gluon_hash.experiment.data.fingerprints import check_unchanged
from gluon_hash.experiment.data.inputs import training_inputs
from gluon_hash.experiment.runs.file_names import EXTENDED
from gluon_hash.experiment.runs.run_folder import CONFIG, INPUTS
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.config_files import dump_config, load_config
from gluon_hash.files import replace_json, replace_text
from gluon_hash.guard import read_lines
from gluon_hash.methods.class_wise import default_inv_variances
from gluon_hash.progress import log
from gluon_hash.training.saving import LOG, append

__all__ = [
    "RESUMED",
    "Differences",
    "check_is_run",
    "check_new",
    "check_resumable",
    "check_same",
    "note",
]

RESUMED = "resumed.jsonl"
# what a run that diverges may need; all else makes it another run
CHANGEABLE = (
    "training.epochs",
    "optimizer.lr",
    "optimizer.milestones",
    "optimizer.factor",
    "optimizer.warmup_epochs",
    "optimizer.clip_gradient_norm",
)
# what the network does not depend on
WITHOUT_EFFECT = ("data.cache", "data.decode_threads", "training.checkpoint_minutes")


@dataclass(frozen=True)
class Differences:
    """What differs from a run folder, and may.

    Parameters
    ----------
    values : mapping
        Key of the configuration -> (of the run, now).
    inputs : dict, optional
        What inputs.json should hold from now on, if not what it holds.
    """

    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    inputs: dict[str, Any] | None = None


def check_new(out: Path) -> None:
    """ValueError if there is something at ``out``."""
    if out.exists():
        raise ValueError(f"{out} exists already; go on with it (resume), or name another folder")


def check_is_run(out: Path) -> None:
    """ValueError if ``out`` is not a run folder."""
    if not (out / CONFIG).exists():
        raise ValueError(f"{out}: nothing to resume, there is no {CONFIG}; train from the start")
    if (out / EXTENDED).exists():
        raise ValueError(f"{out}: an extended run does not train on; extend it, or train again")


def check_resumable(config: Config, out: Path) -> Differences:
    """ValueError unless ``out`` is a run of the configuration, but for what may be changed."""
    but = ", ".join(CHANGEABLE)
    return check_same(config, out, f"when a run is resumed, only {but} may change", but=CHANGEABLE)


def check_same(config: Config, folder: Path, remedy: str, but: Sequence[str] = ()) -> Differences:
    """Whether the run in ``folder`` is of this configuration and of the data that are there now.

    Parameters
    ----------
    config : Config
    folder : Path
    remedy : str
        What to do, at the end of the message.
    but : sequence of str
        Keys that may differ.

    Returns
    -------
    Differences

    Raises
    ------
    ValueError
        If a value differs, with ``remedy``.
    DataError
        If the data or weights do, or a file of the folder is missing.
    """
    if not (folder / CONFIG).exists() or not (folder / INPUTS).exists():
        raise DataError(
            f"not a run folder of this version: it lacks {CONFIG} or {INPUTS}; move it away",
            path=folder,
        )
    saved, wanted = load_config(folder / CONFIG).model_dump(), config.model_dump()
    values = {}
    for section in wanted:
        for key in dict.fromkeys([*wanted[section], *saved[section]]):
            before, now = saved[section].get(key), wanted[section].get(key)
            name = f"{section}.{key}"
            if _same(name, before, now) or name in WITHOUT_EFFECT:
                continue
            if name not in but:
                raise ValueError(
                    f"{folder}: the run has {name} = {before!r}, the configuration {now!r}; "
                    f"{remedy}"
                )
            values[name] = (before, now)
    return Differences(values, check_unchanged(folder / INPUTS, training_inputs(config), folder))


def note(out: Path, config: Config, differences: Differences) -> None:
    """Write what differs into the run folder: run.yaml says how it is trained from now on.

    resumed.jsonl has a line for every time that values were changed.
    """
    if differences.values:
        done = len(read_lines(out / LOG)) if (out / LOG).exists() else 0
        append(out / RESUMED, {"epochs_done": done, "changed": differences.values})
        changes = (f"{name} {old} -> {new}" for name, (old, new) in differences.values.items())
        log(f"{out}: changed from here on: {', '.join(changes)} (see {RESUMED})")
    replace_text(out / CONFIG, dump_config(config))
    if differences.inputs is not None:
        replace_json(out / INPUTS, differences.inputs)


def _same(name: str, before: Any, now: Any) -> bool:
    """Whether a run's value of a key is the configuration's.

    Variances that are not given are those by depth, which older runs have written out.
    """
    if name == "loss.inv_variances" and (before is None) != (now is None):
        variances = before or now
        return variances == default_inv_variances(len(variances))
    return before == now

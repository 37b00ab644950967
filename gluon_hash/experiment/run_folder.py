"""Run folders: what a training writes around its checkpoints, and the network read from it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gluon_hash import doctor
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.config import Config
from gluon_hash.experiment.config_files import dump_config, load_config
from gluon_hash.experiment.inputs import (
    HIERARCHY,
    SPLIT,
    check_unchanged,
    fingerprint,
    training_inputs,
)
from gluon_hash.experiment.objects import build_transform, new_net, trained_part
from gluon_hash.files import atomic_folder, atomic_write_json, atomic_write_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.class_wise import default_inv_variances
from gluon_hash.nets import HashingNet, load_backbone, load_params, save_backbone
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color
from gluon_hash.training import read_state

__all__ = ["BACKBONE", "CONFIG", "Run", "check_folder", "check_same", "load_run", "start_folder"]

CONFIG, INPUTS, BACKBONE, VERSIONS = "run.yaml", "inputs.json", "backbone.params", "versions.json"


@dataclass(frozen=True)
class Run:
    """A trained network and what is needed to use it: the content of a run folder.

    Parameters
    ----------
    path : Path
    config : Config
    net : HashingNet
        On the contexts it was loaded to.
    transform : ImageTransform or None
        None: the network reads features.
    hierarchy : Hierarchy
        Of the data.
    epoch : int
        The epoch that is kept, from 1.
    background : Color
        What transparent pixels showed when the images were prepared.
    """

    path: Path
    config: Config
    net: HashingNet
    transform: ImageTransform | None
    hierarchy: Hierarchy
    epoch: int
    background: Color = WHITE


def load_run(path: str | os.PathLike[str], contexts: list[mx.Context] | None = None) -> Run:
    """Load a run folder: the network of its best epoch.

    Raises
    ------
    DataError
        If the folder is not a run, or a file of it is damaged.
    """
    path = Path(path)
    if not (path / CONFIG).exists():
        raise DataError(
            f"not a run folder: it has no {CONFIG}; `gluon-hash train` makes one", path=path
        )
    config = load_config(path / CONFIG)
    state = read_state(path / "best.ckpt")
    net = new_net(config)
    net.initialize(ctx=contexts or [mx.cpu()])
    trained, _ = trained_part(config, net)
    if trained is not net:
        load_backbone(net.features, path / BACKBONE, contexts)
    load_params(trained, path / "best.ckpt" / "net.params", contexts)
    transform = None if config.net.num_features is not None else build_transform(config)
    hierarchy = Hierarchy.load(path / HIERARCHY)
    return Run(
        path, config, net, transform, hierarchy, state.progress.best_epoch or 0, _background(path)
    )


def _background(path: Path) -> Color:
    """Of transparent pixels, as the split manifest of the data says; white if it does not."""
    if not (path / SPLIT).exists():
        return WHITE
    manifest = json.loads((path / SPLIT).read_text(encoding="utf-8"))
    color = manifest.get("source", {}).get("background") or WHITE
    return (int(color[0]), int(color[1]), int(color[2]))


def check_folder(config: Config, out: Path, resume: bool) -> None:
    """ValueError if ``out`` is there, or, to resume, is not there or of another configuration."""
    if not resume:
        if out.exists():
            raise ValueError(
                f"{out} exists already; go on with it (resume), or name another folder"
            )
        return
    if not (out / CONFIG).exists():
        raise ValueError(f"{out}: nothing to resume, there is no {CONFIG}; train from the start")
    check_same(
        config,
        out,
        "only training.epochs may change when a run is resumed",
        but=("training.epochs",),
    )


def check_same(config: Config, folder: Path, remedy: str, but: Sequence[str] = ()) -> None:
    """Whether the run in ``folder`` is of this configuration and of the data that are there now.

    Parameters
    ----------
    config : Config
    folder : Path
    remedy : str
        What to do, at the end of the message.
    but : sequence of str
        Keys that may differ.

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
    for section in wanted:
        for key in dict.fromkeys([*wanted[section], *saved[section]]):
            before, now = saved[section].get(key), wanted[section].get(key)
            name = f"{section}.{key}"
            if not _same(name, before, now) and name not in (*but, "data.decode_threads"):
                raise ValueError(
                    f"{folder}: the run has {name} = {before!r}, the configuration {now!r}; "
                    f"{remedy}"
                )
    recorded = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    check_unchanged(recorded["sha256"], training_inputs(config), folder)


def _same(name: str, before: Any, now: Any) -> bool:
    """Whether a run's value of a key is the configuration's.

    Variances that are not given are those by depth, which older runs have written out.
    """
    if name == "loss.inv_variances" and (before is None) != (now is None):
        variances = before or now
        return variances == default_inv_variances(len(variances))
    return before == now


def start_folder(config: Config, out: Path, hierarchy: Hierarchy, net: HashingNet) -> None:
    """Write the run folder as it is before the first epoch, whole or not at all."""
    with atomic_folder(out) as temporary:
        atomic_write_text(temporary / CONFIG, dump_config(config))
        hierarchy.save(temporary / HIERARCHY)
        atomic_write_json(temporary / VERSIONS, doctor.version_report())
        atomic_write_json(
            temporary / INPUTS, {"version": 1, "sha256": fingerprint(training_inputs(config))}
        )
        if trained_part(config, net)[0] is not net:
            save_backbone(net.features, temporary / BACKBONE)
        if (Path(config.data.root) / SPLIT).exists():
            shutil.copyfile(Path(config.data.root) / SPLIT, temporary / SPLIT)

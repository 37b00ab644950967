"""Run folders: what a training writes around its checkpoints, and the network read from it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gluon_hash import doctor
from gluon_hash.deploy.encode import fingerprint_of
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.data.fingerprints import record
from gluon_hash.experiment.data.inputs import (
    HIERARCHY,
    SPLIT,
    training_inputs,
)
from gluon_hash.experiment.objects import build_transform, new_decoder, new_net, trained_part
from gluon_hash.experiment.runs.file_names import EXTENDED
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.config_files import dump_config, load_config
from gluon_hash.files import atomic_folder, atomic_write_json, atomic_write_text
from gluon_hash.guard import as_schema, load_json, reading
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.leftovers import sweep
from gluon_hash.locks import locked
from gluon_hash.nets import (
    Backbone,
    ExpectedCodeword,
    HashingNet,
    load_backbone,
    load_params,
    save_backbone,
)
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color
from gluon_hash.training import CheckpointState, read_checkpoint
from gluon_hash.training.checkpoint import PARAMETERS
from gluon_hash.training.saving import BEST

__all__ = [
    "BACKBONE",
    "CODEWORDS",
    "CONFIG",
    "INPUTS",
    "VERSIONS",
    "Run",
    "background_of",
    "load_run",
    "owned",
    "start_folder",
]

CONFIG, INPUTS, BACKBONE, VERSIONS = "run.yaml", "inputs.json", "backbone.params", "versions.json"
CODEWORDS = "codewords.params"
LEFT_BY_OLDER = re.compile(r"\.(last|best)\.ckpt\.[a-z0-9_]{8}")  # temporary folders


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

    @property
    def fingerprint(self) -> str:
        """Of the whole network; of an extended run, that of the run whose codes it goes on with."""
        path = self.path / EXTENDED
        if not path.exists():
            return fingerprint_of(self.net)
        with reading(path, "what an extended run came from"):
            return str(as_schema(load_json(path), dict[str, Any], path)["fingerprint"])


def load_run(
    path: str | os.PathLike[str],
    contexts: list[mx.Context] | None = None,
    backbone: Backbone | None = None,
) -> Run:
    """Load a run folder: the network of its best epoch.

    Parameters
    ----------
    path : path-like
    contexts : list of Context, optional
        Default: the CPU.
    backbone : Backbone, optional
        The frozen one of the run, where it is at hand: it is taken, and not read.

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
    hierarchy = Hierarchy.load(path / HIERARCHY)
    net, decoder = new_net(config, hierarchy, backbone), new_decoder(config, hierarchy)
    trained, _ = trained_part(config, net)
    trained.initialize(mx.init.Zero(), ctx=contexts or [mx.cpu()])  # until they are read
    if trained is not net and backbone is None:
        load_backbone(net.features, path / BACKBONE, contexts, mx.init.Zero())

    def load(place: Path, state: CheckpointState) -> CheckpointState:
        load_params(trained, place / PARAMETERS, contexts)
        return state

    state = read_checkpoint(path / BEST, load)
    if decoder is not None:
        load_params(decoder, path / CODEWORDS, contexts)
        net.decode_with(decoder)
    transform = None if config.net.num_features is not None else build_transform(config)
    return Run(
        path, config, net, transform, hierarchy, state.progress.best_epoch or 0, background_of(path)
    )


def background_of(folder: Path) -> Color:
    """What transparent pixels showed, as the split manifest in ``folder`` says; white without one.

    Raises
    ------
    DataError
        If the manifest is damaged.
    """
    path = folder / SPLIT
    if not path.exists():
        return WHITE
    manifest = as_schema(load_json(path), dict[str, Any], path)
    with reading(path, "manifest of prepared data"):
        color = manifest.get("source", {}).get("background") or WHITE
        return (int(color[0]), int(color[1]), int(color[2]))


@contextmanager
def owned(out: Path) -> Iterator[None]:
    """Hold a run folder while it is trained, and sweep what killed trainings left in it.

    Raises
    ------
    ValueError
        If another process trains it.
    """
    with locked(out, "a training"):
        sweep(out)
        for path in out.iterdir():
            if LEFT_BY_OLDER.fullmatch(path.name):
                shutil.rmtree(path)
        yield


def start_folder(
    config: Config,
    out: Path,
    hierarchy: Hierarchy,
    net: HashingNet,
    decoder: ExpectedCodeword | None = None,
    backbone: Path | None = None,
) -> None:
    """Write the run folder as it is before the first epoch, whole or not at all.

    ``backbone``: a file that holds the frozen one already, linked where a disk can do that.
    """
    with atomic_folder(out) as temporary:
        atomic_write_text(temporary / CONFIG, dump_config(config))
        hierarchy.save(temporary / HIERARCHY)
        atomic_write_json(temporary / VERSIONS, doctor.version_report())
        atomic_write_json(temporary / INPUTS, record(training_inputs(config)))
        if trained_part(config, net)[0] is not net and not _linked(backbone, temporary / BACKBONE):
            save_backbone(net.features, temporary / BACKBONE)
        if decoder is not None:
            decoder.save_parameters(str(temporary / CODEWORDS))
        if (Path(config.data.root) / SPLIT).exists():
            shutil.copyfile(Path(config.data.root) / SPLIT, temporary / SPLIT)


def _linked(there: Path | None, path: Path) -> bool:
    """Whether ``path`` is now another name of the file ``there``."""
    if there is None:
        return False
    try:
        os.link(there, path)
    except OSError:  # gone, or a disk without hard links
        return False
    return True

"""Features of a frozen backbone, computed once and kept beside the records that they are of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.experiment.data.features import (
    features_of,
    load_features,
    pretrained_backbone,
)
from gluon_hash.experiment.data.fingerprints import digest
from gluon_hash.experiment.data.inputs import QUERY_RECORDS, TRAIN_RECORDS
from gluon_hash.experiment.objects import build_transform
from gluon_hash.experiment.settings.config import Config
from gluon_hash.leftovers import temporary_file, temporary_folder
from gluon_hash.progress import log

__all__ = ["cache_features", "is_cacheable", "to_compute"]


def cache_features(
    config: Config, contexts: list[mx.Context], beside: str | os.PathLike[str] | None = None
) -> Config:
    """The configuration with the features of its frozen backbone, which are computed if missing.

    Parameters
    ----------
    config : Config
    contexts : list of Context
    beside : path-like, optional
        The run folder: the features are kept beside it where the records' folder is read-only.

    Returns
    -------
    Config
        The same where the backbone is trained, or features are named already.

    Raises
    ------
    DataError
        If records, weights or features cached before are damaged.
    OSError
        If the features can be written nowhere; before they are computed.
    """
    if not is_cacheable(config):
        return config
    run = None if beside is None else Path(beside)
    files, missing = {}, {}
    for key, (path, records) in _names(config).items():
        place = _there(path, records, run) or _place(path, records, run)
        if not place.exists():
            missing[place] = records
        files[key] = str(place)
    if missing:
        _compute(config, contexts, missing)
    data = config.data.model_copy(update=files)
    cached = config.model_copy(
        update={"data": data, "net": config.net.model_copy(update={"standardize": True})}
    )
    load_features(cached, files["features"])
    return cached


def is_cacheable(config: Config) -> bool:
    """Whether a training starts by computing features: a frozen backbone, and none are named."""
    net = config.net
    return net.frozen and net.weights is not None and config.data.features is None


def to_compute(config: Config, beside: str | os.PathLike[str] | None = None) -> list[Path]:
    """The records whose features cache_features would compute; nothing is written."""
    if not is_cacheable(config):
        return []
    run = None if beside is None else Path(beside)
    places = _names(config).values()
    return [records for path, records in places if _there(path, records, run) is None]


def _names(config: Config) -> dict[str, tuple[Path, Path]]:
    """Key of the configuration -> where its features are at first choice, and the records."""
    net, root = config.net, Path(config.data.root)
    assert net.weights is not None  # is_cacheable has looked
    made_by = f"{digest(net.weights)[:8]}{build_transform(config).digest()[:8]}"
    names = {}
    for key, records in (("features", TRAIN_RECORDS), ("query_features", QUERY_RECORDS)):
        if (root / records).exists():
            name = f"features_{net.backbone}_{made_by}_{Path(records).stem}.npz"
            names[key] = (root / name, root / records)
    return names


def _there(path: Path, records: Path, run: Path | None) -> Path | None:
    """Where the features of ``records`` are already."""
    if path.exists():
        return path
    other = None if run is None else _beside(path, records, run)
    return other if other is not None and other.exists() else None


def _beside(path: Path, records: Path, run: Path) -> Path:
    """Beside a run may be those of other records too: the name says of which they are."""
    stem, _, split = path.stem.rpartition("_")
    return run.parent / f"{stem}_{digest(records)[:8]}_{split}.npz"


def _place(path: Path, records: Path, run: Path | None) -> Path:
    """Where the features of ``records`` can be: at ``path``, else beside the run."""
    other = None if run is None else _beside(path, records, run)
    try:
        _try_to_write(path)
    except OSError:
        if other is None:
            raise
        _try_to_write(other)
        log(f"{path.parent}: nothing can be written there; features are kept beside the run")
        return other
    return path


def _try_to_write(path: Path) -> None:
    """OSError if no file can be made at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_file(path):
        pass


def _compute(config: Config, contexts: list[mx.Context], missing: Mapping[Path, Path]) -> None:
    """Write the features of records: where they are kept -> the records."""
    backbone = pretrained_backbone(config, contexts)  # its weights are read first
    for path, records in missing.items():
        log(f"{path}: the features of {records.name} are computed once, and reused")
        table = features_of(config, records, contexts, backbone=backbone)
        with temporary_folder(path) as folder:  # another training may have made the same
            table.save(folder / path.name)
            os.replace(folder / path.name, path)

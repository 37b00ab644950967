"""The model at a path: a run folder, an exported network or a fitted baseline, as an Encoder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gluon_hash.errors import DataError
from gluon_hash.experiment.encoder import BaselineEncoder, Encoder

if TYPE_CHECKING:
    from gluon_hash.engine import mx

__all__ = ["load_model"]

RUN = "run.yaml"


def load_model(path: str | os.PathLike[str], contexts: list[mx.Context] | None = None) -> Encoder:
    """The model at ``path``; what kind it is, is decided here.

    Parameters
    ----------
    path : path-like
        A run folder; NAME.manifest.json, or DIR/NAME, which `gluon-hash export` wrote; or a
        fitted baseline (.npz).
    contexts : list of Context, optional
        Default: the CPU. An exported network uses the first.

    Raises
    ------
    DataError
        If it is none of these, or damaged.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return BaselineEncoder(path)
    from gluon_hash.deploy.manifest import SUFFIX, manifest_path

    exported = manifest_path(path)
    if exported.suffix == ".json":
        from gluon_hash.experiment.exported_encoder import ExportedEncoder

        return ExportedEncoder(exported, contexts)
    if not (path / RUN).exists():
        raise DataError(
            f"not a model: expected a run folder (with {RUN}), an exported NAME{SUFFIX} or a "
            f"fitted baseline (.npz){'' if path.exists() else '; there is nothing at this path'}",
            path=path,
        )
    from gluon_hash.experiment.run_encoder import RunEncoder  # needs MXNet

    return RunEncoder(path, contexts)

"""The model at a path: a run folder, an exported network or a fitted baseline, as an Encoder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gluon_hash.errors import DataError
from gluon_hash.experiment.models.encoder import BaselineEncoder, Encoder
from gluon_hash.progress import log

if TYPE_CHECKING:
    from gluon_hash.deploy.engines import Engine, Precision
    from gluon_hash.engine import mx

__all__ = ["load_model"]

RUN = "run.yaml"


def load_model(
    path: str | os.PathLike[str],
    contexts: list[mx.Context] | None = None,
    *,
    engine: Engine | None = None,
    precision: Precision | None = None,
) -> Encoder:
    """The model at ``path``; what kind it is, is decided here.

    Parameters
    ----------
    path : path-like
        A run folder; NAME.manifest.json, or DIR/NAME, which `gluon-hash export` wrote; a name of
        the zoo (`gluon-hash zoo`); or a fitted baseline (.npz).
    contexts : list of Context, optional
        Default: the CPU. An exported network uses the first.
    engine : {"mxnet", "onnxruntime", "openvino"}, optional
        What runs a network on the CPU; default: MXNet, or, where it is not installed, ONNX Runtime.
        A run folder is exported for the other two, which takes a few seconds.
    precision : {"float32", "bfloat16"}, optional
        As of gluon_hash.deploy.Predictor.load.

    Raises
    ------
    DataError
        If it is none of these, or damaged.
    MissingPackageError
        If the engine is not installed.
    ValueError
        If the engine does not run such a model.
    """
    from gluon_hash.deploy.engines import check_choice

    path = Path(path)
    check_choice(engine, precision)
    if path.suffix == ".npz":
        if engine not in (None, "mxnet"):
            raise ValueError(f"{path}: a baseline is one product, which no engine makes faster")
        return BaselineEncoder(path)
    from gluon_hash.deploy.model_names import SUFFIX, could_be_meant, manifest_path

    exported = manifest_path(path)
    if exported.suffix == ".json":
        from gluon_hash.experiment.models.exported_encoder import ExportedEncoder

        return ExportedEncoder(exported, contexts, engine=engine, precision=precision)
    if not (path / RUN).exists():
        there = "" if path.exists() else "; there is nothing at this path"
        raise DataError(
            f"not a model: expected a run folder (with {RUN}), an exported NAME{SUFFIX} or a "
            f"fitted baseline (.npz){there}{could_be_meant(path)}",
            path=path,
        )
    if engine not in (None, "mxnet"):
        return _exported(path, engine, precision)
    from gluon_hash.experiment.models.run_encoder import RunEncoder  # needs MXNet

    return RunEncoder(path, contexts)


def _exported(run: Path, engine: Engine | None, precision: Precision | None) -> Encoder:
    """A run folder's network by an engine that reads .onnx, from an export that is not kept."""
    from gluon_hash.experiment.models.exported_encoder import ExportedEncoder
    from gluon_hash.experiment.models.exporting import export_model

    log(f"{run}: exported for {engine}; `gluon-hash export --onnx` does so once and for all")
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        manifest = export_model(run, Path(folder) / "net", onnx=True)
        encoder = ExportedEncoder(manifest, engine=engine, precision=precision)
    encoder.path = run
    return encoder

"""What a model's export needs: from a run folder, or from a fitted baseline."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from gluon_hash.deploy.baselines import as_network
from gluon_hash.deploy.encode import fingerprint_of
from gluon_hash.deploy.export import Form, export_network
from gluon_hash.experiment.encoder import BaselineEncoder
from gluon_hash.experiment.run_folder import Run, load_run
from gluon_hash.experiment.typical import typical_sample
from gluon_hash.nets.pretrained.to_torch import write_torch_weights
from gluon_hash.retrieval.baselines import KernelHash, LinearHash, load_baseline

__all__ = ["export_model", "export_torch"]

CALIBRATION_IMAGES = 512


def export_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    pixels_in: bool = False,
    packed_out: bool = False,
    onnx: bool = False,
    int8: str | os.PathLike[str] | None = None,
) -> Path:
    """Export a run folder's network, or a fitted baseline, for deployment.

    Parameters
    ----------
    model : path-like
        A run folder; or a baseline that `gluon-hash fit` wrote (.npz).
    out : path-like
        DIR/NAME; see gluon_hash.deploy.export_network.
    pixels_in, packed_out, onnx : bool
        See gluon_hash.deploy.Form.
    int8 : path-like, optional
        Export in int8, calibrated on images of this .rec (or, of a network that reads features, on
        those of this .npz).

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    DataError
        If the model or the calibration file is damaged, or of another kind.
    ValueError, RuntimeError
        As export_network.
    """
    form = Form(pixels_in=pixels_in, packed_out=packed_out, onnx=onnx)
    if str(model).endswith(".npz"):
        if int8 is not None:
            raise ValueError(
                f"{model}: a baseline is one product; there is nothing to gain in int8"
            )
        return _export_baseline(Path(model), out, form)
    run = load_run(model)
    if int8 is not None:
        form = replace(form, calibration=_typical_inputs(run, int8))
    return export_network(
        run.net,
        out,
        num_bits=run.net.num_bits,
        input_shape=_input_shape(run),
        transform=run.transform,
        background=run.background,
        hierarchy=run.hierarchy,
        backbone=run.config.net.backbone,
        source={
            "run": run.path.name,
            "epoch": run.epoch,
            "fingerprint": fingerprint_of(run.net),
        },
        form=form,
    )


def export_torch(run_folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Write a run's network under torchvision's names; see nets.pretrained.to_torch.

    Raises
    ------
    DataError
        If the run is damaged.
    ValueError
        As write_torch_weights.
    """
    run = load_run(run_folder)
    write_torch_weights(run.net, run.config.net.backbone, out)


def _export_baseline(path: Path, out: str | os.PathLike[str], form: Form) -> Path:
    fitted = load_baseline(path)
    if not isinstance(fitted, (LinearHash, KernelHash)):
        raise ValueError(f"{path}: product quantisation has no codes for Hamming search")
    num_features = (fitted.anchors if isinstance(fitted, KernelHash) else fitted.weights.T).shape[1]
    return export_network(
        as_network(fitted),
        out,
        num_bits=fitted.weights.shape[1],
        input_shape=(num_features,),
        transform=None,
        hierarchy=None,
        backbone=fitted.name,
        source={
            "baseline": path.name,
            "fingerprint": BaselineEncoder(path).fingerprint,
        },
        form=form,
    )


def _input_shape(run: Run) -> tuple[int, ...]:
    """Of one input: 3 planes, or a vector of features."""
    if run.transform is None:
        return (run.net.features.num_features,)
    return (3, run.transform.crop, run.transform.crop)


def _typical_inputs(run: Run, path: str | os.PathLike[str]) -> np.ndarray:
    """Inputs of images of a file: float32 (at most CALIBRATION_IMAGES, ...)."""
    inputs = typical_sample(run.transform, path, CALIBRATION_IMAGES).inputs
    return inputs if run.transform is None else run.transform.normalize(inputs)

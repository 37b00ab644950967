"""What a model's export needs: from a run folder, or from a fitted baseline."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from gluon_hash.deploy.baselines import as_network
from gluon_hash.deploy.export import Form, export_network
from gluon_hash.deploy.model_names import SUFFIX
from gluon_hash.experiment.cards.model_cards import card_path, with_card
from gluon_hash.experiment.models.encoder import BaselineEncoder
from gluon_hash.experiment.models.typical import typical_sample
from gluon_hash.experiment.objects import input_shape
from gluon_hash.experiment.runs.run_folder import Run, load_run
from gluon_hash.files import refuse_existing
from gluon_hash.nets.pretrained.to_torch import write_torch_weights
from gluon_hash.retrieval.baselines import KernelHash, LinearHash

__all__ = ["export_model"]

CALIBRATION_IMAGES = 512


def export_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    pixels_in: bool = False,
    packed_out: bool = False,
    onnx: bool = False,
    int8: str | os.PathLike[str] | None = None,
    torch: str | os.PathLike[str] | None = None,
) -> Path:
    """Export a run folder's network, or a fitted baseline, for deployment, with a card.

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
    torch : path-like, optional
        Write a run's weights there too, under torchvision's names; see nets.pretrained.to_torch.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    DataError
        If the model or the calibration file is damaged, or of another kind.
    ValueError, RuntimeError
        As export_network; of ``torch`` as write_torch_weights.
    """
    form = Form(pixels_in=pixels_in, packed_out=packed_out, onnx=onnx)
    refuse_existing(card_path(f"{os.fspath(out)}{SUFFIX}"))
    if str(model).endswith(".npz"):
        if int8 is not None:
            raise ValueError(
                f"{model}: a baseline is one product; there is nothing to gain in int8"
            )
        if torch is not None:
            raise ValueError(f"{model}: a baseline has no names of torchvision; leave --torch out")
        return with_card(_export_baseline(Path(model), out, form), None)
    run = load_run(model)
    if torch is not None:
        write_torch_weights(run.net, run.config.net.backbone, torch)
    if int8 is not None:
        form = replace(form, calibration=_typical_inputs(run, int8))
    manifest = export_network(
        run.net,
        out,
        num_bits=run.net.num_bits,
        input_shape=input_shape(run.config),
        transform=run.transform,
        background=run.background,
        hierarchy=run.hierarchy,
        backbone=run.config.net.backbone,
        source={
            "run": run.path.name,
            "epoch": run.epoch,
            "fingerprint": run.fingerprint,
        },
        form=form,
    )
    return with_card(manifest, run.path)


def _export_baseline(path: Path, out: str | os.PathLike[str], form: Form) -> Path:
    encoder = BaselineEncoder(path)
    fitted = encoder.fitted
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
            "fingerprint": encoder.fingerprint,
        },
        form=form,
    )


def _typical_inputs(run: Run, path: str | os.PathLike[str]) -> np.ndarray:
    """Inputs of images of a file: float32 (at most CALIBRATION_IMAGES, ...)."""
    inputs = typical_sample(run.transform, path, CALIBRATION_IMAGES).inputs
    return inputs if run.transform is None else run.transform.normalize(inputs)

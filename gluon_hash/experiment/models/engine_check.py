"""An engine that was chosen, held against the default one on sample images before it is used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from gluon_hash.deploy.engines import Engine, Precision
from gluon_hash.errors import MissingPackageError
from gluon_hash.experiment.models.encoder import Encoder
from gluon_hash.experiment.models.exported_encoder import ExportedEncoder
from gluon_hash.experiment.models.model import load_model
from gluon_hash.experiment.models.typical import spread, typical_sample
from gluon_hash.progress import log
from gluon_hash.retrieval.codes.packing import unpack

__all__ = ["NUM_IMAGES", "check_engine", "sample_inputs"]

NUM_IMAGES = 64
# fraction of equal bits below which an engine is not used: rounding flips what is near 0
LEAST = {"float32": 0.999, "bfloat16": 0.95}


def sample_inputs(encoder: Encoder, source: str | os.PathLike[str]) -> np.ndarray:
    """Some of what is to be encoded, as the network sees it.

    Parameters
    ----------
    encoder : Encoder
    source : path-like
        A .rec file, features (.npz), or a folder of images.

    Returns
    -------
    uint8, shape (N, crop, crop, 3), or float32, shape (N, num_features)
        At most NUM_IMAGES of them, spread evenly.

    Raises
    ------
    DataError
        If there is none, or one is damaged.
    """
    if os.path.isdir(source):
        from gluon_hash.datasets.image_files import find_images

        names = find_images(source).paths
        rows = spread(len(names), NUM_IMAGES, source)
        return np.stack([encoder.prepare(Path(source) / names[row]) for row in rows])
    transform = encoder.transform if isinstance(encoder, ExportedEncoder) else None
    return typical_sample(transform, source, NUM_IMAGES).inputs


def check_engine(
    model: str | os.PathLike[str],
    encoder: Encoder,
    inputs: np.ndarray,
    engine: Engine,
    precision: Precision | None = None,
) -> float | None:
    """Say how many bits an engine gives as the default one does.

    Parameters
    ----------
    model : path-like
    encoder : Encoder
        The model by the engine.
    inputs : ndarray
        As of sample_inputs.
    engine : {"mxnet", "onnxruntime", "openvino"}
    precision : {"float32", "bfloat16"}, optional

    Returns
    -------
    float or None
        Fraction of the bits that are equal; None: there is nothing to compare with.

    Raises
    ------
    RuntimeError
        If it is below what rounding explains: 99.9 % in float32, 95 % in bfloat16.
    """
    precision = precision or "float32"
    named = f"{engine} in {precision}"
    reference, by = _reference(model, engine, precision)
    if reference is None:
        log(f"{named}: not compared, no other engine is installed")
        return None
    ours, theirs = (_bits(one, inputs) for one in (encoder, reference))
    equal = float((ours == theirs).mean())
    said = f"{named}: {equal:.2%} of the bits of {len(inputs)} images are those of {by} in float32"
    if equal < LEAST[precision]:
        raise RuntimeError(f"{said}, expected {LEAST[precision]:.1%} or more; it is not used")
    log(said)
    return equal


def _reference(
    model: str | os.PathLike[str], engine: Engine, precision: Precision
) -> tuple[Encoder | None, str]:
    """The model by another engine, MXNet if it can be, and its name."""
    for other in ("mxnet", "onnxruntime", "openvino"):
        if other == engine and precision == "float32":
            continue
        try:
            return load_model(model, engine=other), other
        except MissingPackageError:
            continue
    return None, ""


def _bits(encoder: Encoder, inputs: np.ndarray) -> np.ndarray:
    encode = encoder.encode_prepared if inputs.ndim == 4 else encoder.encode
    return unpack(encode(inputs), encoder.num_bits)

"""The front door: data and a method in, a trained model out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from gluon_hash import engine
from gluon_hash.experiment.data.caching import cache_features
from gluon_hash.experiment.models.run_encoder import RunEncoder
from gluon_hash.experiment.recipe import recommended
from gluon_hash.experiment.runs.run_training import train as train_config
from gluon_hash.files import refuse_existing
from gluon_hash.methods import METHODS, Method
from gluon_hash.training.callbacks import Callback

__all__ = ["Writable", "train"]


class Writable(Protocol):
    """Data that can be prepared: what gluon_hash.datasets returns."""

    def write(self, out: str | os.PathLike[str], *, seed: int) -> object:
        """Write a prepared folder."""


def train(
    data: Writable | str | os.PathLike[str],
    method: Method | None = None,
    *,
    num_bits: int = 48,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    epochs: int | None = None,
    seed: int = 24,
    out: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    callbacks: Sequence[Callback] = (),
) -> RunEncoder:
    """Train a network that turns images, or features, into codes.

    Parameters
    ----------
    data : data set of gluon_hash.datasets, or path-like
        Images or features with their classes; or a folder that `gluon-hash prepare` wrote.
    method : Method, optional
        One of gluon_hash.methods, with its numbers; default: the recommended one
        (gluon_hash.experiment.recipe).
    num_bits : int
        Length of a code.
    backbone : str, optional
        A name of gluon_hash.nets.BACKBONES; default: by the size of the images.
    weights : path-like, optional
        Pretrained .params of the backbone (`gluon-hash import-weights`): then the head alone is
        trained, on features computed once.
    epochs : int, optional
    seed : int
        The same seed trains the same network twice, bit for bit on the CPU.
    out : path-like, optional
        Run folder to keep; must not exist. A data set that is not prepared yet is prepared beside
        it, in ``out`` + ".data". Default: nothing is kept on the disk.
    device : str
        cpu, gpu:0 or gpu:0,1.
    callbacks : sequence of Callback
        Hear how the training goes: gluon_hash.training.callbacks, .trackers (TensorBoard ...).

    Returns
    -------
    RunEncoder
        The network of the best epoch: ``encode(images)``, ``encode_file(records)``.

    Raises
    ------
    ValueError
        If ``out`` exists, a value does not fit, or the method is not in METHODS.
    DataError
        If the data are damaged or do not fit; found before the first batch.
    DivergedError
        If the loss is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> import gluon_hash as gh
    >>> rng = np.random.RandomState(0)
    >>> fine = np.arange(240) % 8  # 8 classes
    >>> features = rng.randn(8, 16)[fine] + 0.3 * rng.randn(240, 16)  # of any network
    >>> data = gh.datasets.features(features, labels=fine)
    >>> model = gh.train(data, gh.methods.CSQ(), num_bits=16, epochs=2)
    >>> model.encode(features[:3]).shape  # three codes of two bytes
    (3, 2)
    """
    if method is not None and METHODS.get(method.name) is not type(method):
        raise ValueError(
            f"the method {method.name!r} is not in gluon_hash.methods.METHODS; add it there "
            f"(METHODS[{method.name!r}] = {type(method).__name__}), so that its runs can be read"
        )
    contexts = engine.contexts(device)
    with ExitStack() as stack:
        if out is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gluon_hash.")))
            out = folder / "run"
        refuse_existing(out)
        root = _prepared(data, Path(f"{os.fspath(out)}.data"), seed)
        config = recommended(
            root,
            method,
            num_bits=num_bits,
            backbone=backbone,
            weights=weights,
            epochs=epochs,
            seed=seed,
        )
        cached = cache_features(config, contexts, out)
        train_config(cached, out, contexts, callbacks=callbacks)
        return RunEncoder(Path(out), contexts)


def _prepared(data: Writable | str | os.PathLike[str], beside: Path, seed: int) -> Path:
    """A prepared folder with the data."""
    if isinstance(data, (str, os.PathLike)):
        return Path(data)
    data.write(beside, seed=seed)
    return beside

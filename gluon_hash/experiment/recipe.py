"""The recommended recipe: a configuration for a prepared folder, from its data alone.

Measured on six data sets of different sizes and depths: docs/own-data.md has the table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.data.caching import cache_features
from gluon_hash.experiment.data.inputs import TRAIN_RECORDS, resolve
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.config_files import change_config, load_config
from gluon_hash.methods import SSDH, Method, method_from
from gluon_hash.records import RecordFile, read_list

__all__ = ["choose", "configure", "recommended"]

NUM_BITS = 48
SMALL = 64  # pixels: up to this short side images are taken for CIFAR's kind
SAMPLED = 50  # images looked at for their size
BATCH_SIZES = (128, 64, 32, 16, 8, 4, 2)
# of the training images a batch may be: an epoch of fewer steps learns little
LARGEST_FRACTION = 1 / 8
CLIPPED_NORM = 5.0
LR = 0.002  # of Adam; .001 is better for the largest data set, .003 for small ones
ENOUGH_STEPS = 3000


def recommended(
    root: str | os.PathLike[str],
    method: Method | None = None,
    *,
    num_bits: int = NUM_BITS,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    epochs: int | None = None,
    seed: int = 24,
) -> Config:
    """The configuration that we recommend for a prepared folder.

    Parameters
    ----------
    root : path-like
        What `gluon-hash prepare` wrote: images, or features of another framework.
    method : Method, optional
        Default: SSDH, which won on all six data sets of docs/own-data.md.
    num_bits : int
    backbone : str, optional
        A name of gluon_hash.nets.BACKBONES. Default: by the size of the images.
    weights : path-like, optional
        Pretrained .params of the backbone: it stays frozen, and the head is trained on its
        features, which are computed once.
    epochs, seed : int, optional
        Default of epochs: about 3,000 steps, in 8 to 30 epochs on features and 20 to 60 on images.

    Raises
    ------
    DataError
        If the folder is not a prepared one.
    """
    root = Path(root)
    if not (root / "hierarchy.tsv").exists():
        raise DataError(
            "not a prepared folder: it has no hierarchy.tsv; `gluon-hash prepare` makes one",
            path=root,
        )
    images = resolve(Config(data={"root": str(root)}))
    _check_features_alone(root, images, {"backbone": backbone, "weights": weights})
    num_train, held_out = _counts(root)
    on_features = images.data.features is not None or weights is not None
    batch_size = _batch_size(num_train)
    values: dict[str, Any] = {
        "data": {"root": str(root), "held_out": held_out},
        "net": {"num_bits": num_bits},
        "loss": method or SSDH(),
        "optimizer": {"name": "adam", "lr": LR, "schedule": "cosine", "weight_decay": 1e-4},
        "training": {
            "epochs": epochs or _epochs(num_train // batch_size, on_features),
            "batch_size": batch_size,
            "seed": seed,
            "monitor": "map_tie_averaged" if held_out else "loss",
        },
    }
    if images.data.features is not None:
        values["net"] |= {"standardize": True, "backbone": "features"}
        values["net"]["num_features"] = images.net.num_features
        return resolve(Config(**values))
    short_side = _short_side(root / TRAIN_RECORDS)
    values["transform"] = _transform(short_side, pretrained=weights is not None)
    if short_side <= SMALL:
        values["training"]["kernels"] = "fast"  # of a CIFAR ResNet: 1.6 times, on a CPU
    values["net"]["backbone"] = backbone or _backbone(short_side, pretrained=weights is not None)
    if weights is not None:
        values["net"] |= {"weights": os.fspath(weights), "frozen": True}
    else:
        values["optimizer"] |= {"warmup_epochs": 1.0, "clip_gradient_norm": CLIPPED_NORM}
    return Config(**values)


def configure(
    config: str | os.PathLike[str] | None,
    root: str | os.PathLike[str] | None,
    contexts: list[mx.Context],
    *,
    changes: Sequence[str] = (),
    method: str | None = None,
    num_bits: int | None = None,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Config:
    """As choose; features that a recommended recipe trains on are computed if they are missing.

    Parameters
    ----------
    config, root, changes, method, num_bits, backbone, weights :
        As choose.
    contexts : list of Context
        For the features of a frozen backbone.
    out : path-like, optional
        The run folder, for cache_features.

    Raises
    ------
    ValueError, DataError
        As choose and cache_features.
    """
    wanted = choose(
        config,
        root,
        changes=changes,
        method=method,
        num_bits=num_bits,
        backbone=backbone,
        weights=weights,
    )
    return wanted if config is not None else cache_features(wanted, contexts, out)


def choose(
    config: str | os.PathLike[str] | None,
    root: str | os.PathLike[str] | None,
    *,
    changes: Sequence[str] = (),
    method: str | None = None,
    num_bits: int | None = None,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Config:
    """What to train: a configuration on other data, or the recommended one for the data.

    Parameters
    ----------
    config : path-like, optional
        A file or the name of a packaged one.
    root : path-like, optional
        A prepared folder; in place of the configuration's data.root.
    changes : sequence of str
        "section.key=value".
    method, num_bits, backbone, weights : optional
        As recommended, the method by its name; without ``config`` alone.

    Raises
    ------
    ValueError
        If neither ``config`` nor ``root`` is given, or what does not go together; as load_config.
    DataError
        As load_config and recommended.
    """
    short = {"method": method, "num_bits": num_bits, "backbone": backbone, "weights": weights}
    if config is not None:
        named = [name for name, value in short.items() if value is not None]
        if named:
            raise ValueError(
                f"{', '.join(named)}: for the recommended recipe, without a configuration; change "
                "the configuration's own keys instead (such as loss.name, net.num_bits)"
            )
        moved = [] if root is None else [f"data.root={json.dumps(os.fspath(root))}"]
        return load_config(config, [*moved, *changes])
    if root is None:
        raise ValueError("name a configuration, or prepared data")
    chosen = recommended(
        root,
        None if method is None else method_from({"name": method}),
        num_bits=num_bits or NUM_BITS,
        backbone=backbone,
        weights=weights,
    )
    return change_config(chosen, changes)


def _check_features_alone(root: Path, config: Config, given: dict[str, object]) -> None:
    """ValueError if something is said of the network that prepared features have behind them."""
    named = [name for name, value in given.items() if value is not None]
    if config.data.features is not None and named:
        raise ValueError(
            f"{', '.join(named)}: for images; {root} holds features, which no network is put "
            "before; leave it out, or prepare the images"
        )


def _counts(root: Path) -> tuple[int, bool]:
    """Images to train on; whether some can be held out, two of one class at least."""
    train = read_list(root / "train.lst")
    path = root / "validation.lst"
    if not path.exists() or not path.stat().st_size:  # classes of fewer than four give none
        return len(train.ids), False
    held = read_list(path)
    usable = np.bincount(np.maximum(held.level_labels[:, 0], 0)).max() >= 2
    return len(train.ids) - (len(held.ids) if usable else 0), bool(usable)


def _batch_size(num_train: int) -> int:
    """The largest that gives an epoch eight steps, if there is one."""
    return next((b for b in BATCH_SIZES if b <= num_train * LARGEST_FRACTION), BATCH_SIZES[-1])


def _epochs(num_steps: int, on_features: bool) -> int:
    """For epochs of so many steps: as many as make enough steps, within bounds."""
    least, most = (8, 30) if on_features else (20, 60)
    return min(most, max(least, round(ENOUGH_STEPS / max(num_steps, 1))))


def _short_side(path: Path) -> int:
    """Median short side of some of the images, in pixels."""
    records = RecordFile(path)
    positions = evenly(len(records), SAMPLED)
    return int(np.median([min(records.image(p).shape[:2]) for p in positions.tolist()]))


def _transform(short_side: int, *, pretrained: bool) -> dict[str, Any]:
    if pretrained:
        side = 96 if short_side <= SMALL else 224
        return {"resize": side, "crop": side}
    if short_side <= SMALL:
        return {"resize": 32, "crop": 32, "pad": 4, "flip": True}
    return {"resize": 72, "crop": 64, "flip": True}


def _backbone(short_side: int, *, pretrained: bool) -> str:
    if pretrained:
        return "resnet50_v1"
    return "cifar_resnet20_v1" if short_side <= SMALL else "resnet18_v1"

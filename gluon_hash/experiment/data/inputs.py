"""The files that a training and a measurement read, and whether they are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gluon_hash.arrays import array_shape
from gluon_hash.errors import DataError
from gluon_hash.experiment.settings.config import FEATURES, Config

__all__ = [
    "ALL_CLASSES",
    "HIERARCHY",
    "SPLIT",
    "check_inputs",
    "resolve",
    "measuring_inputs",
    "training_inputs",
]

ALL_CLASSES = "hierarchy_all.tsv"  # of a run that was trained on some classes, or in another tree
HIERARCHY, SPLIT = "hierarchy.tsv", "split.json"
TRAIN_RECORDS, QUERY_RECORDS = "train.rec", "query.rec"
TRAIN_FEATURES, QUERY_FEATURES = "train.npz", "query.npz"
MADE_BY = {
    "unseen classes": "gluon-hash prepare --protocol unseen-classes",
    "weights": "gluon-hash import-weights",
    "features": "gluon-hash encode --features",
    "query features": "gluon-hash encode --features",
}


def resolve(config: Config) -> Config:
    """The configuration with what follows from its data: a folder of features needs no backbone.

    Where data.root was written by ``gluon-hash prepare features``, the network reads those
    features: data.features, data.query_features, net.backbone and net.num_features say so then.

    Raises
    ------
    DataError
        If the features cannot be read.
    """
    root = Path(config.data.root)
    holds_features = (root / TRAIN_FEATURES).exists() and not (root / TRAIN_RECORDS).exists()
    if config.data.features is not None or not holds_features:
        return config
    query = root / QUERY_FEATURES
    num_features = array_shape(root / TRAIN_FEATURES, "features")[1]
    data = {"features": str(root / TRAIN_FEATURES)}
    if query.exists():
        data["query_features"] = str(query)
    net = {"backbone": FEATURES, "num_features": num_features, "weights": None, "frozen": False}
    return config.model_copy(
        update={
            "data": config.data.model_copy(update=data),
            "net": config.net.model_copy(update=net),
        }
    )


def training_inputs(config: Config) -> dict[str, Path]:
    """What a training reads, by what it is."""
    root = Path(config.data.root)
    files = {"hierarchy": root / HIERARCHY}
    if config.data.tree is not None:
        files["tree"] = Path(config.data.tree)
    if config.data.unseen_classes is not None:
        files["unseen classes"] = Path(config.data.unseen_classes)
    if config.data.held_out:
        files["held-out images"] = root / "validation.lst"
    if config.data.features is None:
        files["training images"] = root / TRAIN_RECORDS
        files["index of the training images"] = (root / TRAIN_RECORDS).with_suffix(".idx")
    else:
        files["features"] = Path(config.data.features)
    if config.net.weights is not None:
        files["weights"] = Path(config.net.weights)
    return files


def measuring_inputs(config: Config) -> dict[str, Path]:
    """Queries, then database: cached features where the configuration has both, else records."""
    root = Path(config.data.root)
    if config.data.features is not None and config.data.query_features is not None:
        return {
            "query features": Path(config.data.query_features),
            "features": Path(config.data.features),
        }
    return {"query images": root / QUERY_RECORDS, "training images": root / TRAIN_RECORDS}


def check_inputs(files: Mapping[str, Path]) -> None:
    """DataError for the first file that is missing: which, and what makes it."""
    for name, path in files.items():
        if not path.is_file():
            raise DataError(
                f"no such file; `{MADE_BY.get(name, 'gluon-hash prepare')}` makes it", path=path
            )

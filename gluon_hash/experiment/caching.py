"""Features of a frozen backbone, computed once and kept beside the records that they are of."""

from __future__ import annotations

import os
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.experiment.config import Config
from gluon_hash.experiment.features import features_of, load_features
from gluon_hash.experiment.inputs import QUERY_RECORDS, TRAIN_RECORDS, digest
from gluon_hash.experiment.objects import build_transform
from gluon_hash.leftovers import temporary_folder
from gluon_hash.progress import log

__all__ = ["cache_features"]


def cache_features(config: Config, contexts: list[mx.Context]) -> Config:
    """The configuration with the features of its frozen backbone, which are computed if missing.

    Parameters
    ----------
    config : Config
    contexts : list of Context

    Returns
    -------
    Config
        The same where the backbone is trained, or features are named already.

    Raises
    ------
    DataError
        If records, weights or features cached before are damaged.
    """
    net, root = config.net, Path(config.data.root)
    if not net.frozen or net.weights is None or config.data.features is not None:
        return config
    made_by = f"{digest(net.weights)[:8]}{build_transform(config).digest()[:8]}"
    files = {}
    for key, records in (("features", TRAIN_RECORDS), ("query_features", QUERY_RECORDS)):
        if not (root / records).exists():
            continue
        path = root / f"features_{net.backbone}_{made_by}_{Path(records).stem}.npz"
        if not path.exists():
            log(f"{path}: the features of {records} are computed once, and reused")
            table = features_of(config, root / records, contexts)
            with temporary_folder(path) as folder:  # another training may have made the same
                table.save(folder / path.name)
                os.replace(folder / path.name, path)
        files[key] = str(path)
    data = config.data.model_copy(update=files)
    cached = config.model_copy(
        update={"data": data, "net": net.model_copy(update={"standardize": True})}
    )
    load_features(cached, files["features"])
    return cached

"""Objects from a configuration: the only reader of Config, and the one table from names to classes."""
from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Union

import numpy as np

from gluon_hash import runtime
from gluon_hash.config import Config, dump_config, load_config
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path, atomic_write_text, sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.records import ImageTransform, RecordFile, read_list
from gluon_hash.retrieval.tables import FeatureTable

runtime.prepare()

from mxnet import gluon  # noqa: E402

from gluon_hash.losses import HPDHLoss  # noqa: E402
from gluon_hash.nets import HashNet, Standardize, get_backbone, load_backbone  # noqa: E402
from gluon_hash.records import loaders  # noqa: E402

__all__ = ["METHODS", "Run", "build_net", "evaluation_loader", "load_run", "train"]

# name in a configuration -> (loss, number of levels it uses; None: all)
METHODS = {"hpdh": (HPDHLoss, None), "dcwh": (HPDHLoss, 1)}


@dataclass(frozen=True)
class Run:
    """A trained network and what is needed to use it: the content of a run folder."""

    path: Path
    config: Config
    net: HashNet
    transform: ImageTransform
    hierarchy: Hierarchy

    @property
    def backbone_name(self) -> str:
        """Name of the backbone in gluon_hash.nets.BACKBONES."""
        return self.config.net.backbone

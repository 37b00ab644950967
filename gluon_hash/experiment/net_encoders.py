"""Encoders with a network: a run folder's, and an exported one."""

from __future__ import annotations

import functools
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gluon_hash.deploy import Predictor
from gluon_hash.deploy.encode import encode_codes, encode_features, fingerprint_of
from gluon_hash.deploy.predictor import ImageLike
from gluon_hash.engine import HybridBlock, mx
from gluon_hash.experiment.data import evaluation_loader
from gluon_hash.experiment.encoder import BATCH_SIZE, Encoder, with_names
from gluon_hash.experiment.features import is_of_records, recorded_weights
from gluon_hash.experiment.run_folder import load_run
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.records import RecordFile
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.retrieval import CodeTable, FeatureTable

__all__ = ["ExportedEncoder", "NetEncoder", "RunEncoder"]

ROWS_AT_A_TIME = 1024


class NetEncoder(Encoder):
    """What an encoder with a network does, wherever the network comes from."""

    _contexts: list[mx.Context]

    @abstractmethod
    def net_and_loader(
        self, path: str | os.PathLike[str], batch_size: int
    ) -> tuple[HybridBlock, EvalLoader | FeatureEvalLoader]:
        """What encodes a .rec file or features, and what reads them; errors as encode_file."""

    def encode_file(self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE) -> CodeTable:
        """Codes of a .rec file by the network, of features by what of it reads them."""
        net, loader = self.net_and_loader(path, batch_size)
        return with_names(self.encode_loader(net, loader, f"encode {Path(path).name}"), path)

    def encode_loader(
        self, net: HybridBlock, loader: EvalLoader | FeatureEvalLoader, description: str
    ) -> CodeTable:
        """Codes of what a loader gives, by what net_and_loader returned."""
        table = encode_codes(net, loader, self._contexts, description)
        return replace(table, model=self.fingerprint)


class RunEncoder(NetEncoder):
    """The network of a run folder: its best epoch.

    Parameters
    ----------
    path : Path
    contexts : list of Context, optional
        Default: the CPU.
    """

    def __init__(self, path: Path, contexts: list[mx.Context] | None = None) -> None:
        self._contexts = contexts or [mx.cpu()]
        run = load_run(path, self._contexts)
        self.run, self.path, self.num_bits = run, path, run.config.net.num_bits
        self.hierarchy: Hierarchy = run.hierarchy
        self._images = Predictor(
            run.net,
            run.transform,
            self.num_bits,
            self._contexts[0],
            background=run.background,
        )
        self._features = Predictor(run.net.head, None, self.num_bits, self._contexts[0])

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of the whole network, its backbone too."""
        return fingerprint_of(self.run.net)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """As Predictor.prepare."""
        return self._images.prepare(image)

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Predictor.relaxed_prepared."""
        return self._images.relaxed_prepared(prepared)

    def features(self, images: Sequence[ImageLike], batch_size: int = 32) -> np.ndarray:
        """Features of the backbone; of a network that reads features there is none."""
        if self.run.transform is None:
            raise ValueError(f"{self.path}: the network reads features, it has no backbone")
        backbone = self.run.net.features
        return Predictor(
            backbone,
            self.run.transform,
            backbone.num_features,
            self._contexts[0],
            background=self.run.background,
        ).relaxed(images, batch_size)

    def relaxed_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> FeatureTable:
        """As encode_file: the outputs before the sign, as features of num_bits columns."""
        net, loader = self.net_and_loader(path, batch_size)
        provenance = {"run": self.path.name, "records": Path(path).name}
        return encode_features(net, loader, self._contexts, provenance)

    def net_and_loader(
        self, path: str | os.PathLike[str], batch_size: int
    ) -> tuple[HybridBlock, EvalLoader | FeatureEvalLoader]:
        """The network and images, or its head and cached features."""
        holds_features = str(path).endswith(".npz")
        if self.run.transform is None and not holds_features:
            raise ValueError(f"{path}: the network reads features (.npz), not images")
        self._say_cached(path)
        net = self.run.net.head if holds_features else self.run.net
        made_by = recorded_weights(self.path)
        return net, evaluation_loader(self.run.config, path, batch_size, made_by)

    def _say_cached(self, path: str | os.PathLike[str]) -> None:
        """Say so where the features of these records are cached, with which it takes seconds."""
        config = self.run.config
        for file in (config.data.features, config.data.query_features):
            if file is not None and is_of_records(file, path):
                log(f"{path}: the whole network reads it; the head alone reads {file}, in seconds")

    def _relaxed_images(self, images: Sequence[ImageLike], batch_size: int) -> np.ndarray:
        return self._images.relaxed(images, batch_size)

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        return self._features.relaxed_features(features)


class ExportedEncoder(NetEncoder):
    """An exported network: NAME.manifest.json and the two files beside it."""

    def __init__(self, path: Path, contexts: list[mx.Context] | None = None) -> None:
        self.path, self._contexts = path, (contexts or [mx.cpu()])[:1]
        self._predictor = Predictor.load(path, self._contexts[0])
        manifest = self._predictor.manifest
        assert manifest is not None  # load has read it
        self.num_bits, self.hierarchy = manifest.num_bits, manifest.hierarchy()
        self._recorded = manifest.source.get("fingerprint")

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of the run that it was exported from, whatever the form; else of its own parameters."""
        if isinstance(self._recorded, str):
            return self._recorded
        return fingerprint_of(self._predictor.block)

    def net_and_loader(
        self, path: str | os.PathLike[str], batch_size: int
    ) -> tuple[HybridBlock, EvalLoader | FeatureEvalLoader]:
        """The network and images; or features, if it reads features."""
        block, transform = self._predictor.block, self._predictor.transform
        if transform is not None:
            return block, EvalLoader(RecordFile(path), transform, batch_size)
        source = FeatureTable.load(path)
        self._predictor.check_features(source.features, path)
        floats = source.features.astype(np.float32)
        return block, FeatureEvalLoader(floats, source.level_labels, source.ids, ROWS_AT_A_TIME)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """As Predictor.prepare."""
        return self._predictor.prepare(image)

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Predictor.relaxed_prepared."""
        return self._predictor.relaxed_prepared(prepared)

    def _relaxed_images(self, images: Sequence[ImageLike], batch_size: int) -> np.ndarray:
        return self._predictor.relaxed(images, batch_size)

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        return self._predictor.relaxed_features(features)

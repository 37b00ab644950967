"""The network of a run folder as an Encoder."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import softmax

from gluon_hash.deploy import Predictor
from gluon_hash.deploy.encode import encode_codes, encode_features, run_loader, run_net
from gluon_hash.deploy.folding import fold_batch_norms
from gluon_hash.deploy.fusing import graph_runner
from gluon_hash.deploy.graph import Graph
from gluon_hash.deploy.predictor import ImageLike, Images
from gluon_hash.deploy.runtimes import block_runner
from gluon_hash.engine import HybridBlock, mx
from gluon_hash.experiment.data.features import is_of_records, recorded_weights
from gluon_hash.experiment.data.loaders import evaluation_loader
from gluon_hash.experiment.models.encoder import BATCH_SIZE, FileEncoder
from gluon_hash.experiment.objects import behind_neck, layers_for
from gluon_hash.experiment.runs.run_folder import load_run
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.nets import Backbone
from gluon_hash.progress import log
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.retrieval import CodeTable, FeatureTable
from gluon_hash.retrieval.codes import pack

__all__ = ["RunEncoder"]


class RunEncoder(FileEncoder):
    """The network of a run folder: its best epoch.

    Parameters
    ----------
    path : Path
    contexts : list of Context, optional
        Default: the CPU.
    backbone : Backbone, optional
        As load_run takes it.
    """

    def __init__(
        self,
        path: Path,
        contexts: list[mx.Context] | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        self._contexts = contexts or [mx.cpu()]
        run = load_run(path, self._contexts, backbone)
        self.run, self.path, self.num_bits = run, path, run.config.net.num_bits
        self.hierarchy: Hierarchy = run.hierarchy
        self._features = Predictor(self._runner(run.net.head), None, self.num_bits)

    @functools.cached_property
    def _images(self) -> Predictor:
        """Images through the network: on the CPU with batch norms folded, operations fused."""
        run = self.run
        if self._is_on_cpu and run.transform is not None:
            runner = graph_runner(fold_batch_norms(Graph.of(run.net)))
        else:
            runner = self._runner(run.net)
        return Predictor(runner, run.transform, self.num_bits, background=run.background)

    @property
    def _is_on_cpu(self) -> bool:
        return [context.device_type for context in self._contexts] == ["cpu"]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of the whole network, its backbone too; see Run."""
        return self.run.fingerprint

    def prepare(self, image: ImageLike) -> np.ndarray:
        """As Predictor.prepare."""
        return self._images.prepare(image)

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Predictor.relaxed_prepared."""
        return self._images.relaxed_prepared(prepared)

    def features(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """Features of the backbone; of a network that reads features there is none."""
        if self.run.transform is None:
            raise ValueError(f"{self.path}: the network reads features, it has no backbone")
        backbone = self.run.net.features
        run, width = self._runner(backbone), backbone.num_features
        predictor = Predictor(run, self.run.transform, width, background=self.run.background)
        return predictor.relaxed(images, batch_size)

    def relaxed_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> FeatureTable:
        """As encode_file: the outputs before the sign, as features of num_bits columns."""
        loader = self.loader(path, batch_size)
        provenance = {"run": self.path.name, "records": Path(path).name}
        return encode_features(self._net_of(loader), loader, self._contexts, provenance)

    def posteriors_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> FeatureTable:
        """Probabilities of the trained finest classes, as features, of a network of logits.

        Raises
        ------
        ValueError
            If the network gives codes and no logits.
        """
        if self.run.config.loss.outputs != "logits":
            raise ValueError(f"{self.path}: {self.run.config.loss.name} has no class probabilities")
        loader = self.loader(path, batch_size)
        to_logits = list(self.run.net.head)[:-1]  # the last makes codes of them
        layers = layers_for(loader, self.run.net, *to_logits)
        logits, ids, labels = run_net(layers, loader, self._contexts, "class probabilities")
        return FeatureTable(ids, softmax(logits, axis=1), labels, {"run": self.path.name})

    def loader(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> EvalLoader | FeatureEvalLoader:
        """The images of a .rec file, or cached features."""
        if self.run.transform is None and not str(path).endswith(".npz"):
            raise ValueError(f"{path}: the network reads features (.npz), not images")
        self._say_cached(path)
        return evaluation_loader(self.run.config, path, batch_size, recorded_weights(self.path))

    def encode_loader(self, loader: EvalLoader | FeatureEvalLoader, description: str) -> CodeTable:
        """Codes of images by the network, of features by its head."""
        if isinstance(loader, EvalLoader) and self._is_on_cpu:
            images = self._images
            relaxed, ids, labels = run_loader(
                lambda batch: [images.run(batch.image.asnumpy())], loader, description
            )
            return CodeTable(ids, pack(relaxed), labels, self.num_bits, model=self.fingerprint)
        net = self._net_of(loader)
        if isinstance(loader, FeatureEvalLoader) and self.run.config.net.standardize:
            loader, net = loader.changed(self.run.net.head[0].on_arrays()), self._behind_neck
        table = encode_codes(net, loader, self._contexts, description)
        return replace(table, model=self.fingerprint)

    @functools.cached_property
    def _behind_neck(self) -> HybridBlock:
        return behind_neck(self.run.net)

    def _net_of(self, loader: EvalLoader | FeatureEvalLoader) -> HybridBlock:
        return self.run.net.head if isinstance(loader, FeatureEvalLoader) else self.run.net

    def _runner(self, block: HybridBlock) -> Callable[[np.ndarray], np.ndarray]:
        return block_runner(block, self._contexts[0])

    def _say_cached(self, path: str | os.PathLike[str]) -> None:
        """Say so where the features of these records are cached, with which it takes seconds."""
        config = self.run.config
        for file in (config.data.features, config.data.query_features):
            if file is not None and is_of_records(file, path):
                log(f"{path}: the whole network reads it; the head alone reads {file}, in seconds")

    def _relaxed_images(self, images: Images, batch_size: int) -> np.ndarray:
        return self._images.relaxed(images, batch_size)

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        return self._features.relaxed_features(features)

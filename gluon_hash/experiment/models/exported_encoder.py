"""An exported network as an Encoder; with its .onnx it needs no MXNet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gluon_hash.deploy.engines import Engine, Precision
from gluon_hash.deploy.predictor import ImageLike, Images, Predictor
from gluon_hash.experiment.models.encoder import BATCH_SIZE, FileEncoder
from gluon_hash.progress import track
from gluon_hash.records import ImageTransform, RecordFile
from gluon_hash.records.array_loaders import FeatureRows, PreparedImages
from gluon_hash.retrieval import CodeTable, FeatureTable
from gluon_hash.retrieval.codes.fingerprint import with_precision

if TYPE_CHECKING:
    from gluon_hash.engine import mx

__all__ = ["ExportedEncoder"]

ROWS_AT_A_TIME = 1024


class ExportedEncoder(FileEncoder):
    """An exported network: NAME.manifest.json and the files beside it.

    Parameters
    ----------
    path : Path
    contexts : list of Context, optional
        MXNet: the first is used; default: the CPU.
    engine, precision :
        As of gluon_hash.deploy.Predictor.load.
    """

    def __init__(
        self,
        path: Path,
        contexts: list[mx.Context] | None = None,
        *,
        engine: Engine | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.path = path
        context = contexts[0] if contexts else None
        self._predictor = Predictor.load(path, context, engine=engine, precision=precision)
        manifest = self._predictor.manifest
        assert manifest is not None  # load has read it
        self.num_bits, self.hierarchy = manifest.num_bits, manifest.hierarchy()
        recorded = manifest.source.get("fingerprint")
        weights = recorded if isinstance(recorded, str) else manifest.sha256[manifest.params]
        computed_in = manifest.precision if precision in (None, "float32") else precision
        self._fingerprint = with_precision(weights, computed_in)

    @property
    def fingerprint(self) -> str:
        """Of the model that it was exported from, else of its own parameters, and its precision."""
        return self._fingerprint

    @property
    def transform(self) -> ImageTransform | None:
        """Image -> input; None: the network reads features."""
        return self._predictor.transform

    def loader(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> PreparedImages | FeatureRows:
        """The images of a .rec, or, if the network reads features, those of an .npz."""
        if self._predictor.transform is not None:
            return PreparedImages(RecordFile(path), self._predictor.prepare, batch_size)
        source = FeatureTable.load(path)
        self._predictor.check_features(source.features, path)
        return FeatureRows(source.features, source.level_labels, source.ids, ROWS_AT_A_TIME)

    def encode_loader(self, loader: PreparedImages | FeatureRows, description: str) -> CodeTable:
        """Codes of what a loader gives."""
        images = isinstance(loader, PreparedImages)
        encode = self._predictor.encode_prepared if images else self._predictor.encode_features
        codes, labels = [], []
        for batch in track(loader, description, len(loader.ids), size=lambda b: len(b.inputs)):
            codes.append(encode(batch.inputs))
            labels.append(batch.level_labels)
        packed, level_labels = np.concatenate(codes), np.concatenate(labels)
        return CodeTable(loader.ids, packed, level_labels, self.num_bits, model=self.fingerprint)

    def encode(self, inputs: Images, batch_size: int = 32) -> np.ndarray:
        """As Encoder.encode; also of an export that gives packed codes alone."""
        if isinstance(inputs, np.ndarray) and inputs.ndim == 2:
            return self._predictor.encode_features(inputs)
        return self._predictor.encode(inputs, batch_size)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """As Predictor.prepare."""
        return self._predictor.prepare(image)

    def encode_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Predictor.encode_prepared."""
        return self._predictor.encode_prepared(prepared)

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Predictor.relaxed_prepared."""
        return self._predictor.relaxed_prepared(prepared)

    def _relaxed_images(self, images: Images, batch_size: int) -> np.ndarray:
        return self._predictor.relaxed(images, batch_size)

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        return self._predictor.relaxed_features(features)

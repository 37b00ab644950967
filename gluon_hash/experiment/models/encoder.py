"""One Encoder whatever the model: images or features in, codes out; that of a baseline."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.datasets.feature_sets import FeatureDataset, FeatureSplit
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import decode_image, read_list
from gluon_hash.retrieval import CodeTable, FeatureTable, codes
from gluon_hash.retrieval.baselines import ProductQuantizer, encode_features_with, load_baseline
from gluon_hash.retrieval.codes.fingerprint import fingerprint

if TYPE_CHECKING:
    from gluon_hash.deploy.predictor import ImageLike, Images

__all__ = ["BATCH_SIZE", "BaselineEncoder", "Encoder", "FileEncoder", "with_names"]

BATCH_SIZE = 128


class Encoder(ABC):
    """Images or features -> codes.

    Attributes
    ----------
    path : Path
        Of the model.
    num_bits : int
    hierarchy : Hierarchy or None
        Of the data that it was trained on, where the model knows it.
    """

    path: Path
    num_bits: int
    hierarchy: Hierarchy | None = None

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Of its weights, which the codes keep: a run and what is exported of it have the same.

        Of a network that computes in less than float32 the precision stands behind it.
        """

    def encode(self, inputs: Images, batch_size: int = 32) -> np.ndarray:
        """Packed codes of images or of features.

        Parameters
        ----------
        inputs : sequence of images, one image, a folder, or ndarray of float, (N, num_features)
            Images as gluon_hash.deploy.Predictor.encode takes them.
        batch_size : int
            Images at a time.

        Returns
        -------
        uint8, shape (N, ceil(num_bits / 8))

        Raises
        ------
        DataError
            If an image is unreadable or too small; names it.
        ValueError
            If the model does not read what is given.
        """
        return codes.pack(self.relaxed(inputs, batch_size))

    def relaxed(self, inputs: Images, batch_size: int = 32) -> np.ndarray:
        """As encode, before the sign: float32 (N, num_bits)."""
        if isinstance(inputs, np.ndarray) and inputs.ndim == 2:
            return self._relaxed_features(inputs.astype(np.float32))
        return self._relaxed_images(inputs, batch_size)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """What the network sees of an image: uint8 (crop, crop, 3).

        Raises
        ------
        DataError
            If the image is unreadable, or smaller than the crop.
        ValueError
            If the model reads features.
        """
        raise ValueError(f"{self.path}: the model reads features, not images")

    def encode_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Packed codes of what prepare gave: uint8 (N, crop, crop, 3) -> (N, num_bytes)."""
        return codes.pack(self.relaxed_prepared(prepared))

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Relaxed codes, float32 (N, num_bits), of what prepare gave, uint8 (N, crop, crop, 3)."""
        raise ValueError(f"{self.path}: the model reads features, not images")

    def features(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """Features of the model's backbone, before its head: float32 (N, num_features).

        Raises
        ------
        ValueError
            If the model has no backbone that can be used alone, as exported networks.
        """
        raise ValueError(f"{self.path}: only a run folder gives the features of its backbone")

    def encode_data(self, data: Dataset | FeatureDataset) -> tuple[CodeTable, CodeTable]:
        """Codes of the queries and of the database of a data set, for gluon_hash.evaluate.

        Parameters
        ----------
        data : Dataset or FeatureDataset
            What gluon_hash.datasets returns; the database is its training set.

        Returns
        -------
        query, database : CodeTable
            Of features the ids are theirs; images are counted, the database first.

        Raises
        ------
        DataError, ValueError
            As encode.
        """
        query = self._encode_split(data.query, data.hierarchy, len(data.train))
        return query, self._encode_split(data.train, data.hierarchy, 0)

    @abstractmethod
    def encode_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> CodeTable | FeatureTable:
        """Codes of a .rec file, or of a file of features (.npz), with ids and labels.

        Raises
        ------
        DataError
            If the file is damaged, or its features are not those that the model reads.
        ValueError
            If the model does not read such a file.
        """

    def _encode_split(
        self, split: Split | FeatureSplit, hierarchy: Hierarchy, first_id: int
    ) -> CodeTable:
        labels = hierarchy.level_labels(split.fine_labels)
        names = np.array(split.names, dtype=np.str_)
        if isinstance(split, FeatureSplit):
            packed = self.encode(split.features)
            return CodeTable(split.ids, packed, labels, self.num_bits, names, self.fingerprint)
        blocks = [
            self.encode([decode_image(split.encoded(p)) for p in positions], len(positions))
            for positions in np.array_split(np.arange(len(split)), -(-len(split) // BATCH_SIZE))
        ]
        ids = first_id + np.arange(len(split))
        packed = np.concatenate(blocks)
        return CodeTable(ids, packed, labels, self.num_bits, names, self.fingerprint)

    @abstractmethod
    def _relaxed_images(self, images: Images, batch_size: int) -> np.ndarray: ...

    @abstractmethod
    def _relaxed_features(self, features: np.ndarray) -> np.ndarray: ...


class FileEncoder(Encoder):
    """What an encoder with a network does with a file, wherever the network comes from."""

    @abstractmethod
    def loader(self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE) -> Any:
        """What reads a .rec file, or features: ``ids``, ``part(rows)``, batches."""

    @abstractmethod
    def encode_loader(self, loader: Any, description: str) -> CodeTable:
        """Codes of what a loader of ``loader`` gives, or a part of it."""

    def encode_file(self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE) -> CodeTable:
        """Codes of a .rec file by the network, of features by what of it reads them."""
        table = self.encode_loader(self.loader(path, batch_size), f"encode {Path(path).name}")
        return with_names(table, path)


def with_names(
    table: CodeTable, path: str | os.PathLike[str], rows: slice = slice(None)
) -> CodeTable:
    """The table of (rows of) a .rec or .npz file with the names in the list beside it, if any."""
    path = Path(path)
    split = path.stem.rpartition("_")[2]  # of cached features: features_resnet50_v1_..._train.npz
    lists = [path.with_name(f"{name}.lst") for name in (path.stem, split)]
    beside = next((file for file in lists if file.exists()), None)
    if table.names is not None or beside is None:
        return table
    images = read_list(beside)
    if not np.array_equal(images.ids[rows], table.ids):
        return table  # the list of something else
    return replace(table, names=np.array(images.paths[rows], dtype=np.str_))


class BaselineEncoder(Encoder):
    """A classical baseline that `gluon-hash fit` wrote; it reads features."""

    def __init__(self, path: Path) -> None:
        self.path, self.fitted = path, load_baseline(path)
        if isinstance(self.fitted, ProductQuantizer):
            self.num_bits = 8 * len(self.fitted.centroids)
        else:
            self.num_bits = self.fitted.weights.shape[1]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of the arrays that were fitted."""
        return fingerprint(np.asarray(value) for value in vars(self.fitted).values())

    def encode_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> CodeTable | FeatureTable:
        """Codes of a file of features; of product quantisation, the features that it keeps."""
        if not str(path).endswith(".npz"):
            raise ValueError(
                f"{path}: a baseline reads cached features (.npz); `gluon-hash encode --features` "
                "makes them"
            )
        table = encode_features_with(self.fitted, FeatureTable.load(path))
        return replace(table, model=self.fingerprint) if isinstance(table, CodeTable) else table

    def _relaxed_images(self, images: Images, batch_size: int) -> np.ndarray:
        raise ValueError(
            f"{self.path}: a baseline reads features, not images; encode the images' features first"
        )

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        if isinstance(self.fitted, ProductQuantizer):
            raise ValueError(f"{self.path}: product quantisation has no codes for Hamming search")
        return self.fitted.project(features)

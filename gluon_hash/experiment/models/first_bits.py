"""A model whose codes are cut to their first bits, as those of an index are that it searches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from gluon_hash.experiment.models.encoder import BATCH_SIZE, Encoder
from gluon_hash.retrieval import CodeTable, FeatureTable
from gluon_hash.retrieval.codes import first_bits

if TYPE_CHECKING:
    from gluon_hash.deploy.predictor import ImageLike, Images

__all__ = ["FirstBits"]


class FirstBits(Encoder):
    """The first bits of the codes of another encoder; all else, the fingerprint too, is that one's.

    Parameters
    ----------
    encoder : Encoder
    num_bits : int
        At most the encoder's.
    """

    def __init__(self, encoder: Encoder, num_bits: int) -> None:
        self.encoder, self.num_bits = encoder, num_bits
        self.path, self.hierarchy = encoder.path, encoder.hierarchy

    @property
    def fingerprint(self) -> str:
        """Of the encoder."""
        return self.encoder.fingerprint

    def encode(self, inputs: Images, batch_size: int = 32) -> np.ndarray:
        """As Encoder.encode."""
        return self._cut(self.encoder.encode(inputs, batch_size))

    def prepare(self, image: ImageLike) -> np.ndarray:
        """As Encoder.prepare."""
        return self.encoder.prepare(image)

    def encode_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Encoder.encode_prepared."""
        return self._cut(self.encoder.encode_prepared(prepared))

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """As Encoder.relaxed_prepared."""
        return self.encoder.relaxed_prepared(prepared)[:, : self.num_bits]

    def features(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """As Encoder.features."""
        return self.encoder.features(images, batch_size)

    def encode_file(
        self, path: str | os.PathLike[str], batch_size: int = BATCH_SIZE
    ) -> CodeTable | FeatureTable:
        """As Encoder.encode_file; features that product quantisation keeps stay as they are."""
        table = self.encoder.encode_file(path, batch_size)
        return table.first_bits(self.num_bits) if isinstance(table, CodeTable) else table

    def _cut(self, packed: np.ndarray) -> np.ndarray:
        return first_bits(packed, self.encoder.num_bits, self.num_bits)

    def _relaxed_images(self, images: Images, batch_size: int) -> np.ndarray:
        return self.encoder.relaxed(images, batch_size)[:, : self.num_bits]

    def _relaxed_features(self, features: np.ndarray) -> np.ndarray:
        return self.encoder.relaxed(features)[:, : self.num_bits]

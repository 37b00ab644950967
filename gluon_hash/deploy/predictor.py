"""Predictor: a network that encodes images or features, exported or not; needs no training code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.network_files import check_shapes
from gluon_hash.deploy.runtimes import import_block
from gluon_hash.engine import HybridBlock, mx, nd
from gluon_hash.errors import DataError
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color, decode_image, read_image
from gluon_hash.retrieval import codes

__all__ = ["ImageLike", "Predictor"]

# a file, what one holds, or uint8 RGB (height, width, 3)
ImageLike = str | os.PathLike[str] | bytes | np.ndarray


class Predictor:
    """Image or feature -> packed code.

    Parameters
    ----------
    block : HybridBlock
        Input -> relaxed code (batch_size, num_bits).
    transform : ImageTransform or None
        Image -> input; None: the network reads features.
    num_bits : int
    context : Context, optional
        Where the block is. Default: the CPU.
    manifest : Manifest, optional
        Of an exported network.
    background : Color
        What transparent pixels show: as the training images were prepared.
    """

    def __init__(
        self,
        block: HybridBlock,
        transform: ImageTransform | None,
        num_bits: int,
        context: mx.Context | None = None,
        manifest: Manifest | None = None,
        background: Color = WHITE,
    ) -> None:
        self.block, self.transform, self.num_bits = block, transform, num_bits
        self.manifest, self._context = manifest, context or mx.cpu()
        self._background = background

    @classmethod
    def load(cls, path: str | os.PathLike[str], context: mx.Context | None = None) -> Predictor:
        """Load NAME.manifest.json and the two files beside it; DataError as Manifest.load."""
        manifest, folder = Manifest.load(path), Path(path).parent
        context = context or mx.cpu()
        files = (folder / manifest.symbol, folder / manifest.params, manifest.input_name)
        check_shapes(*files, manifest.input_shape[1:])
        block = import_block(*files, context)
        return cls(
            block,
            manifest.transform(),
            manifest.num_bits,
            context,
            manifest,
            manifest.background or WHITE,
        )

    def relaxed(self, images: Sequence[ImageLike], batch_size: int = 32) -> np.ndarray:
        """Relaxed codes of images.

        Parameters
        ----------
        images : sequence
            Paths, bytes of encoded images, or uint8 RGB arrays (height, width, 3).
        batch_size : int

        Returns
        -------
        float32, shape (len(images), num_bits)

        Raises
        ------
        DataError
            If an image is unreadable or smaller than the crop.
        ValueError
            If the network reads features.
        """
        self._image_transform()  # says so if there is none, also of no image
        outputs = [
            self.relaxed_prepared(
                np.stack([self.prepare(image) for image in images[start : start + batch_size]])
            )
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate(outputs) if outputs else np.empty((0, self.num_bits), np.float32)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """What the network sees of an image: uint8 (crop, crop, 3); any thread may call it.

        Raises
        ------
        DataError
            If the image is unreadable, or smaller than the crop; names its file.
        ValueError
            If the network reads features.
        """
        transform = self._image_transform()
        path = None if isinstance(image, (np.ndarray, bytes)) else image
        try:
            if isinstance(image, bytes):
                pixels = decode_image(image, self._background)
            elif isinstance(image, np.ndarray):
                pixels = image
            else:
                pixels = read_image(image, self._background)
            if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
                raise ValueError(
                    f"expected uint8 RGB (height, width, 3), got {pixels.dtype} {pixels.shape}"
                )
            return transform.evaluate(pixels)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(str(error), path=path) from error

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Relaxed codes, float32 (N, num_bits), of what prepare gave, uint8 (N, crop, crop, 3)."""
        return self._outputs(self._image_transform().normalize(prepared))

    def relaxed_features(self, features: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Relaxed codes, float32 (N, num_bits), of features, float (N, num_features).

        Raises
        ------
        ValueError
            If the network reads images, or features of another width.
        """
        self.check_features(features)
        outputs = [
            self._outputs(features[start : start + batch_size].astype(np.float32))
            for start in range(0, len(features), batch_size)
        ]
        return np.concatenate(outputs) if outputs else np.empty((0, self.num_bits), np.float32)

    def check_features(
        self, features: np.ndarray, path: str | os.PathLike[str] | None = None
    ) -> None:
        """DataError, naming ``path``, unless the network reads such features, float (N, D)."""
        if self.transform is not None:
            raise DataError("this network reads images, not features; encode a .rec", path=path)
        width = self.manifest.input_shape[-1] if self.manifest is not None else features.shape[1]
        if features.shape[1] != width:
            raise DataError(
                f"expected {width} features an image, as the network was trained on, got "
                f"{features.shape[1]}",
                path=path,
            )

    def encode(self, images: Sequence[ImageLike], batch_size: int = 32) -> np.ndarray:
        """Packed codes, uint8 (len(images), ceil(num_bits / 8)); the rest as for relaxed."""
        return codes.pack(self.relaxed(images, batch_size))

    def _outputs(self, inputs: np.ndarray) -> np.ndarray:
        return self.block(nd.array(inputs, self._context)).asnumpy()

    def _image_transform(self) -> ImageTransform:
        if self.transform is None:
            raise ValueError("this network reads features, not images; encode the features")
        return self.transform

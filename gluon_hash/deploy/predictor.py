"""Predictor: a network that encodes images or features, exported or not; needs no training code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from gluon_hash.deploy.engines import Engine, Precision, open_engine
from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import manifest_path
from gluon_hash.errors import DataError
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color, decode_image, read_image
from gluon_hash.retrieval.codes.packing import num_bytes, pack

if TYPE_CHECKING:
    from gluon_hash.engine import mx

__all__ = ["ImageLike", "Images", "Predictor"]

# a file, what one holds, one that is open, or uint8 RGB (height, width, 3)
ImageLike = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray
Images = Sequence[ImageLike] | ImageLike  # several, one alone, or a folder's


class Predictor:
    """Image or feature -> packed code; any thread may call it.

    Parameters
    ----------
    run : callable
        Inputs -> outputs, as arrays: float32 planes (batch_size, 3, crop, crop) or features
        (batch_size, num_features) -> relaxed codes, float32 (batch_size, num_bits); or as
        ``manifest`` says. gluon_hash.deploy.runtimes.block_runner makes one of a block.
    transform : ImageTransform or None
        Image -> input; None: the network reads features.
    num_bits : int
    manifest : Manifest, optional
        Of an exported network.
    background : Color
        What transparent pixels show: as the training images were prepared.
    """

    def __init__(
        self,
        run: Callable[[np.ndarray], np.ndarray],
        transform: ImageTransform | None,
        num_bits: int,
        *,
        manifest: Manifest | None = None,
        background: Color = WHITE,
    ) -> None:
        self.run, self.transform, self.num_bits = run, transform, num_bits
        self.manifest, self._background = manifest, background
        self._num_bytes = num_bytes(num_bits)
        self._takes_pixels = manifest is not None and manifest.input == "pixels"
        self._gives_bytes = manifest is not None and manifest.output == "packed"

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        context: mx.Context | None = None,
        *,
        engine: Engine | None = None,
        precision: Precision | None = None,
    ) -> Predictor:
        """Load NAME.manifest.json, or DIR/NAME, and the files beside it.

        Parameters
        ----------
        path : path-like
        context : Context, optional
            MXNet: where it runs; default: the CPU.
        engine : {"mxnet", "onnxruntime", "openvino"}, optional
            Default: MXNet where it is installed, else ONNX Runtime.
        precision : {"float32", "bfloat16"}, optional
            OpenVINO: what it computes in; default: float32.

        Raises
        ------
        DataError
            As Manifest.load; or if there is no .onnx for ONNX Runtime and OpenVINO.
        MissingPackageError
            If the engine is not installed.
        ValueError
            If there is no such engine, or it or the processor does not compute in this precision.
        """
        manifest = Manifest.load(path)
        run = open_engine(manifest, manifest_path(path), engine, precision, context)
        return cls(
            run,
            manifest.transform(),
            manifest.num_bits,
            manifest=manifest,
            background=manifest.background or WHITE,
        )

    def encode(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """Packed codes of images.

        Parameters
        ----------
        images : sequence of images, one image, or a folder
            Images are paths, bytes of encoded images, binary files that are open, or uint8 RGB
            arrays (height, width, 3). Of a folder every image below it, in the order of
            gluon_hash.datasets' find_images.
        batch_size : int

        Returns
        -------
        uint8, shape (number of images, ceil(num_bits / 8))

        Raises
        ------
        DataError
            If an image is unreadable or smaller than the crop; names its file.
        ValueError
            If the network reads features.
        """
        parts = [self.encode_prepared(batch) for batch in self._prepared(images, batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, self._num_bytes), np.uint8)

    def relaxed(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """Relaxed codes, float32 (number of images, num_bits); arguments and errors as encode.

        Raises
        ------
        ValueError
            Also if the exported graph gives packed codes.
        """
        parts = [self.relaxed_prepared(batch) for batch in self._prepared(images, batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, self.num_bits), np.float32)

    def prepare(self, image: ImageLike) -> np.ndarray:
        """What the network sees of an image: uint8 (crop, crop, 3).

        Raises
        ------
        DataError
            If the image is unreadable, or smaller than the crop; names its file.
        ValueError
            If the network reads features.
        """
        transform = self._image_transform()
        path = image if isinstance(image, (str, os.PathLike)) else None
        try:
            pixels = self._pixels(image)
            if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
                raise ValueError(
                    f"expected uint8 RGB (height, width, 3), got {pixels.dtype} {pixels.shape}"
                )
            return transform.evaluate(pixels)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(str(error), path=path) from error

    def encode_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Packed codes, uint8 (N, ceil(num_bits / 8)), of what prepare gave, stacked."""
        return self._packed(self._outputs(prepared))

    def relaxed_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Relaxed codes, float32 (N, num_bits), of what prepare gave; ValueError as relaxed."""
        return self._relaxed(self._outputs(prepared))

    def encode_features(self, features: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Packed codes, uint8 (N, ceil(num_bits / 8)); arguments and errors as relaxed_features."""
        parts = [self._packed(output) for output in self._of_features(features, batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, self._num_bytes), np.uint8)

    def relaxed_features(self, features: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Relaxed codes, float32 (N, num_bits), of features, float (N, num_features).

        Raises
        ------
        ValueError
            If the network reads images, or features of another width, or as relaxed.
        """
        parts = [self._relaxed(output) for output in self._of_features(features, batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, self.num_bits), np.float32)

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

    def _prepared(self, images: Images, batch_size: int) -> Iterator[np.ndarray]:
        """Batches of what the network sees."""
        self._image_transform()  # says so if there is none, also of no image
        one_by_one = _one_by_one(images)
        for start in range(0, len(one_by_one), batch_size):
            batch = [self.prepare(image) for image in one_by_one[start : start + batch_size]]
            yield np.stack(batch)

    def _pixels(self, image: ImageLike) -> np.ndarray:
        if isinstance(image, np.ndarray):
            return image
        if isinstance(image, (str, os.PathLike)):
            return read_image(image, self._background)
        if not isinstance(image, bytes) and not hasattr(image, "read"):
            raise ValueError(
                "expected the path, the bytes, the open file or the array of an image, got "
                f"{type(image).__name__}"
            )
        return decode_image(image if isinstance(image, bytes) else image.read(), self._background)

    def _outputs(self, prepared: np.ndarray) -> np.ndarray:
        transform = self._image_transform()
        return self._run_all(prepared if self._takes_pixels else transform.normalize(prepared))

    def _of_features(self, features: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
        self.check_features(features)
        for start in range(0, len(features), batch_size):
            yield self._run_all(features[start : start + batch_size].astype(np.float32))

    def _run_all(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs of the network; DataError if they are not as many as its manifest says."""
        outputs = self.run(inputs)
        width = self._num_bytes if self._gives_bytes else self.num_bits
        if outputs.shape != (len(inputs), width):
            raise DataError(
                f"expected {width} numbers of an image, as the manifest has {self.num_bits} bits; "
                f"the network gives an array of shape {outputs.shape}; export again"
            )
        return outputs

    def _packed(self, outputs: np.ndarray) -> np.ndarray:
        return outputs if self._gives_bytes else pack(outputs)

    def _relaxed(self, outputs: np.ndarray) -> np.ndarray:
        if self._gives_bytes:
            raise ValueError(
                "this export gives packed codes, so that relaxed ones are not known; export "
                "without --binary"
            )
        return outputs

    def _image_transform(self) -> ImageTransform:
        if self.transform is None:
            raise ValueError("this network reads features, not images; encode the features")
        return self.transform


def _one_by_one(images: Images) -> Sequence[ImageLike]:
    """Those below a folder, one that stands alone, or those of a sequence."""
    if isinstance(images, (str, os.PathLike)) and Path(images).is_dir():
        from gluon_hash.datasets.image_files import find_images

        return [Path(images) / name for name in find_images(images).paths]
    if isinstance(images, np.ndarray):
        return [images] if images.ndim == 3 else list(images)
    if isinstance(images, (str, os.PathLike, bytes)) or hasattr(images, "read"):
        return [cast(ImageLike, images)]
    return list(images)

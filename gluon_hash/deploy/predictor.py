"""Predictor: an exported network that encodes images; needs no training code."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Union

import numpy as np

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.engine import gluon, mx, nd
from gluon_hash.errors import DataError
from gluon_hash.records import ImageTransform, decode_image
from gluon_hash.retrieval import codes

__all__ = ["Predictor", "import_block"]

ImageLike = Union[str, "os.PathLike[str]", np.ndarray]


def import_block(
    symbol: Path, params: Path, input_name: str, context: mx.Context
) -> gluon.SymbolBlock:
    """The network in a symbol file and a parameter file."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Cannot decide type"
        )  # of the input: it is settled when it comes
        return gluon.SymbolBlock.imports(str(symbol), [input_name], str(params), ctx=context)


class Predictor:
    """Image -> packed code.

    Parameters
    ----------
    block : SymbolBlock
        Image (batch_size, 3, crop, crop) -> relaxed code (batch_size, num_bits).
    manifest : Manifest
    context : Context
    """

    def __init__(self, block: gluon.SymbolBlock, manifest: Manifest, context: mx.Context) -> None:
        self.block, self.manifest, self._context = block, manifest, context
        self.transform = ImageTransform(
            resize=manifest.resize, crop=manifest.crop, mean=manifest.mean, std=manifest.std
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], context: mx.Context | None = None) -> Predictor:
        """Load NAME.manifest.json and the two files beside it; DataError as Manifest.load."""
        manifest, folder = Manifest.load(path), Path(path).parent
        context = context or mx.cpu()
        return cls(
            import_block(
                folder / manifest.symbol, folder / manifest.params, manifest.input_name, context
            ),
            manifest,
            context,
        )

    def relaxed(self, images: Sequence[ImageLike], batch_size: int = 32) -> np.ndarray:
        """Relaxed codes.

        Parameters
        ----------
        images : sequence
            Paths, or uint8 RGB arrays (height, width, 3).
        batch_size : int

        Returns
        -------
        float32, shape (len(images), num_bits)

        Raises
        ------
        DataError
            If an image is unreadable or smaller than the crop.
        """
        outputs = []
        for start in range(0, len(images), batch_size):
            pixels = np.stack([self._pixels(image) for image in images[start : start + batch_size]])
            outputs.append(
                self.block(nd.array(self.transform.normalize(pixels), self._context)).asnumpy()
            )
        return (
            np.concatenate(outputs)
            if outputs
            else np.empty((0, self.manifest.num_bits), np.float32)
        )

    def encode(self, images: Sequence[ImageLike], batch_size: int = 32) -> np.ndarray:
        """Packed codes, uint8 (len(images), ceil(num_bits / 8)); arguments and errors as
        relaxed."""
        return codes.pack(self.relaxed(images, batch_size))

    def _pixels(self, image: ImageLike) -> np.ndarray:
        path = None if isinstance(image, np.ndarray) else image
        try:
            pixels = (
                image if isinstance(image, np.ndarray) else decode_image(Path(image).read_bytes())
            )
            if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
                raise ValueError(
                    f"expected uint8 RGB (height, width, 3), got {pixels.dtype} {pixels.shape}"
                )
            return self.transform.evaluate(pixels)
        except ValueError as error:
            raise DataError(str(error), path=path) from error

"""NAME.manifest.json: all that another program needs to use the other two exported files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import read_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import ImageTransform

__all__ = ["Manifest", "VERSION"]

VERSION = 1


class Manifest(BaseModel):
    """The fields of a manifest.

    Of a network that reads features, what is said of pixels is None. Otherwise pixels are RGB;
    short side to ``resize`` (Pillow's bilinear filter), the center ``crop`` x ``crop``,
    ``(x / 255 - mean) / std``, planes in the order red, green, blue. Bit j of a code is bit
    (j mod 8) of byte (j // 8), and 1 where output j is >= 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    input_name: str
    input_shape: list[int]
    colour_order: str | None
    interpolation: str | None
    resize: int | None
    crop: int | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    background: tuple[int, int, int] | None = None  # of transparent pixels; None: white
    num_bits: int
    bit_order: str
    backbone: str
    level_names: list[str]
    class_names: list[list[str]]
    parents: list[list[int]] | None = None
    symbol: str
    params: str
    sha256: dict[str, str]
    largest_difference: float
    versions: dict[str, Any]
    source: dict[str, Any]

    def transform(self) -> ImageTransform | None:
        """Image -> input, as it is for evaluation; None: the network reads features."""
        if self.crop is None:
            return None
        assert self.resize is not None and self.mean is not None and self.std is not None
        return ImageTransform(resize=self.resize, crop=self.crop, mean=self.mean, std=self.std)

    def hierarchy(self) -> Hierarchy | None:
        """The classes and their parents; None if it has none, as before 2026-11-25."""
        if self.parents is None:
            return None
        return Hierarchy(
            tuple(self.level_names),
            tuple(map(tuple, self.class_names)),
            tuple(np.array(parents, np.int64) for parents in self.parents),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Read a manifest and check that its two files are the ones it was written with.

        Raises
        ------
        DataError
            If it is not a manifest, of another version, or a file is missing or was changed.
        """
        path = Path(path)
        text = read_text(path, made_by="gluon-hash export")
        try:
            values = json.loads(text)
            if not isinstance(values, dict) or values.get("version") != VERSION:
                version = values.get("version") if isinstance(values, dict) else None
                raise DataError(
                    f"expected manifest version {VERSION}, got {version!r}; use the gluon_hash "
                    "that wrote it",
                    path=path,
                )
            manifest = cls(**values)
        except ValidationError as error:
            problem = error.errors()[0]
            raise DataError(
                f"not a manifest: {'.'.join(map(str, problem['loc']))}: {problem['msg']}", path=path
            ) from error
        except json.JSONDecodeError as error:
            raise DataError(f"not JSON: {error.msg}", path=path, line=error.lineno) from error
        for name, expected in manifest.sha256.items():
            file = path.parent / name
            if not file.exists():
                raise DataError("missing; it belongs beside its manifest", path=file)
            if sha256(file) != expected:
                raise DataError(
                    f"changed or damaged: its SHA-256 is not that in {path.name}; export again",
                    path=file,
                )
        return manifest

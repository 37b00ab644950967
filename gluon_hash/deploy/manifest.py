"""NAME.manifest.json: all that a program in another language needs to use NAME-symbol.json and
NAME-0000.params."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from gluon_hash.errors import DataError
from gluon_hash.files import sha256

__all__ = ["Manifest", "VERSION"]

VERSION = 1


class Manifest(BaseModel):
    """The fields of a manifest.

    Pixels are RGB; short side to ``resize`` (Pillow's bilinear filter), the center ``crop`` x
    ``crop``, ``(x / 255 - mean) / std``, planes in the order red, green, blue. Bit j of a code is
    bit (j mod 8) of byte (j // 8), and 1 where output j is >= 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    input_name: str
    input_shape: list[int]
    colour_order: str
    interpolation: str
    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    num_bits: int
    bit_order: str
    backbone: str
    level_names: list[str]
    class_names: list[list[str]]
    symbol: str
    params: str
    sha256: dict[str, str]
    largest_difference: float
    versions: dict[str, Any]
    source: dict[str, Any]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Read a manifest and check that its two files are the ones it was written with.

        Raises
        ------
        DataError
            If it is no manifest, of another version, or a file is missing or was changed.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(values, dict) or values.get("version") != VERSION:
                found = values.get("version") if isinstance(values, dict) else None
                raise DataError(
                    f"expected manifest version {VERSION}, got {found!r}; use the gluon_hash that "
                    "wrote it",
                    path=path,
                )
            manifest = cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"no manifest: {'.'.join(map(str, first['loc']))}: {first['msg']}", path=path
            ) from error
        except json.JSONDecodeError as error:
            raise DataError(f"no JSON: {error.msg}", path=path, line=error.lineno) from error
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

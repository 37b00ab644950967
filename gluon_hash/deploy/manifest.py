"""NAME.manifest.json: all that another program needs to use the other two exported files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gluon_hash.deploy.model_names import could_be_meant, manifest_path
from gluon_hash.deploy.network_files import check_network
from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import as_schema, load_json
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import ImageTransform

__all__ = ["VERSION", "Manifest"]

VERSION = 1
MANIFEST_LIMIT = 256 << 20  # bytes; 20,000 classes at four levels take 2 million


def _plain(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError("expected the name of a file in the manifest's folder")
    return name


FileName = Annotated[str, AfterValidator(_plain)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=1, le=1 << 24)]
Pixels = Annotated[int, Field(ge=0, le=4096)]
Factors = tuple[float, float, float]
Class = Annotated[int, Field(ge=0, le=1 << 31)]
Byte = Annotated[int, Field(ge=0, le=255)]


class Manifest(BaseModel):
    """The fields of a manifest.

    Of a network that reads features, what is said of pixels is None. Otherwise pixels are RGB;
    short side to ``resize`` (Pillow's bilinear filter), the center ``crop`` x ``crop``,
    ``(x / 255 - mean) / std``, planes in the order red, green, blue. Bit j of a code is bit
    (j mod 8) of byte (j // 8), and 1 where output j is >= 0.

    ``input`` says what the graph takes: "planes" as above, "pixels" (uint8 or float32, 0 to 255,
    with the three colours last, scaled in the graph) or "features"; ``output`` what it gives:
    "relaxed" codes or "packed" bytes. ``differences``: the largest difference of outputs from the
    network's, by who ran the files; where ``fused_graphs`` is false, Module and the C predict API
    need MXNET_SUBGRAPH_BACKEND=NONE in their environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    input_name: str
    input_shape: Annotated[list[int], Field(min_length=2, max_length=4)]  # -1 for the images
    colour_order: str | None
    interpolation: str | None
    resize: Pixels | None
    crop: Pixels | None
    mean: Factors | None
    std: Factors | None
    background: tuple[Byte, Byte, Byte] | None = None  # of transparent pixels; None: white
    num_bits: Size
    bit_order: str
    backbone: str
    level_names: list[str]
    class_names: list[list[str]]
    parents: list[list[Class]] | None = None
    symbol: FileName
    params: FileName
    onnx: FileName | None = None
    input: Literal["planes", "pixels", "features"] = "planes"
    output: Literal["relaxed", "packed"] = "relaxed"
    precision: Literal["float32", "int8"] = "float32"
    fused_graphs: bool = True
    sha256: dict[FileName, Digest]
    largest_difference: float
    differences: dict[str, float] = {}
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
        """Read NAME.manifest.json (DIR/NAME, a name of the zoo); its files must be as written.

        Raises
        ------
        DataError
            If it is not a manifest, of another version, names a file outside of its folder or one
            without a digest, a file is missing or was changed, or as check_network.
        """
        path = manifest_path(path)
        if others := could_be_meant(path):
            raise DataError(f"no such file{others}", path=path)
        values = load_json(path, made_by="gluon-hash export", limit=MANIFEST_LIMIT)
        if not isinstance(values, dict) or values.get("version") != VERSION:
            version = values.get("version") if isinstance(values, dict) else None
            raise DataError(
                f"expected manifest version {VERSION}, got {version!r}; use the gluon_hash "
                "that wrote it",
                path=path,
            )
        try:
            manifest = as_schema(values, cls, path)
        except DataError as error:
            raise DataError(f"not a manifest: {error.message}", path=path) from error
        for name, expected in manifest.sha256.items():
            _check_digest(path.parent / name, expected, path.name)
        check_network(
            path.parent / manifest.symbol, path.parent / manifest.params, manifest.input_name
        )
        return manifest

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        """ValueError unless the fields fit each other and every file has a digest."""
        files = [name for name in (self.symbol, self.params, self.onnx) if name is not None]
        if set(files) != set(self.sha256) or len(set(files)) < len(files):
            raise ValueError(f"sha256: expected a digest of each of {', '.join(files)}")
        if not all(1 <= size <= 1 << 24 for size in self.input_shape[1:]):
            raise ValueError(f"input_shape: expected -1 and sizes, got {self.input_shape}")
        pixels = (self.resize, self.crop, self.mean, self.std)
        if self.crop is not None and (None in pixels or self.crop < 1):
            raise ValueError("crop, resize, mean and std: expected all of them, or none")
        self.transform()
        self.hierarchy()
        if len(self.input_shape) != (2 if self.crop is None else 4):
            raise ValueError(f"input_shape: {self.input_shape} are not features or images")
        return self


def _check_digest(file: Path, expected: str, manifest: str) -> None:
    """DataError unless it is a regular file with this SHA-256."""
    if not file.exists():
        raise DataError("missing; it belongs beside its manifest", path=file)
    if not stat.S_ISREG(file.stat().st_mode):
        raise DataError("expected a file, got a folder or a device", path=file)
    if sha256(file) != expected:
        raise DataError(
            f"changed or damaged: its SHA-256 is not that in {manifest}; export again", path=file
        )

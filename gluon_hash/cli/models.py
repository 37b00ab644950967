"""The model that a command is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gluon_hash.experiment import Encoder


def open_model(model: Path, device: str | None = None) -> Encoder:
    """The model at a path, on a device; on the CPU an exported .onnx does without MXNet."""
    from gluon_hash.experiment import load_model

    if device in (None, "cpu"):
        return load_model(model)
    from gluon_hash import engine

    return load_model(model, engine.contexts(device))

"""What `gluon-hash index search` searches for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Queries"]


@dataclass(frozen=True)
class Queries:
    """Codes to search for.

    Parameters
    ----------
    names : list of str
        What is shown.
    codes : uint8, shape (Q, ceil(num_bits / 8))
    files : list of Path or None
        Their images, None where there is none.
    ids : int64, shape (Q,), optional
        None for images.
    relaxed : callable, optional
        Returns the model's output for the images, before the sign, float32 (Q, num_bits).
    backbone_features : callable, optional
        Returns the features of the model's backbone for the images, float32 (Q, num_features).
    """

    names: list[str]
    codes: np.ndarray
    files: list[Path | None]
    ids: np.ndarray | None = None
    relaxed: Callable[[], np.ndarray] | None = None
    backbone_features: Callable[[], np.ndarray] | None = None

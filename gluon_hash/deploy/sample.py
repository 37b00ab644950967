"""Some of what is encoded, by which forms and engines are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Sample"]


@dataclass(frozen=True)
class Sample:
    """What every form encodes.

    Parameters
    ----------
    inputs : uint8, shape (N, crop, crop, 3), or float32, shape (N, num_features)
        Prepared pixels, or features.
    level_labels : int32, shape (N, K)
    """

    inputs: np.ndarray
    level_labels: np.ndarray

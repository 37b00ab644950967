"""Is every number of a training finite? Looked at before a checkpoint is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gluon_hash.engine import nd
from gluon_hash.training.optimizer_state import state_arrays

if TYPE_CHECKING:
    from gluon_hash.training.trainer import HashTrainer

__all__ = ["not_finite"]

CHECKED_AS_THEY_ARE = (np.float16, np.float32, np.float64)


def not_finite(trainer: HashTrainer) -> str | None:
    """What of a training holds NaN or infinity: weights, the head, the optimiser or the memory.

    One reduction over each array, on its own device.

    Parameters
    ----------
    trainer : HashTrainer

    Returns
    -------
    str or None
        Such as "weight dense0_weight"; None if all is finite.
    """
    nd.waitall()  # oneDNN's batch norm writes running statistics behind MXNet's back
    weights = {
        f"the weight {parameter.name}": array
        for block in (trainer.net, trainer.head)
        if block is not None
        for parameter in block.collect_params().values()
        for array in parameter.list_data()
    }
    for arrays in (weights, state_arrays(trainer.optimizer)):
        found = _first_bad(arrays)
        if found is not None:
            return found
    for name, value in trainer.memory.state().items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return f"the memory's {name}"
    return None


def _first_bad(arrays: Mapping[str, nd.NDArray]) -> str | None:
    """The name of the first array that holds NaN or infinity."""
    return next((name for name, array in arrays.items() if not _is_finite(array)), None)


def _is_finite(array: nd.NDArray) -> bool:
    if array.dtype not in CHECKED_AS_THEY_ARE:
        array = array.astype("float32")
    if array.context.device_type == "cpu":  # NumPy is many times faster there
        return bool(np.isfinite(array.asnumpy()).all())
    return bool(nd.multi_all_finite(array, num_arrays=1).asscalar())

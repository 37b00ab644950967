"""The optimiser's momentum and counts as plain arrays; Trainer.save_states writes a pickle."""

from __future__ import annotations

import os
import re
from typing import Any

from gluon_hash.engine import gluon, nd
from gluon_hash.errors import DataError
from gluon_hash.nets.weights import read_params
from gluon_hash.training.precision import scaled_by

__all__ = ["load_optimizer", "save_optimizer", "state_arrays"]

# gluon.Trainer has no public way to its state but pickles; the private names below are those of
# MXNet 1.9.1, the last release.
NAMES = re.compile(r"num_update|loss_scale|[0-9]{1,9}:(count|state:[0-9]{1,9})")


def save_optimizer(optimizer: gluon.Trainer, path: str | os.PathLike[str]) -> None:
    """Write the state arrays and the update count of every parameter as an .params file."""
    counts = optimizer._optimizer._index_update_count
    arrays = {"num_update": nd.array([optimizer._optimizer.num_update], dtype="int64")}
    for index, state in optimizer._updaters[0].states.items():
        arrays[f"{index}:count"] = nd.array([counts.get(index, 0)], dtype="int64")
        for position, array in enumerate(_arrays(state)):
            arrays[f"{index}:state:{position}"] = array
    scale = scaled_by(optimizer)
    if scale is not None:
        arrays["loss_scale"] = nd.array([scale.value, scale.steps], dtype="float64")
    nd.save(os.fspath(path), arrays)


def state_arrays(optimizer: gluon.Trainer) -> dict[str, nd.NDArray]:
    """The state arrays of every parameter, on the first context, by what they are called."""
    return {
        f"the optimiser's state of {optimizer._params[index].name} (array {position})": array
        for index, state in optimizer._updaters[0].states.items()
        for position, array in enumerate(_arrays(state))
    }


def load_optimizer(optimizer: gluon.Trainer, path: str | os.PathLike[str]) -> None:
    """Put back what save_optimizer wrote, on every context of the optimiser.

    Raises
    ------
    DataError
        If the file is damaged, or belongs to another optimiser or another network.
    """
    arrays = read_params(path)
    strange = [name for name in arrays if not NAMES.fullmatch(name)]
    if strange:
        raise DataError(f"not an optimiser's state: it holds {strange[0]!r}", path=path)
    if not optimizer._kv_initialized:
        optimizer._init_kvstore()
    inner = optimizer._optimizer
    inner.num_update = _count(arrays, "num_update", path)
    inner.begin_num_update = 0
    scale = scaled_by(optimizer)
    if scale is not None and "loss_scale" in arrays:
        value, steps = arrays["loss_scale"].asnumpy().tolist()
        scale.value, scale.steps = value, int(steps)
    saved = {int(name.split(":")[0]) for name in arrays if ":" in name}
    for number, updater in enumerate(optimizer._updaters):
        counts = {index: _count(arrays, f"{index}:count", path) for index in saved}
        inner._all_index_update_counts[optimizer._contexts[number].device_id] = counts
        for index in saved:
            updater.states[index] = _restore(optimizer, index, number, arrays, path)
            updater.states_synced[index] = True
    inner._set_current_context(optimizer._contexts[0].device_id)


def _count(arrays: dict[str, nd.NDArray], name: str, path: Any) -> int:
    if name not in arrays or arrays[name].shape != (1,):
        got = arrays[name].shape if name in arrays else "none"
        raise DataError(f"expected one number {name!r}, got {got}", path=path)
    return int(arrays[name].asscalar())


def _restore(optimizer: gluon.Trainer, index: int, number: int, arrays: dict, path: Any) -> Any:
    if index >= len(optimizer._params):
        raise DataError(
            f"holds state of parameter {index}, but the network has {len(optimizer._params)}; "
            "the checkpoint is of another network",
            path=path,
        )
    weight = optimizer._params[index].list_data()[number]
    state = optimizer._optimizer.create_state_multi_precision(index, weight)
    for position, array in enumerate(_arrays(state)):
        saved = arrays.get(f"{index}:state:{position}")
        if saved is None or saved.shape != array.shape:
            raise DataError(
                f"parameter {optimizer._params[index].name}: expected optimiser state of shape "
                f"{array.shape}, got {None if saved is None else saved.shape}; the checkpoint is "
                "of "
                "another optimiser or network",
                path=path,
            )
        saved.copyto(array)
    return state


def _arrays(state: Any) -> list[nd.NDArray]:
    """The arrays of an optimiser's state, which is None, an array or a tuple of arrays."""
    if state is None:
        return []
    return list(state) if isinstance(state, (tuple, list)) else [state]
